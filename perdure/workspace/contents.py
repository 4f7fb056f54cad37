"""Reads and writes the bytes of one file that was found and judged before."""

import contextlib
import errno
import os
import secrets
import shutil
import stat
from collections.abc import Generator
from pathlib import Path

from perdure.contracts.errors import ToolRejected
from perdure.workspace.refusals import refusal_of, shown

MOST_BYTES_AT_ONCE = 64 * 1024 * 1024
"""The largest file that is read without ``limit_bytes``."""


def read_bytes(handle: int, *, offset: int, limit_bytes: int | None, path: str) -> bytes:
    """Bytes of a regular file that is open with O_PATH."""
    most = MOST_BYTES_AT_ONCE if limit_bytes is None else limit_bytes
    try:
        # The descriptor is of a checked regular file; opening it again through /proc cannot meet another one.
        reader = os.open(f"/proc/self/fd/{handle}", os.O_RDONLY | os.O_CLOEXEC | os.O_NOCTTY | os.O_NONBLOCK)
    except OSError as error:
        raise refusal_of(error, path) from error
    try:
        parts: list[bytes] = []
        left = most
        while left > 0:
            part = os.pread(reader, min(left, 1024 * 1024), offset)
            if not part:
                break
            parts.append(part)
            offset += len(part)
            left -= len(part)
        return b"".join(parts)
    except OSError as error:
        raise refusal_of(error, path) from error
    finally:
        os.close(reader)


def replace_file(
    folder: int, name: str, data: bytes, *, mode: int, owner: tuple[int, int] | None, path: str
) -> None:
    """Put a file into an open folder, atomically and durably; ``path`` is how messages call it."""
    try:
        with _temporary_in(folder) as temporary:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            handle = os.open(temporary, flags, 0o600, dir_fd=folder)
            try:
                with os.fdopen(handle, "wb", buffering=0, closefd=False) as stream:
                    rest = memoryview(data)
                    while rest:
                        rest = rest[stream.write(rest) or 0 :]
                if owner is not None:
                    os.fchown(handle, *owner)
                os.fchmod(handle, mode)
                os.fsync(handle)
            finally:
                os.close(handle)
            os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
        os.fsync(folder)
    except OSError as error:
        raise refusal_of(error, path, folder=Path(f"/proc/self/fd/{folder}").resolve()) from error


def move_into(folder: int, name: str, source: Path) -> None:
    """Move a file or link of ours into an open folder, atomically, also from another file system."""
    try:
        os.rename(source, name, dst_dir_fd=folder)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        with _temporary_in(folder) as temporary:
            beside = Path(f"/proc/self/fd/{folder}") / temporary
            shutil.copy2(source, beside, follow_symlinks=False)
            found = source.lstat()
            os.chown(beside, found.st_uid, found.st_gid, follow_symlinks=False)
            os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
    os.fsync(folder)


@contextlib.contextmanager
def _temporary_in(folder: int) -> Generator[str]:
    """A name in an open folder that nothing has, and that is gone at the end unless what has it was renamed."""
    name = f".perdure-{secrets.token_hex(8)}.tmp"
    try:
        yield name
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name, dir_fd=folder)


def mode_for(found: os.stat_result | None, path: str, executable: bool | None) -> int:
    """The new file's mode; refuses to replace what is not a writable regular file."""
    mode = 0o644
    if found is not None:
        if stat.S_ISDIR(found.st_mode):
            raise ToolRejected(f"{shown(path)} is a folder, so no file can be written there.")
        if not stat.S_ISREG(found.st_mode):
            raise ToolRejected(f"{shown(path)} is not a regular file, so it is not written.")
        if not found.st_mode & 0o222:
            raise ToolRejected(
                f"{shown(path)} is read-only (mode {stat.S_IMODE(found.st_mode):04o}), so it is not written.",
                "if it is to be changed all the same, delete it first and write it anew.",
            )
        mode = found.st_mode & 0o777
    if executable is None:
        return mode
    return mode | 0o111 if executable else mode & ~0o111
