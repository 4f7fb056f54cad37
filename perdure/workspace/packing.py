"""The thin pack of a checkpoint that was made from another in a few places, built without a process.

What a pack may hold is described in gitformat-pack(5). A delta here copies all between the places that changed.
"""

import hashlib
import struct
import zlib
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from pathlib import Path

from perdure.workspace.amendment import Amendment
from perdure.workspace.objects import read_loose_object
from perdure.workspace.trees import EMPTY, FOLDER, Blob, Tree, Trees, TreesDiffer, parts_of

MOST_WHOLE_BYTES = 64 * 1024
"""Of files whose earlier content is not at hand: for more of them Git looks for what they share with others."""

_COMMIT, _TREE, _BLOB, _DELTA = 1, 2, 3, 7
_MOST_COPIED = 0xFFFF
_SMALL = 64
"""So few bytes are not worth a delta."""

Packed = tuple[int, bytes, bytes]
"""Kind, id of the base that a delta needs, and content."""


def pack_of(objects: Path, commit: bytes, before: Trees, made: Amendment) -> bytes | None:
    """The commit, and what is in its tree and not in the one before; None where Git packs it better."""
    trees, blobs = new_objects(before, made.after, made.blobs)
    found: dict[bytes, Packed] = {}
    for folder, tree in trees.items():
        old = before[folder]
        found[tree.oid] = (_TREE, b"", tree.data) if old is None else (_DELTA, old.oid, tree_delta(old, tree))
    for path, blob in blobs.items():
        found[blob.oid] = _packed_blob(objects, before, path, blob)
    if sum(len(data) for kind, _, data in found.values() if kind == _BLOB) > MOST_WHOLE_BYTES:
        return None
    # A base is of the checkpoint before, so what equals one is not new; packed as well, it could need itself.
    bases = {base for _, base, _ in found.values()}
    return thin_pack([(_COMMIT, b"", commit), *(found[oid] for oid in sorted(found.keys() - bases))])


def _packed_blob(objects: Path, before: Trees, path: bytes, blob: Blob) -> Packed:
    folder, _, name = path.rpartition(b"/")
    entry = (before[folder] or EMPTY).entry(name)
    if entry is None or len(blob.data) < _SMALL:
        return _BLOB, b"", blob.data
    mode, _, oid = parts_of(entry)
    old = None if mode == b"160000" else read_loose_object(objects, oid.hex())
    if old is None:
        return _BLOB, b"", blob.data
    return _DELTA, oid, bytes_delta(old, blob.data)


def new_objects(
    before: Trees, after: Mapping[bytes, Tree], blobs: Mapping[bytes, Blob]
) -> tuple[dict[bytes, Tree], dict[bytes, Blob]]:
    """Trees by folder, and files by path, that are in one tree and not in the other; TreesDiffer where one is not at hand."""
    trees: dict[bytes, Tree] = {}
    files: dict[bytes, Blob] = {}
    waiting = [b""]
    while waiting:
        folder = waiting.pop()
        tree, old = after.get(folder), before.get(folder)
        if tree is None or (folder not in before):
            raise TreesDiffer("What is new since the checkpoint before is not at hand.")
        if old is not None and old.oid == tree.oid:
            continue
        trees[folder] = tree
        for entry in set(tree.entries).difference((old or EMPTY).entries):
            mode, name, oid = parts_of(entry)
            path = folder + b"/" + name if folder else name
            if mode == FOLDER:
                waiting.append(path)
                continue
            blob = blobs.get(path)
            if blob is None or blob.oid != oid:
                raise TreesDiffer("What is new since the checkpoint before is not at hand.")
            files[path] = blob
    return trees, files


def _shared(one: bytes, other: bytes) -> int:
    """How many first bytes are the same, found by halving."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def tree_delta(base: Tree, tree: Tree) -> bytes:
    """Instructions that make the tree of the base: copied are all runs between changes."""
    different = set(tree.entries).symmetric_difference(base.entries)
    parts = [_length(len(base.data)), _length(len(tree.data))]
    offset = mine = theirs = 0
    for key in sorted({_key(entry) for entry in different}):
        end = bisect_left(base.keys, key)
        size = sum(map(len, base.entries[theirs:end]))
        parts += _copies(offset, size)
        offset, mine, theirs = offset + size, mine + end - theirs, end
        if theirs < len(base.keys) and base.keys[theirs] == key:
            offset, theirs = offset + len(base.entries[theirs]), theirs + 1
        if mine < len(tree.keys) and tree.keys[mine] == key:
            parts += _insertions(tree.entries[mine])
            mine += 1
    parts += _copies(offset, len(base.data) - offset)
    return b"".join(parts)


def bytes_delta(base: bytes, data: bytes) -> bytes:
    """Instructions that make the bytes of the base: copied are the beginning and the end that both share."""
    start = _shared(base, data)
    most = min(len(base), len(data)) - start
    end = _shared(base[len(base) - most :][::-1], data[len(data) - most :][::-1])
    return b"".join(
        [
            _length(len(base)),
            _length(len(data)),
            *_copies(0, start),
            *_insertions(data[start : len(data) - end]),
            *_copies(len(base) - end, end),
        ]
    )


def _insertions(data: bytes) -> list[bytes]:
    """Instructions that insert these bytes, at most 127 at once."""
    return [
        bytes((len(part),)) + part
        for start in range(0, len(data), 127)
        if (part := data[start : start + 127])
    ]


def thin_pack(objects: Sequence[Packed]) -> bytes:
    """A pack of these objects."""
    whole = [b"PACK", struct.pack(">II", 2, len(objects))]
    for kind, base, data in objects:
        size = len(data)
        header = bytearray(((kind << 4) | (size & 15),))
        size >>= 4
        while size:
            header[-1] |= 0x80
            header.append(size & 0x7F)
            size >>= 7
        whole += (bytes(header), base, zlib.compress(data, 6))
    content = b"".join(whole)
    return content + hashlib.sha1(content, usedforsecurity=False).digest()


def _key(entry: bytes) -> bytes:
    mode, name, _ = parts_of(entry)
    return name + b"/" if mode == FOLDER else name


def _length(size: int) -> bytes:
    parts = bytearray((size & 0x7F,))
    size >>= 7
    while size:
        parts[-1] |= 0x80
        parts.append(size & 0x7F)
        size >>= 7
    return bytes(parts)


def _copies(offset: int, size: int) -> list[bytes]:
    """Instructions that copy a part of the base."""
    found: list[bytes] = []
    while size:
        part = min(size, _MOST_COPIED)
        code, numbers = 0x80, bytearray()
        for place, value in enumerate((*offset.to_bytes(4, "little"), *part.to_bytes(2, "little"))):
            if value:
                code |= 1 << place
                numbers.append(value)
        found.append(bytes((code,)) + numbers)
        offset, size = offset + part, size - part
    return found
