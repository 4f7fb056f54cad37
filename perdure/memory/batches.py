"""Batches: entries as artifacts, so that a transcript can be made again from what is primary.

Every statement that records entries also stores them, in the same transaction, as one artifact: a line of JSON about the
batch, then a line an entry. The event history names the digests; a chain is proved by them, wherever its entries lay.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from perdure.contracts.transcript import Entry
from perdure.contracts.workspace import Checkpoint
from perdure.memory.artifacts import pack
from perdure.memory.stored_json import damaged, to_json

if TYPE_CHECKING:
    from collections.abc import Sequence

MEDIA_TYPE = "application/vnd.perdure.entries"
FIELDS = ("digest", "v", "parent", "depth", "step", "kind", "at")
"""Of an entry, beside its body."""


def keeping(first: int, *, only_where: str = "true") -> str:
    """A statement's part that stores a batch, whose four parameters begin at number ``first``."""
    id, name, size, body = (f"${first + offset}" for offset in range(4))
    return f"""
    INSERT INTO artifacts (task_id, id, name, media_type, bytes, body)
    SELECT $1, {id}, {name}, '{MEDIA_TYPE}', {size}, {body} WHERE {id}::text IS NOT NULL AND {only_where}
    ON CONFLICT (task_id, id) DO UPDATE SET stored_at = now()
    """


@dataclass(frozen=True)
class Batch:
    """What one artifact of entries holds."""

    entries: tuple[Entry, ...]
    checkpoint: Checkpoint | None
    """The files after the calls whose results these are; None for entries of another kind."""


def packed(
    key: bytes, entries: Sequence[Entry], bodies: Sequence[str], checkpoint: Checkpoint | None = None
) -> tuple[str | None, str, int, bytes]:
    """The parameters for ``keeping``: id, name, bytes and body; no id where there are no entries."""
    if not entries:
        return None, "", 0, b""
    about: dict[str, Any] = {"v": 1}
    if checkpoint is not None:
        about["checkpoint"] = checkpoint.model_dump(mode="json")
    lines = [to_json(about)]
    for entry, body in zip(entries, bodies, strict=True):
        facts = to_json({name: getattr(entry, name) for name in FIELDS})
        lines.append(f'{facts[:-1]},"body":{body}}}')
    data = "\n".join(lines).encode("ascii")
    identity, compressed = pack(key, data)
    return identity, f"entries {entries[0].depth} to {entries[-1].depth}", len(data), compressed


def read_batch(task_id: str, data: bytes) -> Batch:
    """The entries of an artifact, each proved by its digest."""
    first, *lines = data.decode("ascii").split("\n")
    entries = tuple(Entry.model_validate({"task_id": task_id, **json.loads(line)}) for line in lines)
    for entry in entries:
        if entry.sealed().digest != entry.digest:
            raise damaged(f"entry {entry.digest!r} of task {task_id!r} in its artifact")
    about: dict[str, Any] = json.loads(first)
    checkpoint = about.get("checkpoint")
    return Batch(entries, None if checkpoint is None else Checkpoint.model_validate(checkpoint))
