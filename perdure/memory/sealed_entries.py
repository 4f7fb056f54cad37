"""Transcript entries as values for a store that is not trusted: whoever lacks the key can change none of them."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import TYPE_CHECKING

from perdure.contracts.transcript import Entry
from perdure.memory.stored_json import to_json
from perdure.memory.transcripts import Weighed

if TYPE_CHECKING:
    from collections.abc import Mapping

VERSION = b"1"
SEAL_BYTES = 32
DIGEST_CHARACTERS = 64
HEADER = ("v", "parent", "depth", "step", "kind", "at")


def sealed(key: bytes, entry: Entry) -> bytes:
    """One entry as a value: version, seal, digest, then a line of small fields and a line with the body.

    An entry's digest does not tell the order of the body's keys, which a model reads; the seal covers every byte.
    """
    data = entry.model_dump(mode="json")
    header = to_json([data[name] for name in HEADER])
    content = f"{entry.digest}{header}\n{to_json(data['body'])}".encode("ascii")
    return VERSION + _seal(key, entry.task_id, content) + content


def digest_in(value: bytes) -> str:
    """The digest that the value claims; it proves nothing."""
    start = len(VERSION) + SEAL_BYTES
    return value[start : start + DIGEST_CHARACTERS].decode("ascii", "replace")


def unsealed(key: bytes, task_id: str, value: bytes) -> Weighed | None:
    """The entry in a value, or None where it is no value of ours, of another task, of another version, or changed.

    The digest is under the seal with the rest, by somebody who had checked it: computing it again would take longer than
    everything else and prove nothing more.
    """
    seal, content = value[len(VERSION) : len(VERSION) + SEAL_BYTES], value[len(VERSION) + SEAL_BYTES :]
    if not value.startswith(VERSION) or not hmac.compare_digest(seal, _seal(key, task_id, content)):
        return None
    header, _, body = content[DIGEST_CHARACTERS:].decode("ascii").partition("\n")
    data: Mapping[str, object] = {
        **dict(zip(HEADER, json.loads(header), strict=True)),
        "task_id": task_id,
        "body": json.loads(body),
        "digest": content[:DIGEST_CHARACTERS].decode("ascii"),
    }
    return Weighed(Entry.model_validate(data), len(body))


def _seal(key: bytes, task_id: str, content: bytes) -> bytes:
    hashed = hashlib.blake2b(key=key, digest_size=SEAL_BYTES)
    hashed.update(VERSION + task_id.encode() + b"\n")
    hashed.update(content)
    return hashed.digest()
