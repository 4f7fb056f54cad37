"""Vectors in Chroma: collections of texts with their embeddings, which can always be made again from what they describe.

Whoever embeds names the embedder and its dimension. A collection that was made with another one is of no use and is made
anew, empty; its owner fills it again. Chroma is never asked to embed anything: that would load a model from the network.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, cast
from urllib.parse import urlsplit

from perdure.contracts.errors import ConfigurationError, InvalidInput, StoreUnavailable

VERSION = 1
"""Of how a collection is laid out: another one is made anew too."""
AT_ONCE = 100
"""Items sent in one request."""
MOST_FOUND = 100
ANSWER_S = 10.0
"""How long a request may take."""

Got = TypeVar("Got")
Scalar = str | int | float | bool


@dataclass(frozen=True)
class Embedder:
    """What makes the vectors of a collection: vectors of two embedders cannot be compared."""

    name: str
    dimension: int


@dataclass(frozen=True)
class Item:
    """A text with its vector. ``facts`` are what a search may ask for."""

    id: str
    vector: Sequence[float]
    text: str
    facts: Mapping[str, Scalar]


@dataclass(frozen=True)
class Found:
    """An item near a vector; the smaller the distance (0 to 2, cosine), the nearer."""

    id: str
    text: str
    facts: Mapping[str, Scalar]
    distance: float


class Vectors:
    """A client of one Chroma server. Everything raises ``StoreUnavailable`` while the server does not answer in time."""

    def __init__(self, url: str, *, answer_s: float = ANSWER_S) -> None:
        """``url`` is ``http://host:port``. Nothing is asked of the server yet."""
        parts = urlsplit(url)
        try:
            port = parts.port
        except ValueError:
            port = 0
        named = bool(parts.hostname) and port != 0
        if parts.scheme not in {"http", "https"} or not named or parts.username is not None:
            raise ConfigurationError(
                "The address of the Chroma server is none that can be used.",
                "set PERDURE_CHROMA_URL to http://host:port, without user and password.",
            )
        self._address = url
        self._secure = parts.scheme == "https"
        self._host = parts.hostname or ""
        self._port = port or (443 if self._secure else 80)
        self._answer_s = answer_s
        self._client: Any = None

    async def version(self) -> str:
        """The server's version: it answers."""
        return str(await self.ask(lambda client: client.get_version()))

    async def collection(self, name: str, embedder: Embedder) -> Collection:
        """The collection of this embedder's vectors; made anew, empty, where there is none or it is another embedder's."""
        wanted = {"v": VERSION, "embedder": embedder.name, "dimension": embedder.dimension}

        def opened(client: Any) -> tuple[Any, bool]:
            from chromadb.errors import NotFoundError

            try:
                found = client.get_collection(name, embedding_function=None)
                if found.metadata == wanted:
                    return found, False
                client.delete_collection(name)
            except NotFoundError:
                # There is none, or another process has just removed it for the same reason.
                pass
            made = client.get_or_create_collection(
                name, metadata=wanted, embedding_function=None, configuration={"hnsw": {"space": "cosine"}}
            )
            return made, True

        handle, fresh = await self.ask(opened)
        return Collection(self, handle, embedder, fresh=fresh)

    async def ask(self, question: Callable[[Any], Got]) -> Got:
        """What the server answers; its errors become ours."""
        import httpx
        from chromadb.errors import ChromaError, InvalidArgumentError

        def asked() -> Got:
            return question(self._connected())

        try:
            async with asyncio.timeout(self._answer_s):
                return await asyncio.to_thread(asked)
        except InvalidArgumentError as error:
            raise InvalidInput(f"Chroma refuses what it was given: {error}", "mend what is named.") from error
        except (httpx.HTTPError, ChromaError, OSError, ValueError) as error:
            why = str(error) or f"nothing came within {self._answer_s:g} s"
            raise StoreUnavailable(
                f"Chroma at {self._address!r} does not answer: {why.rstrip('.')}.",
                "see that the server runs and can be reached; what it holds can be made again.",
            ) from error

    def _connected(self) -> Any:
        """Chroma's own client, which greets the server when it is made."""
        if self._client is None:
            import chromadb
            from chromadb.config import Settings

            quiet = Settings(anonymized_telemetry=False)
            self._client = chromadb.HttpClient(self._host, self._port, ssl=self._secure, settings=quiet)
        return self._client


class Collection:
    """One collection of a server. ``fresh`` says that it was made just now and holds nothing."""

    def __init__(self, vectors: Vectors, handle: Any, embedder: Embedder, *, fresh: bool) -> None:
        self._vectors = vectors
        self._handle = handle
        self._embedder = embedder
        self.fresh = fresh

    async def put(self, items: Sequence[Item]) -> None:
        """Store items, in the place of those with the same ids, some at a time."""
        for item in items:
            self._refuse_other_dimension(item.vector)
        for start in range(0, len(items), AT_ONCE):
            batch = items[start : start + AT_ONCE]
            await self._vectors.ask(
                lambda _, batch=batch: self._handle.upsert(
                    ids=[item.id for item in batch],
                    embeddings=[list(item.vector) for item in batch],
                    documents=[item.text for item in batch],
                    # Chroma refuses an item without any fact.
                    metadatas=[{"v": VERSION, **item.facts} for item in batch],
                )
            )

    async def near(
        self, vector: Sequence[float], *, most: int, facts: Mapping[str, Scalar] | None = None
    ) -> list[Found]:
        """The nearest items, nearest first, of those that have all these facts."""
        self._refuse_other_dimension(vector)
        asked = [{name: value} for name, value in (facts or {}).items()]
        answer = await self._vectors.ask(
            lambda _: self._handle.query(
                query_embeddings=[list(vector)],
                n_results=min(most, MOST_FOUND),
                where={"$and": asked} if len(asked) > 1 else asked[0] if asked else None,
                include=["documents", "metadatas", "distances"],
            )
        )
        columns = (answer["ids"][0], answer["documents"][0], answer["metadatas"][0], answer["distances"][0])
        return [
            Found(
                id=str(id),
                text=str(text),
                facts={
                    name: value for name, value in cast("dict[str, Scalar]", known).items() if name != "v"
                },
                distance=float(distance),
            )
            for id, text, known, distance in zip(*columns, strict=True)
        ]

    async def remove(self, ids: Sequence[str]) -> None:
        """Remove items; ids that are not there are passed over."""
        for start in range(0, len(ids), AT_ONCE):
            batch = list(ids[start : start + AT_ONCE])
            await self._vectors.ask(lambda _, batch=batch: self._handle.delete(ids=batch))

    async def count(self) -> int:
        """How many items there are."""
        return int(await self._vectors.ask(lambda _: self._handle.count()))

    def _refuse_other_dimension(self, vector: Sequence[float]) -> None:
        if len(vector) != self._embedder.dimension:
            raise InvalidInput(
                f"A vector of {len(vector)} numbers was given where {self._embedder.name!r} makes "
                f"{self._embedder.dimension}.",
                "embed the text with the collection's embedder.",
            )
