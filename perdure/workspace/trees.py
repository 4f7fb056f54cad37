"""Git trees read, changed in a few places and written without a process for each.

What is kept in memory is named by the tree's own id, so it is right for ever and may be forgotten at any time.
"""

import hashlib
import re
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from perdure.workspace.program import Folders, GitProgram

KEPT_ENTRIES = 200_000
"""Of the trees in memory; about 100 bytes each."""

_ENTRY = re.compile(rb"([0-7]+) ([^\0]+)\0(.{20})", re.DOTALL)
FOLDER = b"40000"


class TreesDiffer(Exception):
    """A tree is not here, or does not hold what it was thought to: nothing is built on it."""


@dataclass(frozen=True)
class Blob:
    """A file's or link's place in a tree, with its bytes."""

    mode: bytes
    oid: bytes
    data: bytes


@dataclass(frozen=True)
class Tree:
    """One folder. ``keys`` are in Git's order, in which a folder's name ends in '/'."""

    keys: Sequence[bytes]
    entries: Sequence[bytes]
    """Each as it is written in the tree: mode, name and id."""

    @classmethod
    def read(cls, data: bytes) -> "Tree":
        """The tree that a tree object's content describes."""
        keys: list[bytes] = []
        entries: list[bytes] = []
        for found in _ENTRY.finditer(data):
            entries.append(found[0])
            keys.append(found[2] + b"/" if found[1] == FOLDER else found[2])
        if sum(map(len, entries)) != len(data):
            raise TreesDiffer("A tree object cannot be read.")
        return cls(keys, entries)

    @cached_property
    def data(self) -> bytes:
        """The tree object's content."""
        return b"".join(self.entries)

    @cached_property
    def oid(self) -> bytes:
        """The tree's id, as 20 bytes."""
        return object_id("tree", self.data)

    def entry(self, key: bytes) -> bytes | None:
        """The entry with this key."""
        place = bisect_left(self.keys, key)
        return self.entries[place] if place < len(self.keys) and self.keys[place] == key else None

    def changed(self, changes: Mapping[bytes, tuple[bytes, bytes] | None]) -> "Tree":
        """The tree with other entries (mode and id by name), or without them (None)."""
        keys, entries = list(self.keys), list(self.entries)
        for name, wanted in changes.items():
            for key in (name, name + b"/"):
                place = bisect_left(keys, key)
                if place < len(keys) and keys[place] == key:
                    del keys[place], entries[place]
            if wanted is not None:
                mode, oid = wanted
                key = name + b"/" if mode == FOLDER else name
                place = bisect_left(keys, key)
                keys.insert(place, key)
                entries.insert(place, mode + b" " + name + b"\0" + oid)
        return Tree(keys, entries)


EMPTY = Tree((), ())

Trees = Mapping[bytes, Tree | None]
"""Trees by the path of their folder, b"" for the root; None where there is no such folder."""


class KnownTrees:
    """Trees read through Git, with those read or made lately in memory."""

    def __init__(self, program: GitProgram) -> None:
        self._program = program
        self._known: OrderedDict[tuple[str, bytes], Tree | None] = OrderedDict()
        self._entries = 0

    async def read(self, folders: Folders, root: str, wanted: Iterable[bytes]) -> dict[bytes, Tree | None]:
        """The trees of these folders below ``root``; TreesDiffer where they cannot be told."""
        found: dict[bytes, Tree | None] = {}
        missing: list[bytes] = []
        for folder in wanted:
            if (root, folder) in self._known:
                found[folder] = self._known[root, folder]
            else:
                missing.append(folder)
        if not missing:
            return found
        if any(b"\n" in folder for folder in missing):
            raise TreesDiffer("A folder's name cannot be asked for.")
        lines = b"".join(root.encode() + (b":" + folder if folder else b"") + b"\n" for folder in missing)
        answer = (await self._program.run("cat-file", "--batch", folders=folders, stdin=lines)).output
        for folder in missing:
            head, _, answer = answer.partition(b"\n")
            kind, size = None, 0
            if not head.endswith(b" missing"):
                _, kind, length = head.split(b" ")
                size = int(length)
                data, answer = answer[:size], answer[size + 1 :]
                found[folder] = Tree.read(data) if kind == b"tree" else None
            else:
                found[folder] = None
            self.remember(root, folder, found[folder])
        return found

    def remember(self, root: str, folder: bytes, tree: Tree | None) -> None:
        """Keep a tree for the next time."""
        before = self._known.pop((root, folder), None)
        self._known[root, folder] = tree
        self._entries += _weight(tree) - (_weight(before) if before is not None else 0)
        while self._entries > KEPT_ENTRIES and len(self._known) > 1:
            self._entries -= _weight(self._known.popitem(last=False)[1])


def amended(trees: Trees, changes: Mapping[bytes, Blob | None]) -> dict[bytes, Tree]:
    """The trees of every folder that holds a changed path, after the changes; an empty folder has none.

    ``trees`` holds these folders as they were. TreesDiffer where one of them is missing that its parent names.
    """
    by_folder: dict[bytes, dict[bytes, tuple[bytes, bytes] | None]] = {b"": {}}
    for path, blob in changes.items():
        folder, _, name = path.rpartition(b"/")
        by_folder.setdefault(folder, {})[name] = None if blob is None else (blob.mode, blob.oid)
        for above in folders_above(folder):
            by_folder.setdefault(above, {})
    made: dict[bytes, Tree] = {}
    for folder in sorted(by_folder, key=lambda each: each.count(b"/") if each else -1, reverse=True):
        before = trees[folder]
        if folder and before is None:
            parent, _, name = folder.rpartition(b"/")
            above = trees[parent]
            if above is not None and above.entry(name + b"/") is not None:
                raise TreesDiffer("The tree of a folder is not here.")
        if not folder and before is None:
            raise TreesDiffer("The root's tree is not here.")
        made[folder] = tree = (before or EMPTY).changed(by_folder[folder])
        if folder:
            parent, _, name = folder.rpartition(b"/")
            if tree.keys:
                by_folder[parent][name] = (FOLDER, tree.oid)
            else:
                by_folder[parent].setdefault(name, None)
    return {folder: tree for folder, tree in made.items() if tree.keys or not folder}


def folders_above(folder: bytes) -> list[bytes]:
    """The folder's parents, the root among them."""
    parts = folder.split(b"/")
    return [b"/".join(parts[:length]) for length in range(len(parts))]


def object_id(kind: str, data: bytes) -> bytes:
    """The id that Git gives such an object."""
    digest = hashlib.sha1(f"{kind} {len(data)}\0".encode(), usedforsecurity=False)
    digest.update(data)
    return digest.digest()


def parts_of(entry: bytes) -> tuple[bytes, bytes, bytes]:
    """Mode, name and id of a tree's entry."""
    mode, _, rest = entry.partition(b" ")
    return mode, rest[:-21], rest[-20:]


def _weight(tree: Tree | None) -> int:
    return 1 + (len(tree.keys) if tree is not None else 0)
