"""Addresses of given stores: what is no address or no such server gets a sentence, and no password is ever in it."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

import pytest

from perdure.contracts.errors import ConfigurationError
from perdure.embedded.given import GivenStore, given_chroma, given_valkey, without_password

SECRET = "hidden"


async def assert_refused(given: GivenStore, setting: str, reason: str) -> None:
    """Start and health both say what is wrong, and neither shows the password."""
    with pytest.raises(ConfigurationError) as refused:
        await given.start()
    assert setting in refused.value.message
    assert reason in refused.value.message
    health = await given.health()
    assert not health.ok
    assert reason in health.detail
    assert SECRET not in f"{refused.value}{health}"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://127.0.0.1:1",
        "localhost:6379",
        f"redis://ada:{SECRET}@127.0.0.1:port/0",
        f"redis://ada:{SECRET}/more@127.0.0.1:1/0",
        f"ada:{SECRET}@127.0.0.1:6379",
        f"redis://ada:{SECRET}@[127.0.0.1:1/0",
    ],
)
async def test_what_is_no_url_of_a_valkey_server_is_refused_with_a_sentence(url: str) -> None:
    await assert_refused(given_valkey(url), "PERDURE_REDIS_URL", "That is no URL of a Valkey server.")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "localhost:8000",
        "ftp://127.0.0.1:1",
        "http://127.0.0.1:port",
        "http://127.0.0.1:1/two words",
        f"http://ada:{SECRET}@127.0.0.1:1",
        f"http://ada:{SECRET}/more@127.0.0.1:1",
        f"http://127.0.0.1:1?token={SECRET}",
        f"ada:{SECRET}@127.0.0.1:8000",
        f"http://ada:{SECRET}@[127.0.0.1:1",
    ],
)
async def test_what_is_no_url_of_a_chroma_server_is_refused_with_a_sentence(url: str) -> None:
    await assert_refused(given_chroma(url), "PERDURE_CHROMA_URL", "That is no URL of a Chroma server.")


@asynccontextmanager
async def answering(content: bytes) -> AsyncGenerator[int]:
    """A server that says this to whoever connects; gives its port."""

    async def say(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(content)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(say, "127.0.0.1", 0)
    async with server:
        yield int(server.sockets[0].getsockname()[1])


def http_answer(body: bytes) -> bytes:
    head = f"HTTP/1.1 200 OK\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
    return head.encode() + body


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"\x00\xff no HTTP\r\n\r\n", "Chroma does not answer at http://127.0.0.1:"),
        (http_answer(b"<html></html>"), "Chroma does not answer at http://127.0.0.1:"),
        (http_answer(b'{"some": "other server"}'), "What answers is no Chroma server."),
    ],
)
async def test_another_server_is_not_taken_for_chroma(content: bytes, reason: str) -> None:
    async with answering(content) as port:
        await assert_refused(given_chroma(f"http://127.0.0.1:{port}"), "PERDURE_CHROMA_URL", reason)


async def test_another_server_is_not_taken_for_valkey() -> None:
    async with answering(http_answer(b"{}")) as port:
        given = given_valkey(f"redis://ada:{SECRET}@127.0.0.1:{port}/0")
        await assert_refused(given, "PERDURE_REDIS_URL", "Valkey does not answer")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (f"postgresql://ada:{SECRET}@host/records?password={SECRET}", "postgresql://ada@host/records"),
        (f"redis://:{SECRET}@host:1/0", "redis://@host:1/0"),
        (f"redis://ada:{SECRET}/more@host:1/0", "redis:…"),
        (f"ada:{SECRET}@host", "ada:…"),
        (f"redis://ada:{SECRET}@[host", "…"),
    ],
)
def test_a_url_is_shown_without_whatever_may_be_its_password(url: str, shown: str) -> None:
    assert without_password(url) == shown


@pytest.mark.parametrize("given_store", [given_valkey, given_chroma])
async def test_a_sentence_of_a_silent_store_ends_with_one_full_stop(
    given_store: Callable[[str], GivenStore],
) -> None:
    scheme = "redis" if given_store is given_valkey else "http"
    health = await given_store(f"{scheme}://127.0.0.1:1").health()
    assert health.detail.endswith(".")
    assert not health.detail.endswith("..")
