"""The embedder that set-up prepares, one at an address, and what is said where there is none."""

import asyncio
import math
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web

from perdure.contracts.errors import ConfigurationError, StoreUnavailable
from perdure.memory.embedder_set_up import is_prepared, main
from perdure.memory.embedder_weights import quantized
from perdure.memory.embedding import EndpointEmbedder, embeds_of, prepared_folder


def product(one: list[float], other: list[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))


def test_set_up_prepared_an_embedder_and_does_nothing_again(capsys: pytest.CaptureFixture[str]) -> None:
    assert is_prepared(prepared_folder())
    assert main(["--required"], {}) == 0
    assert "Nothing to prepare" in capsys.readouterr().out


async def test_texts_of_one_meaning_are_nearer_than_texts_of_two() -> None:
    embeds = embeds_of("", model="", key=None)
    assert embeds is not None
    texts = ["A man is eating food.", "A man eats something.", "The girl carries a baby."]
    eating, eats, baby = await embeds.embed(texts)
    assert (await embeds.embedder()).dimension == len(eating) == 384
    assert product(eating, eats) > 0.8
    assert product(eating, baby) < 0.2


async def test_a_vector_does_not_depend_on_the_texts_beside_it() -> None:
    embeds = embeds_of("", model="", key=None)
    assert embeds is not None
    short, long = "sort numbers", "a much longer text about the sorting of many numbers " * 60
    (alone,) = await embeds.embed([short])
    together = await embeds.embed([long, short, *[f"text {number}" for number in range(40)]])
    assert product(alone, together[1]) > 0.99
    assert all(math.isclose(product(vector, vector), 1, abs_tol=1e-4) for vector in together)
    assert await embeds.embed([]) == []


def test_eight_bits_bring_back_what_was_there_to_half_a_step() -> None:
    import numpy as np

    values = np.array([[0.5, -2.0], [0.1, 0.0]], dtype=np.float32)
    small, scales = quantized(values, axis=0)
    assert small.dtype == np.int8
    assert np.abs(small * scales - values).max() <= scales.max() / 2


def test_what_is_no_embedder_is_refused_and_off_is_none(tmp_path: Path) -> None:
    assert embeds_of("off", model="", key=None) is None
    with pytest.raises(ConfigurationError, match="holds no embedder"):
        embeds_of(str(tmp_path), model="", key=None)
    with pytest.raises(ConfigurationError, match="no model is named"):
        embeds_of("https://127.0.0.1/v1", model="", key=None)


class Endpoint:
    """A server of embeddings whose next answer a test can set."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.answer: Any = None
        self.status = 200

    async def embeddings(self, request: web.Request) -> web.Response:
        body: dict[str, Any] = await request.json()
        self.asked.append((request.headers.get("Authorization", ""), body))
        made = [{"index": at, "embedding": [3.0, 4.0]} for at, _ in enumerate(body["input"])]
        answer: Any = {"data": made[::-1]} if self.answer is None else self.answer
        return web.json_response(answer, status=self.status)


@pytest_asyncio.fixture(loop_scope="session")
async def endpoint() -> AsyncGenerator[tuple[Endpoint, str]]:
    served = Endpoint()
    application = web.Application()
    application.router.add_post("/v1/embeddings", served.embeddings)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    _, port = runner.addresses[0][:2]
    yield served, f"http://127.0.0.1:{port}/v1"
    await runner.cleanup()


async def test_an_endpoint_is_asked_with_its_key_and_its_vectors_get_length_one(
    endpoint: tuple[Endpoint, str],
) -> None:
    served, url = endpoint
    embeds = EndpointEmbedder(url, model="small", key="secret")
    assert await embeds.embed(["a", "b"]) == [[0.6, 0.8], [0.6, 0.8]]
    assert (await embeds.embedder()).dimension == 2
    assert served.asked[0][0] == "Bearer secret"
    assert (served.asked[0][1]["model"], served.asked[0][1]["input"]) == ("small", ["a", "b"])


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        (500, None),
        (200, {"data": []}),
        (200, {"error": "no"}),
        (200, {"data": [{"index": 0, "embedding": [0.0]}]}),
    ],
)
async def test_an_endpoint_that_gives_no_vectors_is_said(
    endpoint: tuple[Endpoint, str], status: int, answer: Any
) -> None:
    served, url = endpoint
    served.status, served.answer = status, answer
    with pytest.raises(StoreUnavailable, match="gives no vectors"):
        await EndpointEmbedder(url, model="small", key=None).embed(["a"])


async def test_an_endpoint_that_is_not_there_is_said() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(asyncio.Protocol, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    with pytest.raises(StoreUnavailable, match="gives no vectors"):
        await EndpointEmbedder(f"http://127.0.0.1:{port}/v1", model="small", key=None).embed(["a"])
