"""The quick way to a checkpoint's tree: Git names the files that differ from the shadow index, the rest is done here.

The index stays as it is while only contents change, since writing it anew, and all trees with it, is most of what
``git add`` costs. It must always name exactly the files of the last tree: what is tracked stays tracked whatever is
ignored later. Whatever is unusual is left to Git (``adding``): nothing here is the only way.
"""

import asyncio
import os
import stat
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from perdure.workspace.adding import (
    MODE_FILE,
    MODE_LINK,
    MODE_PROGRAM,
    NO_OBJECT,
    REMOVED,
    index_line,
    look_around,
    update_index,
)
from perdure.workspace.objects import write_object
from perdure.workspace.openat2 import RESOLVE_NO_SYMLINKS, open_beneath
from perdure.workspace.program import GitProgram
from perdure.workspace.scan import Scan, scan_tree
from perdure.workspace.trees import (
    Blob,
    KnownTrees,
    Tree,
    Trees,
    TreesDiffer,
    amended,
    folders_above,
    object_id,
)
from perdure.workspace.working_copy import WorkingCopy, checksum_of

MOST_CHANGED = 100
"""Paths that may differ from the index: more of them are written into it."""
MOST_BYTES = 4 * 1024 * 1024
"""Of all changed files: more is left to Git, which need not hold a file in memory."""
KEPT_NAMES = 200_000
"""Of tracked files, in all indexes."""
KEPT_PLAIN = 1_000

Names = dict[bytes, set[bytes]]
"""Names of tracked files by their folder."""


@dataclass(frozen=True)
class Amendment:
    """A tree made from that of the index."""

    scan: Scan
    before: Trees
    """The trees of the index, by folder; only of folders in which something differs."""
    after: Mapping[bytes, Tree]
    blobs: Mapping[bytes, Blob]
    """Every file that differs from the index, by path."""

    @property
    def tree(self) -> str:
        """The id of the whole."""
        return self.after[b""].oid.hex()


class Unusual(Exception):
    """Something that Git is to look at."""


class Amending:
    """Makes amendments; what it remembers of an index is kept by the index's checksum, and of trees by their ids."""

    def __init__(self, program: GitProgram) -> None:
        self._program = program
        self._names: OrderedDict[str, Names] = OrderedDict()
        self._plain: set[Path] = set()
        """Work trees in which Git ignored nothing the last time."""
        self.trees = KnownTrees(program)

    async def amendment(self, copy: WorkingCopy) -> Amendment | None:
        """The work tree as it is now; None where Git is to look at it."""
        checksum = checksum_of(copy.shadow_index)
        known = None if checksum is None else copy.known_shadow_tree(checksum)
        if checksum is None or known is None:
            return None
        root, settled = known
        # Files of the second in which the index was written are read each time, until it is written once more.
        if not settled and time.time() >= int(copy.shadow_index.stat().st_mtime) + 1:
            return None
        try:
            return await self._made(copy, checksum, root, settled=settled)
        except (Unusual, TreesDiffer):
            return None

    async def _made(self, copy: WorkingCopy, checksum: str, root: str, *, settled: bool) -> Amendment:
        folders = copy.shadow_folders
        differing, (scan, names) = await asyncio.gather(
            self._program.run("diff-files", "-z", "--raw", folders=folders), self._look(copy, checksum)
        )
        if scan.nested or scan.unnameable or scan.closed:
            raise Unusual
        changed, gone = _differing(differing.output)
        fresh = await self._fresh(copy, scan, names)
        if len(changed) + len(gone) + len(fresh) > MOST_CHANGED:
            raise Unusual
        blobs = await asyncio.to_thread(_read_all, os.fsencode(copy.root), [*changed, *fresh])
        changes: dict[bytes, Blob | None] = {**dict.fromkeys(gone), **blobs}
        wanted = {b""}
        for path in changes:
            folder = path.rpartition(b"/")[0]
            wanted |= {folder, *folders_above(folder)}
        before = await self.trees.read(folders, root, wanted)
        after = await asyncio.to_thread(_write_all, folders.objects, before, changes)
        made = Amendment(scan, before, after, blobs)
        for folder in wanted:
            self.trees.remember(made.tree, folder, after.get(folder))
        if gone or fresh:
            await self._rename(copy, checksum, names, made, changes, settled=settled)
        return made

    async def _look(self, copy: WorkingCopy, checksum: str) -> tuple[Scan, Names]:
        """What is in the work tree, and what is tracked."""
        names = await self._tracked(copy, checksum)
        if copy.folder in self._plain:
            scan = await asyncio.to_thread(scan_tree, os.fsencode(copy.root), ())
            # Git ignores nothing but untracked files and folders without tracked ones: where there are none, it need not be asked.
            if not scan.empty_folders and not _has_untracked(scan, names):
                return scan, names
        scan = await look_around(self._program, copy.shadow_folders, copy.root)
        self._plain.discard(copy.folder)
        if not scan.ignores and not scan.empty_folders:
            if len(self._plain) >= KEPT_PLAIN:
                self._plain.clear()
            self._plain.add(copy.folder)
        return scan, names

    async def _tracked(self, copy: WorkingCopy, checksum: str) -> Names:
        names = self._names.get(checksum)
        if names is None:
            listed = await self._program.run("ls-files", "-z", folders=copy.shadow_folders)
            names = _by_folder(listed.output.split(b"\0")[:-1])
            self._remember(checksum, names)
        return names

    def _remember(self, checksum: str, names: Names) -> None:
        self._names[checksum] = names
        while len(self._names) > 1 and sum(_weight(each) for each in self._names.values()) > KEPT_NAMES:
            self._names.popitem(last=False)

    async def _fresh(self, copy: WorkingCopy, scan: Scan, names: Names) -> list[bytes]:
        """Files that are not in the index and not ignored."""
        if not _has_untracked(scan, names):
            return []
        # Between the look at what is ignored and the scan a file may have come: Git says what is to be added.
        listed = await self._program.run(
            "ls-files", "-z", "--others", "--exclude-standard", folders=copy.shadow_folders
        )
        fresh = listed.output.split(b"\0")[:-1]
        if any(path.endswith(b"/") for path in fresh):
            raise Unusual
        return fresh

    async def _rename(
        self,
        copy: WorkingCopy,
        checksum: str,
        names: Names,
        made: Amendment,
        changes: Mapping[bytes, Blob | None],
        *,
        settled: bool,
    ) -> None:
        """Write all changes into the index, whose tree is then the amendment's."""
        lines = [index_line(REMOVED, NO_OBJECT, path) for path, blob in changes.items() if blob is None]
        lines += [index_line(blob.mode.decode(), blob.oid.hex(), path) for path, blob in made.blobs.items()]
        await update_index(self._program, copy.shadow_folders, lines)
        now = checksum_of(copy.shadow_index)
        if now is None:
            raise Unusual
        copy.remember_shadow_tree(now, made.tree, settled=settled)
        self._names.pop(checksum, None)
        self._remember(now, _changed(names, changes))


def _has_untracked(scan: Scan, names: Names) -> bool:
    """Whether there is a file or link that is neither tracked nor ignored."""
    nothing: set[bytes] = set()
    return any(not names.get(folder, nothing).issuperset(files) for folder, files in scan.kept_files())


def _differing(output: bytes) -> tuple[list[bytes], list[bytes]]:
    """Paths that differ from the index, and paths that are gone."""
    changed: list[bytes] = []
    gone: list[bytes] = []
    fields = output.split(b"\0")[:-1]
    for facts, path in zip(fields[::2], fields[1::2], strict=True):
        old_mode, _, _, _, status = facts.split(b" ")
        if old_mode == b":160000" or status not in (b"M", b"T", b"D"):
            raise Unusual
        (gone if status == b"D" else changed).append(path)
    return changed, gone


def _by_folder(paths: Sequence[bytes]) -> Names:
    names: Names = {}
    for path in paths:
        folder, _, name = path.rpartition(b"/")
        names.setdefault(folder, set()).add(name)
    return names


def _changed(names: Names, changes: Mapping[bytes, Blob | None]) -> Names:
    after = dict(names)
    for path, blob in changes.items():
        folder, _, name = path.rpartition(b"/")
        there = after.get(folder, set())
        after[folder] = there - {name} if blob is None else there | {name}
    return after


def _weight(names: Names) -> int:
    return sum(map(len, names.values()))


def _read_all(root: bytes, paths: Sequence[bytes]) -> dict[bytes, Blob]:
    """The files as they are; no link on the way to one is followed."""
    handle = os.open(root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    left = MOST_BYTES
    found: dict[bytes, Blob] = {}
    try:
        for path in paths:
            found[path] = blob = _read(handle, path, left)
            left -= len(blob.data)
    except OSError as error:
        # It came, went or was closed meanwhile; Git has words for each.
        raise Unusual from error
    finally:
        os.close(handle)
    return found


def _read(root: int, path: bytes, most: int) -> Blob:
    folder, _, name = path.rpartition(b"/")
    parent = open_beneath(
        root, os.fsdecode(folder or b"."), os.O_PATH | os.O_DIRECTORY, resolve=RESOLVE_NO_SYMLINKS
    )
    try:
        found = os.stat(name, dir_fd=parent, follow_symlinks=False)
        if stat.S_ISLNK(found.st_mode):
            data, mode = os.readlink(name, dir_fd=parent), MODE_LINK
        elif stat.S_ISREG(found.st_mode):
            data, mode = _content(parent, name, most)
        else:
            raise Unusual
    finally:
        os.close(parent)
    return Blob(mode.encode(), object_id("blob", data), data)


def _content(parent: int, name: bytes, most: int) -> tuple[bytes, str]:
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
    with os.fdopen(os.open(name, flags, dir_fd=parent), "rb") as stream:
        found = os.fstat(stream.fileno())
        if not stat.S_ISREG(found.st_mode):
            raise Unusual
        data = stream.read(most + 1)
    if len(data) > most:
        raise Unusual
    return data, MODE_PROGRAM if found.st_mode & 0o100 else MODE_FILE


def _write_all(objects: Path, before: Trees, changes: Mapping[bytes, Blob | None]) -> dict[bytes, Tree]:
    """Write the changed files and the trees above them; like Git's own, they are not forced to the disk."""
    after = amended(before, changes)
    for blob in changes.values():
        if blob is not None:
            write_object(objects, "blob", blob.data, durable=False)
    for folder, tree in after.items():
        old = before[folder]
        if old is None or old.oid != tree.oid:
            write_object(objects, "tree", tree.data, durable=False)
    return after
