"""Brings the shadow index up to date by Git itself, whatever the work tree holds: the way that is always open.

A nested repository is followed like any other folder, and a file that Git refuses to name gets another name.
"""

import asyncio
import os
import stat
from collections.abc import Sequence
from pathlib import Path

from perdure.workspace.objects import write_object
from perdure.workspace.program import Folders, GitFailed, GitProgram
from perdure.workspace.records import encoded
from perdure.workspace.scan import Scan, scan_tree
from perdure.workspace.storage import make_accessible
from perdure.workspace.working_copy import WorkingCopy

MODE_FILE, MODE_PROGRAM, MODE_LINK = "100644", "100755", "120000"
REMOVED = "0"
NO_OBJECT = "0" * 40
_REPLACEMENT = ".perdure-"
_REFUSED = {b".git", b".gitmodules"}


async def add_everything(program: GitProgram, folders: Folders, copy: WorkingCopy) -> Scan:
    """Bring the shadow index up to date; a nested repository is followed like any other folder."""
    first, scan = await asyncio.gather(_add(program, folders, ()), look_around(program, folders, copy.root))
    if scan.closed or b"Permission denied" in (first or b""):
        # Git records no other permission than to execute, so giving ourselves the right to read loses nothing.
        await asyncio.to_thread(make_accessible, copy.root)
        first, scan = await asyncio.gather(
            _add(program, folders, ()), look_around(program, folders, copy.root)
        )
    if first is None and not scan.nested and not scan.unnameable:
        return scan
    without = [path for path in scan.unnameable if path.rpartition(b"/")[2].lower() == b".gitmodules"]
    if scan.nested:
        without += await _follow(program, folders, copy.root, scan.nested)
    # Git refuses a pipe or socket in the place of a file that it knows; once forgotten it is not looked at.
    await update_index(program, folders, [index_line(REMOVED, NO_OBJECT, path) for path in scan.special])
    second = await _add(program, folders, without)
    if second is not None:
        raise GitFailed(
            f"The files of the workspace could not be recorded: {second.decode('utf-8', 'replace')}"
        )
    # Ignore rules of a nested repository are known only now.
    return await look_around(program, folders, copy.root)


async def _add(program: GitProgram, folders: Folders, without: Sequence[bytes]) -> bytes | None:
    """``git add -A``; git's words where it could not add everything."""
    paths = [":/", *(":(exclude,top,literal)" + os.fsdecode(path) for path in without)]
    finished = await program.run("add", "-A", "--", *paths, folders=folders, accept=(0, 1, 128))
    if finished.code == 0:
        return None
    program.refuse_full_disk("add", finished)
    return finished.words or b"no message"


async def look_around(program: GitProgram, folders: Folders, root: Path) -> Scan:
    arguments = ("ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--directory")
    ignored = (await program.run(*arguments, folders=folders)).output.split(b"\0")[:-1]
    return await asyncio.to_thread(scan_tree, os.fsencode(root), ignored)


async def _follow(program: GitProgram, folders: Folders, root: Path, nested: Sequence[bytes]) -> list[bytes]:
    """Put one file of each nested repository into the index: Git enters a folder that it knows files of.

    Gives the nested repositories without any file, which Git would refuse or take for a submodule.
    """
    empty: list[bytes] = []
    listed = await program.run("ls-files", "-z", "--stage", folders=folders)
    entries = [line.split(b"\t", 1) for line in listed.output.split(b"\0") if line]
    known = {path for facts, path in entries if not facts.startswith(b"160000")}
    repositories = {path for facts, path in entries if facts.startswith(b"160000")}
    lines = [index_line(REMOVED, NO_OBJECT, path) for path in sorted(repositories)]
    for folder in nested:
        if any(path.startswith(folder + b"/") for path in known):
            continue
        file = _first_file(os.fsencode(root), folder)
        if file is None:
            empty.append(folder)
        else:
            lines.append(_entry(folders.objects, os.fsencode(root), file, file))
    await update_index(program, folders, lines)
    return empty


def _first_file(root: bytes, folder: bytes) -> bytes | None:
    """The first file of a folder in a fixed order, Git's own left out."""
    waiting = [folder]
    while waiting:
        current = waiting.pop()
        with os.scandir(root + b"/" + current) as found:
            entries = sorted(
                (entry for entry in found if entry.name.lower() != b".git"), key=lambda entry: entry.name
            )
        for entry in entries:
            if entry.is_symlink() or entry.is_file(follow_symlinks=False):
                return current + b"/" + entry.name
        waiting += [
            current + b"/" + entry.name for entry in reversed(entries) if entry.is_dir(follow_symlinks=False)
        ]
    return None


async def add_unnameable(
    program: GitProgram, folders: Folders, root: Path, scan: Scan
) -> tuple[tuple[str, str], ...]:
    """Record files that Git refuses to name under another name, free in this tree."""
    if not scan.unnameable:
        return ()
    top = os.fsencode(root)
    renamed: list[tuple[str, str]] = []
    lines: list[bytes] = []
    replacement = _free_replacement(top, scan.unnameable)
    for path in scan.unnameable:
        parts = [replacement + part if part.lower() in _REFUSED else part for part in path.split(b"/")]
        name = b"/".join(parts)
        lines.append(_entry(folders.objects, top, path, name))
        renamed.append((encoded(name), encoded(path)))
    await update_index(program, folders, lines)
    return tuple(renamed)


def _free_replacement(root: bytes, paths: Sequence[bytes]) -> bytes:
    """A prefix that no neighbour of the paths begins with, so that nothing is overwritten."""
    parents = {path[: _control_position(path)] for path in paths}
    names: set[bytes] = set()
    for parent in parents:
        with os.scandir(root + b"/" + parent) as entries:
            names |= {entry.name for entry in entries}
    number = 0
    while any(name.startswith(f"{_REPLACEMENT}{number}".encode()) for name in names):
        number += 1
    return f"{_REPLACEMENT}{number}".encode()


def _control_position(path: bytes) -> int:
    """Where the first part that Git refuses begins."""
    position = 0
    for part in path.split(b"/"):
        if part.lower() in _REFUSED:
            break
        position += len(part) + 1
    return position


def _entry(objects: Path, root: bytes, path: bytes, name: bytes) -> bytes:
    """An index line for the file, whose bytes are stored as they are."""
    whole = root + b"/" + path
    found = os.lstat(whole)
    if stat.S_ISLNK(found.st_mode):
        return index_line(MODE_LINK, write_object(objects, "blob", _link(whole)), name)
    handle = os.open(whole, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(handle, "rb") as stream:
        data = stream.read()
    mode = MODE_PROGRAM if found.st_mode & 0o100 else MODE_FILE
    return index_line(mode, write_object(objects, "blob", data), name)


def _link(path: bytes) -> bytes:
    return os.fsencode(Path(os.fsdecode(path)).readlink())


def index_line(mode: str, oid: str, path: bytes) -> bytes:
    return f"{mode} {oid}\t".encode() + path + b"\0"


async def update_index(program: GitProgram, folders: Folders, lines: Sequence[bytes]) -> None:
    if lines:
        await program.run("update-index", "-z", "--index-info", folders=folders, stdin=b"".join(lines))
