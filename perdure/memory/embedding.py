"""Turns texts into vectors, on this machine by ONNX Runtime or by an endpoint that speaks OpenAI's form.

The folder of an embedder holds ``model.onnx`` (``input_ids`` and ``attention_mask`` to one vector of length one for each
text) and ``tokenizer.json``; ``make setup`` prepares one of all-MiniLM-L6-v2 in eight bits.
"""

from __future__ import annotations

import asyncio
import hashlib
import importlib
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from perdure.contracts.errors import ConfigurationError, StoreUnavailable
from perdure.memory.vectors import Embedder

if TYPE_CHECKING:
    from collections.abc import Sequence

MODEL, TOKENIZER = "model.onnx", "tokenizer.json"
MOST_TOKENS = 256
"""Of one text; what comes after is not looked at."""
AT_ONCE = 16
THREADS = 1
"""The worker's other work goes on meanwhile."""
ANSWER_S = 60.0


class Embeds(Protocol):
    """Something that makes vectors."""

    async def embedder(self) -> Embedder:
        """Who makes them; StoreUnavailable where that cannot be found out now."""
        ...

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """A vector of length one for each text."""
        ...


def prepared_folder() -> Path:
    """Where ``make setup`` puts the embedder of this environment."""
    return Path(sys.prefix) / "embedder"


def embeds_of(named: str, *, model: str, key: str | None) -> Embeds | None:
    """The embedder that a setting names: a folder, an ``http(s)`` address, ``off``; empty for the prepared one.

    None where none is wanted or none was prepared. ConfigurationError for a folder that holds none.
    """
    if named.startswith(("http://", "https://")):
        return EndpointEmbedder(named, model=model, key=key)
    if named == "off":
        return None
    folder = Path(named).expanduser() if named else prepared_folder()
    if all((folder / name).is_file() for name in (MODEL, TOKENIZER)):
        return OnnxEmbedder(folder)
    if named:
        raise ConfigurationError(
            f"The folder {str(folder)!r} holds no embedder.",
            f"put {MODEL} and {TOKENIZER} there, or leave PERDURE_EMBEDDER out.",
        )
    return None


class OnnxEmbedder:
    """One model file. It is loaded when it is first used, and works on one processor at a time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._loaded: tuple[Any, Any, Embedder] | None = None

    async def embedder(self) -> Embedder:
        """The model by its file's name and contents."""
        return (await asyncio.to_thread(self._load))[2]

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """A vector for each text; those of about the same length are made together."""
        by_length = sorted(range(len(texts)), key=lambda index: len(texts[index]))
        vectors: list[list[float]] = [[] for _ in texts]
        for start in range(0, len(texts), AT_ONCE):
            chosen = by_length[start : start + AT_ONCE]
            made = await asyncio.to_thread(self._embed, [texts[index] for index in chosen])
            for index, vector in zip(chosen, made, strict=True):
                vectors[index] = vector
        return vectors

    def _load(self) -> tuple[Any, Any, Embedder]:
        with self._lock:
            if self._loaded is None:
                from tokenizers import Tokenizer

                # It tells no types.
                onnxruntime: Any = importlib.import_module("onnxruntime")
                data = (self._folder / MODEL).read_bytes()
                options = onnxruntime.SessionOptions()
                options.intra_op_num_threads = options.inter_op_num_threads = THREADS
                options.log_severity_level = 3
                session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
                tokenizer: Any = Tokenizer.from_file(str(self._folder / TOKENIZER))
                tokenizer.enable_truncation(MOST_TOKENS)
                tokenizer.enable_padding()
                dimension = int(session.get_outputs()[0].shape[-1])
                name = f"{self._folder.name}-{hashlib.sha256(data).hexdigest()[:16]}"
                self._loaded = session, tokenizer, Embedder(name, dimension)
            return self._loaded

    def _embed(self, texts: Sequence[str]) -> list[list[float]]:
        import numpy as np

        session, tokenizer, _ = self._load()
        encoded = tokenizer.encode_batch(list(texts))
        given = {
            "input_ids": np.array([each.ids for each in encoded], dtype=np.int64),
            "attention_mask": np.array([each.attention_mask for each in encoded], dtype=np.int64),
        }
        return cast("list[list[float]]", session.run(None, given)[0].tolist())


class EndpointEmbedder:
    """An endpoint whose ``/embeddings`` takes a model and texts, as OpenAI's does."""

    def __init__(self, url: str, *, model: str, key: str | None) -> None:
        if not model:
            raise ConfigurationError(
                "The embedder is an address, but no model is named.", "set PERDURE_EMBEDDER_MODEL too."
            )
        self._url = url.rstrip("/") + "/embeddings"
        self._model, self._key = model, key
        self._embedder: Embedder | None = None

    async def embedder(self) -> Embedder:
        """The model's name, and the size of a vector that it makes."""
        if self._embedder is None:
            self._embedder = Embedder(self._model, len((await self.embed(["size"]))[0]))
        return self._embedder

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """A vector for each text; StoreUnavailable where the endpoint does not give them."""
        import aiohttp
        from pydantic import ValidationError

        headers = {"Authorization": f"Bearer {self._key}"} if self._key else {}
        body = {"model": self._model, "input": list(texts), "encoding_format": "float"}
        try:
            timeout = aiohttp.ClientTimeout(total=ANSWER_S)
            async with (
                aiohttp.ClientSession(headers=headers, timeout=timeout) as session,
                session.post(self._url, json=body) as response,
            ):
                data = await response.read()
                response.raise_for_status()
            return _vectors_of(data, len(texts))
        except (aiohttp.ClientError, TimeoutError, ValidationError, ValueError) as error:
            raise StoreUnavailable(
                f"The embedder at {self._url!r} gives no vectors: {str(error) or type(error).__name__}.",
                "see that PERDURE_EMBEDDER, PERDURE_EMBEDDER_MODEL and PERDURE_EMBEDDER_API_KEY are right.",
            ) from error


def _vectors_of(data: bytes, count: int) -> list[list[float]]:
    """The vectors of an answer in the order of the texts; ValueError for an answer of another form."""
    from pydantic import BaseModel

    class One(BaseModel):
        index: int
        embedding: list[float]

    class Answer(BaseModel):
        data: list[One]

    answered = sorted(Answer.model_validate_json(data).data, key=lambda one: one.index)
    if [one.index for one in answered] != list(range(count)):
        raise ValueError(f"{len(answered)} vectors came for {count} texts")
    return [_of_length_one(one.embedding) for one in answered]


def _of_length_one(vector: list[float]) -> list[float]:
    length = sum(number * number for number in vector) ** 0.5
    if not length:
        raise ValueError("a vector of zeros came")
    return [number / length for number in vector]
