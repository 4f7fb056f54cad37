"""Every place where something of a task is shown, sent or kept, and which of the wanted texts stands there."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import zstandard
from redis.asyncio import Redis
from temporalio.api.history.v1 import HistoryEvent

from perdure.memory.database import Database

EXACT_KINDS = (
    "application/x-git-packed-objects",
    "application/vnd.perdure.exact+json",
    "application/vnd.perdure.delta",
)
"""Media types of artifacts that must give the files back byte by byte."""


def bytes_of_history(history: Any) -> bytes:
    """All events as the server keeps them, payloads included."""
    return b"".join(event.SerializeToString() for event in history.events)


def said_by_people(event: HistoryEvent) -> bool:
    """Whether the server stored in this event what a person sent, before any worker read it."""
    kind = event.WhichOneof("attributes") or ""
    return kind in {
        "workflow_execution_started_event_attributes",
        "workflow_execution_signaled_event_attributes",
        "workflow_execution_update_accepted_event_attributes",
    }


async def rows(database: Database) -> dict[str, bytes]:
    """Everything in every table, by the table's name; artifacts unpacked, but for files' bytes."""
    found: dict[str, bytes] = {}
    for (name,) in await database.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"):
        texts = await database.fetch(f'SELECT t::text AS text FROM "{name}" t')
        found[name] = "\n".join(row["text"] for row in texts).encode()
    artifacts = await database.fetch("SELECT name, media_type, body FROM artifacts")
    for number, row in enumerate(artifacts):
        if row["media_type"] not in EXACT_KINDS:
            data = zstandard.ZstdDecompressor().decompress(row["body"], max_output_size=1 << 26)
            found[f"artifact {number} {row['name']}"] = data
    return found


async def values_of(redis_url: str) -> dict[str, bytes]:
    """Everything in Redis, by key."""
    client: Any = Redis.from_url(redis_url)  # pyright: ignore[reportUnknownMemberType] - partly untyped
    try:
        return {key.decode(): b"\n".join([key, *await _held(client, key)]) for key in await client.keys("*")}
    finally:
        await client.aclose()


async def _held(client: Any, key: bytes) -> list[bytes]:
    kind = (await client.type(key)).decode()
    if kind == "string":
        return [await client.get(key) or b""]
    if kind == "list":
        return list(await client.lrange(key, 0, -1))
    if kind == "hash":
        return [part for pair in (await client.hgetall(key)).items() for part in pair]
    if kind == "set":
        return list(await client.smembers(key))
    if kind == "zset":
        return list(await client.zrange(key, 0, -1))
    # It vanished between both looks; anything else would be a kind that nobody looks into here.
    assert kind == "none", f"{key!r} is of the kind {kind!r}"
    return []


def home_files(home: Path) -> Iterator[tuple[str, bytes]]:
    """What the worker keeps on its disk, besides the files of tasks."""
    for file in home.rglob("*"):
        if file.is_file() and "workspaces" not in file.relative_to(home).parts:
            yield str(file.relative_to(home)), file.read_bytes()


def leaks(seeds: Mapping[str, str], places: Mapping[str, bytes]) -> list[str]:
    """Which credential stands where: all of it, or a half of it, as a cut would leave one."""
    found: list[str] = []
    for name, secret in seeds.items():
        half = len(secret) // 2
        parts = {secret.encode(), secret[: half + 2].encode(), secret[half - 2 :].encode()}
        parts |= {part.lower() for part in parts}
        for place, data in places.items():
            found += [f"{name} in {place}"] * any(part in data for part in parts)
    return found
