"""The kernel calls that Python does not offer: ``openat2`` and ``renameat2``.

``openat2`` with ``RESOLVE_BENEATH`` lets the kernel itself refuse every way out of a folder (``..``, absolute links,
magic links), also while somebody else renames folders and links at the same time. A check before an ordinary open
cannot do that. Where the kernel or a container does not offer it, ``stepwise`` keeps the same promise more slowly.
"""

import ctypes
import errno
import functools
import os

from perdure.workspace.stepwise import open_stepwise

RESOLVE_NO_MAGICLINKS = 0x02
RESOLVE_NO_SYMLINKS = 0x04
RESOLVE_BENEATH = 0x08

# The number is the same on every architecture whose calls were numbered after Linux 5.1, so on all but alpha.
_OPENAT2 = 437
_RENAME_NOREPLACE = 1
# With ``..`` in a path the kernel answers EAGAIN when a rename happened meanwhile; it asks to be called again.
_MOST_ATTEMPTS = 128


class _OpenHow(ctypes.Structure):
    _fields_ = (("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64))


@functools.cache
def _library() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def open_beneath(folder: int, path: str, flags: int, *, resolve: int = 0) -> int:
    """Open ``path`` below the open folder; OSError EXDEV for every way out of it.

    Links that stay beneath are followed; ``resolve`` adds ``RESOLVE_…`` flags. The new descriptor is close-on-exec.
    """
    if not kernel_holds_paths():
        return open_stepwise(folder, path, flags, follows_links=not resolve & RESOLVE_NO_SYMLINKS)
    return _opened(folder, path, flags, RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | resolve)


@functools.cache
def kernel_holds_paths() -> bool:
    """Whether ``openat2`` can be used here: Linux has it since 5.6, and a container's filter may refuse it."""
    root = os.open("/", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.close(_opened(root, ".", os.O_PATH | os.O_DIRECTORY, RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS))
    except OSError as error:
        if error.errno not in (errno.ENOSYS, errno.EPERM, errno.EINVAL, errno.E2BIG):
            raise
        return False
    finally:
        os.close(root)
    return True


def _opened(folder: int, path: str, flags: int, resolve: int) -> int:
    name = os.fsencode(path)
    how = _OpenHow(flags | os.O_CLOEXEC, 0, resolve)
    call = _library().syscall
    call.restype = ctypes.c_long
    number = errno.EAGAIN
    for _ in range(_MOST_ATTEMPTS):
        result = int(
            call(
                ctypes.c_long(_OPENAT2),
                ctypes.c_int(folder),
                ctypes.c_char_p(name),
                ctypes.byref(how),
                ctypes.c_size_t(ctypes.sizeof(how)),
            )
        )
        if result >= 0:
            return result
        number = ctypes.get_errno()
        if number not in (errno.EAGAIN, errno.EINTR):
            break
    raise OSError(number, os.strerror(number), path)


def rename_to_free_name(source_folder: int, source: str, target_folder: int, target: str) -> None:
    """Rename, both names relative to open folders; OSError EEXIST where the target exists."""
    result = int(
        _library().renameat2(
            ctypes.c_int(source_folder),
            ctypes.c_char_p(os.fsencode(source)),
            ctypes.c_int(target_folder),
            ctypes.c_char_p(os.fsencode(target)),
            ctypes.c_uint(_RENAME_NOREPLACE),
        )
    )
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), target)
