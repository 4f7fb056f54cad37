"""A throw-away view of a work tree beside it: a copy, or the upper layer of an overlay that is looked at before it goes."""

import asyncio
import contextlib
import fcntl
import os
import shutil
import stat
import tempfile
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from perdure.contracts.errors import WorkspaceLost
from perdure.safety.owner import Owner

PREFIX = ".scratch-"
SETTLED_S = 60.0
"""A younger folder is left alone: whoever makes it may not hold it yet."""
TICK_NS = 20_000_000

Marks = Mapping[bytes, tuple[int, int]]
"""Inode and time of the last change, which no program can set, of everything in a tree, by path below it."""


@dataclass(frozen=True)
class Written:
    """What a program left in a throw-away view, while that is still there."""

    root: Path
    """The work tree that it is a view of."""
    folder: Path
    """The upper layer of an overlay over the tree, or a whole copy of it."""
    copied: Marks | None = None
    """Of a copy: what it was before the program ran; None: it is an upper layer."""


@dataclass(frozen=True)
class Layers:
    """The folders that an overlay over a work tree needs."""

    upper: Path
    work: Path


@asynccontextmanager
async def copied(root: Path) -> AsyncGenerator[Path]:
    """Copy the tree beside itself, so on the same file system, and delete the copy at the end."""
    async with _beside(root) as folder:
        copy = folder / "tree"
        copying = await asyncio.create_subprocess_exec(
            "/bin/cp",
            "--archive",
            "--reflink=auto",
            "--",
            str(root),
            str(copy),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            env={},
        )
        try:
            code = await copying.wait()
        except asyncio.CancelledError:
            copying.kill()
            await copying.wait()
            raise
        if code:
            raise WorkspaceLost(f"The work tree {str(root)!r} could not be copied for a throw-away view.")
        yield copy


@asynccontextmanager
async def layered(root: Path, owner: Owner) -> AsyncGenerator[Layers]:
    """Empty layers beside the tree, on the same file system, for what a program writes over it; deleted at the end."""
    async with _beside(root) as folder:
        # Both layers must be reached by one mount, so the folder that holds them is not closed.
        folder.chmod(0o711)
        layers = Layers(folder / "upper", folder / "work")
        for layer in (layers.upper, layers.work):
            layer.mkdir()
            os.chown(layer, owner.uid, owner.gid)
        # The upper layer's own permissions are what the program sees of the root.
        layers.upper.chmod(stat.S_IMODE(root.stat().st_mode))
        yield layers


@asynccontextmanager
async def _beside(root: Path) -> AsyncGenerator[Path]:
    """A folder of ours beside the tree, held while it is used; those of killed workers are removed meanwhile."""
    await asyncio.to_thread(remove_left, root.parent)
    folder = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix=PREFIX, dir=root.parent))
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        # The kernel lets go of it however this process ends, so a folder that can be held has no user.
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield folder
    finally:
        await asyncio.shield(asyncio.ensure_future(asyncio.to_thread(remove_tree, folder)))
        os.close(handle)


def remove_left(beside: Path, *, settled_s: float = SETTLED_S) -> None:
    """Remove the throw-away folders here whose process was killed."""
    for folder in sorted(beside.glob(f"{PREFIX}*")):
        with contextlib.suppress(BlockingIOError, FileNotFoundError, NotADirectoryError):
            if time.time() - folder.lstat().st_mtime < settled_s:
                continue
            handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                remove_tree(folder)
            finally:
                os.close(handle)


def marks_of(folder: Path) -> Marks:
    """See ``Marks``; returns only when the clock of files has gone on, so that a later change has another time."""
    top, found = os.fsencode(folder), dict[bytes, tuple[int, int]]()
    newest = 0
    for above, folders, files in os.walk(top):
        for name in (*folders, *files):
            path = os.path.join(above, name)  # noqa: PTH118 - names are bytes
            facts = os.lstat(path)
            found[path[len(top) + 1 :]] = (facts.st_ino, facts.st_ctime_ns)
            newest = max(newest, facts.st_ctime_ns)
    # Linux takes the times of files from a clock that goes on at least a hundred times a second.
    if 0 <= time.time_ns() - newest < TICK_NS:
        time.sleep(TICK_NS / 1e9)
    return found


def remove_tree(folder: Path) -> None:
    """Delete a folder even where programs took away their own right to look into it."""

    def open_and_retry(remove: Callable[[str], object], path: str, _: object) -> None:
        Path(path).parent.chmod(0o700)
        if not Path(path).is_symlink():
            Path(path).chmod(0o700)
        if Path(path).is_dir() and not Path(path).is_symlink():
            remove_tree(Path(path))
        else:
            remove(path)

    shutil.rmtree(folder, onerror=open_and_retry)
