"""Versions of the stores that answer over the network, asked once."""

import asyncio
import json
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable

from perdure.contracts.errors import StoreUnavailable

ANSWER_S = 3.0


async def valkey_version(url: str) -> str:
    """The version of a Valkey or Redis server; StoreUnavailable where it does not answer."""
    from redis.asyncio import Redis
    from redis.exceptions import RedisError

    # The client's constructors are only partly annotated.
    client = Redis.from_url(url, socket_timeout=ANSWER_S, socket_connect_timeout=ANSWER_S)  # pyright: ignore[reportUnknownMemberType]
    try:
        async with client:
            # Its keywords have no annotations either.
            facts = await client.info("server")  # pyright: ignore[reportUnknownMemberType]
    except (RedisError, OSError) as error:
        raise StoreUnavailable(
            f"Valkey does not answer: {error}.", "see that the server runs and can be reached."
        ) from error
    return str(facts.get("valkey_version") or facts.get("redis_version", "unknown"))


async def chroma_version(url: str) -> str:
    """The version of a Chroma server; StoreUnavailable where it does not answer."""

    def asked() -> str:
        with urllib.request.urlopen(f"{url.rstrip('/')}/api/v2/version", timeout=ANSWER_S) as answer:
            return str(json.load(answer))

    try:
        return await asyncio.to_thread(asked)
    except (OSError, ValueError, urllib.error.URLError) as error:
        raise StoreUnavailable(
            f"Chroma does not answer at {url}: {error}.", "see that the server runs and can be reached."
        ) from error


STORE_VERSIONS: dict[str, Callable[[str], Awaitable[str]]] = {
    "valkey": valkey_version,
    "chroma": chroma_version,
}
"""How each store is asked, by its name in the stack."""
