"""Takes a checkpoint: the raw bytes of every file, the branches and the index, as one commit of the shadow.

The shadow Git folder has no settings, hooks or attributes of the repository, so no byte is converted on the way.
"""

import asyncio
import os
import stat
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from perdure.contracts.errors import ToolRejected
from perdure.contracts.workspace import Checkpoint
from perdure.workspace.objects import write_object
from perdure.workspace.program import Folders, GitFailed, GitProgram
from perdure.workspace.records import Record, encoded, load_record, store_record
from perdure.workspace.references import head_of, read_branches
from perdure.workspace.refusals import refusal_of
from perdure.workspace.scan import Scan, scan_tree
from perdure.workspace.storage import make_accessible, make_folder, put
from perdure.workspace.working_copy import WorkingCopy

MAX_IGNORED = 500
"""Ignored files and folders that a checkpoint names."""

_MODE_FILE, _MODE_PROGRAM, _MODE_LINK = "100644", "100755", "120000"
_REMOVED = "0"
_NO_OBJECT = "0" * 40
_REPLACEMENT = ".perdure-"
_REFUSED = {b".git", b".gitmodules"}


async def take_checkpoint(
    program: GitProgram, copy: WorkingCopy, *, previous: Checkpoint | None, label: str, at: datetime
) -> Checkpoint:
    """Record the work tree, branches and index; ``previous`` itself where nothing differs from it."""
    folders = copy.shadow_folders
    # Only a killed command of this same generation can have left the lock: its owner is the one who calls.
    copy.shadow_index.with_name(copy.shadow_index.name + ".lock").unlink(missing_ok=True)
    try:
        scan = await _add_everything(program, folders, copy)
        renamed = await _add_unnameable(program, folders, copy.root, scan)
    except OSError as error:
        raise refusal_of(error, "the workspace", folder=copy.task_folder) from error
    tree, staged_tree = await asyncio.gather(
        program.run("write-tree", folders=folders), _staged_tree(program, copy)
    )
    record = Record(
        tree=tree.text,
        head_ref=head_of(copy.git_folder),
        staged_tree=staged_tree,
        refs=read_branches(copy.git_folder),
        empty_folders=tuple(map(encoded, scan.empty_folders)),
        renamed=renamed,
        unsupported=tuple(map(encoded, scan.special)),
        ignored=tuple(map(encoded, scan.ignored[:MAX_IGNORED])),
    )
    if previous is not None:
        before = await load_record(program, copy.shadow, copy.objects_folder, previous.commit)
        # A folder that was made from a checkpoint lacks what none holds, and is still as that was.
        nothing_new = set(record.unkept) <= set(before.unkept)
        if before.kept == record.kept and nothing_new:
            return previous
    checkpoint = store_record(
        copy.objects_folder, record, previous=previous.commit if previous else None, label=label, at=at
    )
    reference = copy.shadow / "refs" / "checkpoints" / checkpoint.commit
    make_folder(reference.parent)
    # The reference only marks the commit as in use; the caller's record is what counts, so it need not be durable.
    put(reference, f"{checkpoint.commit}\n".encode(), durable=False)
    return checkpoint


async def _add_everything(program: GitProgram, folders: Folders, copy: WorkingCopy) -> Scan:
    """Bring the shadow index up to date; a nested repository is followed like any other folder."""
    first, scan = await asyncio.gather(_add(program, folders, ()), _scan(program, folders, copy.root))
    if scan.closed or b"Permission denied" in (first or b""):
        # Git records no other permission than to execute, so giving ourselves the right to read loses nothing.
        await asyncio.to_thread(make_accessible, copy.root)
        first, scan = await asyncio.gather(_add(program, folders, ()), _scan(program, folders, copy.root))
    if first is None and not scan.nested and not scan.unnameable:
        return scan
    without = [path for path in scan.unnameable if path.rpartition(b"/")[2].lower() == b".gitmodules"]
    if scan.nested:
        without += await _follow(program, folders, copy.root, scan.nested)
    second = await _add(program, folders, without)
    if second is not None:
        raise GitFailed(
            f"The files of the workspace could not be recorded: {second.decode('utf-8', 'replace')}"
        )
    # Ignore rules of a nested repository are known only now.
    return await _scan(program, folders, copy.root)


async def _add(program: GitProgram, folders: Folders, without: Sequence[bytes]) -> bytes | None:
    """``git add -A``; git's words where it could not add everything."""
    paths = [":/", *(":(exclude,top,literal)" + os.fsdecode(path) for path in without)]
    finished = await program.run("add", "-A", "--", *paths, folders=folders, accept=(0, 1, 128))
    if finished.code == 0:
        return None
    program.refuse_full_disk("add", finished)
    return finished.words or b"no message"


async def _scan(program: GitProgram, folders: Folders, root: Path) -> Scan:
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
    lines = [_line(_REMOVED, _NO_OBJECT, path) for path in sorted(repositories)]
    for folder in nested:
        if any(path.startswith(folder + b"/") for path in known):
            continue
        file = _first_file(os.fsencode(root), folder)
        if file is None:
            empty.append(folder)
        else:
            lines.append(_entry(folders.objects, os.fsencode(root), file, file))
    await _update_index(program, folders, lines)
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


async def _add_unnameable(
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
    await _update_index(program, folders, lines)
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
        return _line(_MODE_LINK, write_object(objects, "blob", _link(whole)), name)
    handle = os.open(whole, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(handle, "rb") as stream:
        data = stream.read()
    mode = _MODE_PROGRAM if found.st_mode & 0o100 else _MODE_FILE
    return _line(mode, write_object(objects, "blob", data), name)


def _link(path: bytes) -> bytes:
    return os.fsencode(Path(os.fsdecode(path)).readlink())


def _line(mode: str, oid: str, path: bytes) -> bytes:
    return f"{mode} {oid}\t".encode() + path + b"\0"


async def _update_index(program: GitProgram, folders: Folders, lines: Sequence[bytes]) -> None:
    if lines:
        await program.run("update-index", "-z", "--index-info", folders=folders, stdin=b"".join(lines))


async def _staged_tree(program: GitProgram, copy: WorkingCopy) -> str:
    """The tree that the user's index holds; asked of Git only when the index changed."""
    try:
        checksum = _checksum(copy.index)
    except FileNotFoundError as error:
        raise ToolRejected("The index of the workspace's Git folder is gone.") from error
    known = copy.known_staged_tree(checksum)
    if known is not None:
        return known
    tree = (await program.run("write-tree", folders=copy.folders)).text
    copy.remember_staged_tree(checksum, tree)
    return tree


def _checksum(index: Path) -> str:
    """The digest that every index file ends in."""
    with index.open("rb") as stream:
        stream.seek(-20, os.SEEK_END)
        return stream.read().hex()
