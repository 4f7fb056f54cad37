"""Git objects written and read without starting a process: blobs and commits, in Git's loose format."""

import hashlib
import zlib
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from perdure.workspace.refusals import refusal_of
from perdure.workspace.storage import make_folder, put

LARGE_TREE_BYTES = 32 * 1024
"""Trees are mostly ids, which cannot be compressed: above this size it takes longer than it is worth."""


def write_object(objects: Path, kind: str, data: bytes, *, durable: bool = True) -> str:
    """Store an object where it is missing and give its id; if wanted it is on the disk when this returns."""
    whole = f"{kind} {len(data)}\0".encode() + data
    # SHA-1 names objects in Git's format; nothing here relies on it against an attacker.
    oid = hashlib.sha1(whole, usedforsecurity=False).hexdigest()
    path = objects / oid[:2] / oid[2:]
    if path.exists():
        return oid
    try:
        make_folder(path.parent)
        level = 0 if kind == "tree" and len(data) > LARGE_TREE_BYTES else 1
        put(path, zlib.compress(whole, level), mode=0o444, durable=durable)
    except OSError as error:
        raise refusal_of(error, str(path)) from error
    return oid


def read_loose_object(objects: Path, oid: str) -> bytes | None:
    """The content of a loose object; None where it is not there as one (it may be in a pack)."""
    try:
        whole = zlib.decompress((objects / oid[:2] / oid[2:]).read_bytes())
    except (FileNotFoundError, zlib.error):
        return None
    return whole.partition(b"\0")[2]


def commit_content(
    *, tree: str, parents: Sequence[str], name: str, email: str, at: datetime, message: str
) -> bytes:
    """A commit's bytes; author and committer are the same and dates are in UTC, so a retry makes the same commit."""
    moment = int(at.astimezone(UTC).timestamp())
    person = f"{_plain(name)} <{_plain(email)}> {moment} +0000"
    lines = [
        f"tree {tree}",
        *(f"parent {parent}" for parent in parents),
        f"author {person}",
        f"committer {person}",
    ]
    return ("\n".join([*lines, "", message.rstrip("\n") + "\n"])).encode("utf-8", "replace")


def _plain(text: str) -> str:
    """A person's name without the characters that would end its field."""
    return "".join(character for character in text if character not in "<>\n\r\0").strip()
