"""Operating system errors in words that say what failed and what to do."""

import errno
import os
import shutil
from pathlib import Path

from perdure.contracts.errors import ConfigurationError, DiskFull, PerdureError, ToolRejected

_WORDS: dict[int, tuple[str, str]] = {
    errno.ENOENT: ("does not exist", "list its folder to see what is there."),
    errno.ENOTDIR: (
        "leads through something that is not a folder",
        "list the folders above to see what is there.",
    ),
    errno.EISDIR: ("is a folder", "send the path of a file."),
    errno.EXDEV: ("leads outside the workspace", "send a path relative to the repository's root."),
    errno.ELOOP: (
        "leads through a link that is followed nowhere (a loop, or a link of the system)",
        "send the path of a regular file.",
    ),
    errno.ENAMETOOLONG: ("is too long: a name has at most 255 bytes and a path 4095", "send a shorter path."),
    errno.EACCES: ("may not be opened with the permissions it has", ""),
    errno.EPERM: ("may not be changed with the permissions it has", ""),
    errno.ENOTEMPTY: ("is a folder that is not empty", "delete what is in it first."),
    errno.EEXIST: ("exists already", "choose another name or delete it first."),
    errno.EINVAL: ("cannot be used in this way, such as moving a folder into itself", ""),
    errno.EAGAIN: ("was being moved while it was opened", "try again."),
    errno.EFBIG: ("would become larger than a file may be here", ""),
    errno.ETXTBSY: ("is a program that is running", ""),
}

_FULL = {errno.ENOSPC, errno.EDQUOT}
_BROKEN = {errno.EROFS, errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENOSYS}


def shown(path: str) -> str:
    """The path quoted and escaped, cut where it is very long."""
    text = repr(path)
    return text if len(text) <= 200 else f"{text[:120]}…{text[-60:]} ({len(path)} characters)"


def disk_full(what: str, folder: Path) -> DiskFull:
    """The error for a full disk; ``what`` could not be written in the folder, or in the nearest one above it."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    return DiskFull(
        f"The disk of {str(folder)!r} is full ({free:,} bytes are free), so {what} could not be written.",
        "free space there, or enlarge the disk that holds PERDURE_HOME; the step waits and then goes on by itself.",
    )


def refusal_of(error: OSError, path: str, *, folder: Path | None = None) -> PerdureError:
    """The error of ours for what the kernel said about a path of a workspace, which lies below the folder if it is relative."""
    number = error.errno or 0
    if number in _FULL:
        return disk_full(shown(path), folder or Path(path).absolute().parent)
    if number in _BROKEN:
        return ConfigurationError(
            f"The disk that holds the workspaces cannot be used for {shown(path)}: {os.strerror(number)}.",
            "look at the worker's disk and at its limits.",
        )
    words, hint = _WORDS.get(number, (f"cannot be used: {os.strerror(number) if number else error}", ""))
    return ToolRejected(f"{shown(path)} {words}.", hint)
