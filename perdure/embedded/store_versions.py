"""Versions of the stores that answer over the network, asked once."""

import asyncio
import http.client
import json
import urllib.request
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from perdure.contracts.errors import StoreUnavailable

ANSWER_S = 3.0


async def valkey_version(url: str) -> str:
    """The version of a Valkey or Redis server; StoreUnavailable where it does not answer."""
    from redis.asyncio import Redis
    from redis.exceptions import RedisError

    try:
        # The client's constructors are only partly annotated.
        client = Redis.from_url(url, socket_timeout=ANSWER_S, socket_connect_timeout=ANSWER_S)  # pyright: ignore[reportUnknownMemberType]
    except ValueError:
        # Without its cause, which quotes parts of the URL: a password may be among them.
        raise _no_url("Valkey", "redis://host:port/0, rediss:// or unix:///path") from None
    try:
        async with client:
            # Its keywords have no annotations either.
            facts = await client.info("server")  # pyright: ignore[reportUnknownMemberType]
    except (RedisError, OSError) as error:
        raise _silent("Valkey does not answer", error) from error
    return str(facts.get("valkey_version") or facts.get("redis_version", "unknown"))


async def chroma_version(url: str) -> str:
    """The version of a Chroma server; StoreUnavailable where it does not answer, or where something else does."""
    if not _is_http(url):
        raise _no_url("Chroma", "http://host:port, without name and password")

    def asked() -> object:
        with urllib.request.urlopen(f"{url.rstrip('/')}/api/v2/version", timeout=ANSWER_S) as answer:
            return json.load(answer)

    try:
        version = await asyncio.to_thread(asked)
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise _silent(f"Chroma does not answer at {url}", error) from error
    if not isinstance(version, str):
        raise StoreUnavailable("What answers is no Chroma server.", "see which server the URL names.")
    return version


def _is_http(url: str) -> bool:
    """Whether it is a URL that the server can be asked by: Chroma knows no logins."""
    try:
        parts = urlsplit(url)
        # Reading the port is what checks it.
        whole = bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    plain = url.isascii() and url.isprintable() and " " not in url
    return whole and plain and parts.scheme in {"http", "https"} and not set("@?#") & set(url)


def _no_url(store: str, form: str) -> StoreUnavailable:
    return StoreUnavailable(f"That is no URL of a {store} server.", f"write it as {form}.")


def _silent(what: str, error: Exception) -> StoreUnavailable:
    reason = str(error).strip().rstrip(".")
    return StoreUnavailable(f"{what}: {reason}.", "see that the server runs and can be reached.")


STORE_VERSIONS: dict[str, Callable[[str], Awaitable[str]]] = {
    "valkey": valkey_version,
    "chroma": chroma_version,
}
"""How each store is asked, by its name in the stack."""
