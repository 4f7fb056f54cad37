"""What is at a name of an open folder. No link is followed, whoever made the tree."""

import contextlib
import errno
import hashlib
import os
import stat
from collections.abc import Callable, Generator

from perdure.workspace.deltas import State
from perdure.workspace.openat2 import RESOLVE_NO_SYMLINKS, open_beneath

READ_BYTES = 1024 * 1024
PERMISSIONS = 0o777
"""Set-uid, set-gid and sticky bits are nobody's to give."""
OTHER = State("other")

Heard = Callable[[bytes], object]
"""Takes the content of a file part by part."""


def state_in(folder: int, name: str, *, heard: Heard | None = None, ours: bool = False) -> State | None:
    """What has this name in the open folder; None where nothing has.

    With ``ours`` the tree will be thrown away, so that a file may be made readable. OSError where it cannot be read.
    """
    try:
        facts = os.lstat(name, dir_fd=folder)
    except FileNotFoundError:
        return None
    mode = stat.S_IMODE(facts.st_mode) & PERMISSIONS
    if stat.S_ISDIR(facts.st_mode):
        return State("folder", mode)
    if stat.S_ISLNK(facts.st_mode):
        return State("link", target=os.readlink(name, dir_fd=folder))
    if not stat.S_ISREG(facts.st_mode):
        return OTHER
    with opened_file(folder, name, ours=ours) as handle:
        if not os.path.samestat(os.fstat(handle), facts):
            raise OSError(errno.ESTALE, os.strerror(errno.ESTALE), name)
        digest, size = hashlib.sha256(), 0
        while part := os.read(handle, READ_BYTES):
            digest.update(part)
            size += len(part)
            if heard is not None:
                heard(part)
    return State("file", mode, size, digest.hexdigest())


def state_at(root: int, path: str) -> State | None:
    """The same by a path from an open root; ``other`` where a link or a file stands in the way."""
    if path == ".":
        return State("folder", stat.S_IMODE(os.fstat(root).st_mode) & PERMISSIONS)
    above, _, name = path.rpartition("/")
    try:
        folder = open_folder(root, above or ".")
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno in {errno.ELOOP, errno.ENOTDIR}:
            return None if error.errno == errno.ENOTDIR else OTHER
        raise
    try:
        return state_in(folder, name)
    finally:
        os.close(folder)


def open_folder(root: int, path: str) -> int:
    """A folder below the open root, reached without any link."""
    return open_beneath(root, path, os.O_RDONLY | os.O_DIRECTORY, resolve=RESOLVE_NO_SYMLINKS)


@contextlib.contextmanager
def opened_file(folder: int, name: str, *, ours: bool) -> Generator[int]:
    """A file of the open folder for reading; a pipe that took its place does not hold this up."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
    try:
        handle = os.open(name, flags, dir_fd=folder)
    except PermissionError:
        if not ours:
            raise
        make_readable(folder, name, 0o400)
        handle = os.open(name, flags, dir_fd=folder)
    try:
        yield handle
    finally:
        os.close(handle)


def make_readable(folder: int, name: str, bits: int) -> None:
    """Give ourselves these permissions of what has the name, which is no link."""
    handle = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
    try:
        mode = os.fstat(handle).st_mode
        if not stat.S_ISLNK(mode):
            os.chmod(f"/proc/self/fd/{handle}", stat.S_IMODE(mode) | bits)  # noqa: PTH101 - not a path of a file
    finally:
        os.close(handle)
