"""Artifacts: bytes of a task under a name that only somebody with the task's key can compute from them."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
from collections import OrderedDict
from typing import TYPE_CHECKING, TypeVar

import zstandard

from perdure.contracts.calls import ArtifactRef
from perdure.contracts.errors import InvalidInput
from perdure.memory.stored_json import damaged, plain_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from perdure.memory.database import Database

Result = TypeVar("Result")

MAX_ARTIFACT_BYTES = 256 * 1024 * 1024
KEPT_KEYS = 1_000
SMALL_BYTES = 64 * 1024
"""Up to this size the work takes less than handing it to a thread."""

PUT = """
INSERT INTO artifacts (task_id, id, name, media_type, bytes, body)
VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (task_id, id) DO UPDATE SET stored_at = now()
"""
"""Bytes that are stored again count as new: whoever collects garbage leaves them alone for a while."""
GET = """
SELECT a.bytes, a.body, k.key FROM artifacts a JOIN artifact_keys k USING (task_id)
WHERE a.task_id = $1 AND a.id = $2
"""
KEY = "SELECT key FROM artifact_keys WHERE task_id = $1"
MAKE_KEY = "INSERT INTO artifact_keys (task_id, key) VALUES ($1, $2) ON CONFLICT DO NOTHING"
KEY_BYTES = 32


def unknown_task(task_id: str) -> InvalidInput:
    """The error for a task that was never opened."""
    return InvalidInput(f"The record has no task {task_id!r}.", "open the task first, in the same database")


class Artifacts:
    """The part of the record that holds bytes."""

    _database: Database
    _artifact_keys: OrderedDict[str, bytes]

    async def put_artifact(self, task_id: str, name: str, data: bytes, media_type: str) -> ArtifactRef:
        """Store bytes once a task; equal bytes have the same id within a task and unlike ids in two tasks."""
        if len(data) > MAX_ARTIFACT_BYTES:
            raise InvalidInput(
                f"The artifact {name!r} has {len(data):,} bytes; at most {MAX_ARTIFACT_BYTES:,} are kept.",
                "store a part of it",
            )
        key = await self._artifact_key(task_id)
        identity, body = await _computed(len(data), pack, key, data)
        await self._database.fetch(
            PUT, task_id, identity, plain_text(name), plain_text(media_type), len(data), body
        )
        return ArtifactRef(id=identity, name=name, bytes=len(data), media_type=media_type)

    async def artifact(self, task_id: str, id: str) -> bytes:
        """The bytes of an artifact, checked against its id."""
        row = await self._database.fetchrow(GET, task_id, id)
        if row is None:
            raise InvalidInput(
                f"Task {task_id!r} has no artifact {id!r}.",
                "give an id that the record returned for this task",
            )
        data = await _computed(row["bytes"], _unpack, row["body"], row["bytes"], row["key"], id)
        if data is None:
            raise damaged(f"artifact {id!r} of task {task_id!r}")
        return data

    async def make_artifact_key(self, task_id: str) -> None:
        """Let bytes of a task be stored that was perhaps never opened; a key that is there stays."""
        await self._database.fetch(MAKE_KEY, task_id, secrets.token_bytes(KEY_BYTES))

    async def _artifact_key(self, task_id: str) -> bytes:
        key = self._artifact_keys.get(task_id)
        if key is None:
            row = await self._database.fetchrow(KEY, task_id)
            if row is None:
                raise unknown_task(task_id)
            key = bytes(row["key"])
            self._artifact_keys[task_id] = key
            if len(self._artifact_keys) > KEPT_KEYS:
                self._artifact_keys.popitem(last=False)
        return key


async def _computed(size: int, work: Callable[..., Result], *arguments: object) -> Result:
    """Big bytes are worked on in a thread, so that the event loop goes on."""
    if size <= SMALL_BYTES:
        return work(*arguments)
    return await asyncio.to_thread(work, *arguments)


def _identity(key: bytes, data: bytes) -> str:
    return hmac.new(key, data, hashlib.sha256).hexdigest()


def pack(key: bytes, data: bytes) -> tuple[str, bytes]:
    """Id and body of an artifact."""
    return _identity(key, data), zstandard.ZstdCompressor(level=3).compress(data)


def _unpack(body: bytes, size: int, key: bytes, identity: str) -> bytes | None:
    """The bytes, or None where they are not those that were stored."""
    try:
        data = zstandard.ZstdDecompressor().decompress(body, max_output_size=size)
    except zstandard.ZstdError:
        return None
    return data if hmac.compare_digest(_identity(key, data), identity) else None
