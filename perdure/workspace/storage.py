"""Folders and small files of ours: made readable whatever the umask, replaced atomically, removed entirely."""

import asyncio
import contextlib
import fcntl
import os
import secrets
import shutil
import stat
import struct
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec, TypeVar

from perdure.workspace.refusals import refusal_of

Arguments = ParamSpec("Arguments")
Made = TypeVar("Made")

REMOVED = ".removed-"

_GET_FLAGS, _SET_FLAGS = 0x80086601, 0x40086602
"""Linux's FS_IOC_GETFLAGS and FS_IOC_SETFLAGS on 64-bit x86 and ARM."""
_TOP_FOLDER = 0x00020000
"""ext4's name for it is the attribute T, see chattr(1)."""


async def in_thread(
    work: Callable[Arguments, Made], *arguments: Arguments.args, **named: Arguments.kwargs
) -> Made:
    """Work that waits for the disk, while the event loop goes on; a cancellation is passed on at the work's end.

    Otherwise it would write into a folder that is being removed because of the cancellation.
    """
    running = asyncio.ensure_future(asyncio.to_thread(work, *arguments, **named))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait([running])
        raise


def make_folder(path: Path) -> None:
    """Make the folder and those above it; new ones can be passed through by the user that runs the tools."""
    missing: list[Path] = []
    while not path.is_dir():
        missing.append(path)
        path = path.parent
    for folder in reversed(missing):
        with contextlib.suppress(FileExistsError):
            folder.mkdir()
            folder.chmod(0o755)


def spread_below(folder: Path) -> None:
    """Ask the file system to place the folders made in this one far from each other.

    ext4 otherwise makes a new folder's files where its neighbour's are. Where those were just removed, ext4 without a
    journal looks at each of the removed files for every new one: 10,000 files then take 4 s and not 0.3 s.
    """
    # It is a wish: other file systems do not know it, and everything works without.
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            (flags,) = struct.unpack("=I", fcntl.ioctl(handle, _GET_FLAGS, bytes(4)))
            if not flags & _TOP_FOLDER:
                fcntl.ioctl(handle, _SET_FLAGS, struct.pack("=I", flags | _TOP_FOLDER))
        finally:
            os.close(handle)


def put(path: Path, data: bytes, *, mode: int = 0o644, durable: bool = True) -> None:
    """Replace a small file atomically, and durably if wanted. OSError where that cannot be."""
    temporary = path.with_name(f".{secrets.token_hex(6)}.lock")
    try:
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            os.fchmod(handle, mode)
            with os.fdopen(handle, "wb", closefd=False) as stream:
                stream.write(data)
            if durable:
                os.fsync(handle)
        finally:
            os.close(handle)
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def give_to(root: Path, owner: tuple[int, int]) -> None:
    """Make everything below the folder, and itself, belong to the user; links themselves, never their targets."""
    os.chown(root, *owner, follow_symlinks=False)
    for folder, folders, files in os.walk(os.fsencode(root)):
        for name in (*folders, *files):
            os.chown(os.path.join(folder, name), *owner, follow_symlinks=False)  # noqa: PTH118 - names are bytes


def make_accessible(root: Path) -> None:
    """Give ourselves the permissions to read everything below the folder that we own."""
    root.chmod(0o755)
    # ``os.walk`` lists a folder after its parent was handed out, so it finds the permissions mended.
    for folder, folders, files in os.walk(os.fsencode(root)):
        for name, needed in [*((name, 0o700) for name in folders), *((name, 0o400) for name in files)]:
            path = os.path.join(folder, name)  # noqa: PTH118 - names are bytes
            mode = os.lstat(path).st_mode
            if not stat.S_ISLNK(mode) and mode & needed != needed:
                os.chmod(path, stat.S_IMODE(mode) | needed)  # noqa: PTH101 - names are bytes


def rename_away(path: Path) -> Path | None:
    """Give the folder a name under which nobody looks for it, in one step; None where there is none."""
    trash = path.with_name(f"{REMOVED}{secrets.token_hex(6)}")
    try:
        path.rename(trash)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise refusal_of(error, str(path)) from error
    return trash


def remove_tree(path: Path) -> None:
    """Remove the folder with everything in it, also while somebody still writes there: it is renamed away first."""
    trash = rename_away(path)
    if trash is not None:
        empty_trash(trash)


def empty_trash(trash: Path) -> None:
    """Remove a folder that was renamed away. What a zombie adds meanwhile goes with the next sweep."""
    for _ in range(3):
        with contextlib.suppress(OSError):
            shutil.rmtree(os.fsencode(trash))
            return
        with contextlib.suppress(OSError):
            make_accessible(trash)
