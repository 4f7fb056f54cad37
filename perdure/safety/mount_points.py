"""Shows folders at a second place, to the calling thread and to what it starts, and to nothing else on the machine.

A thread can have a mount namespace of its own. So no programs (``unshare``, a shell, ``mkdir``, ``mount``) have to run
for each sandbox, which together took as long as bubblewrap itself.
"""

import ctypes
import functools
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

NEW_MOUNTS = 0x20000
"""CLONE_NEWNS."""
NO_SET_UID, NO_DEVICES, BIND, RECURSIVE, PRIVATE = 2, 4, 4096, 16384, 1 << 18
"""MS_NOSUID, MS_NODEV, MS_BIND, MS_REC and MS_PRIVATE."""


@dataclass(frozen=True)
class MountPoints:
    """``bases`` are shown in ``stage``, each in a folder that is called by its number."""

    stage: str
    bases: Sequence[str]

    def set_up(self) -> None:
        """Make them for the calling thread, which must end with its errand: nothing gives it back its old view.

        OSError where the kernel does not allow it.
        """
        # ctypes hands the call to the kernel for this thread alone; the others keep their view of the file system.
        _ask("unshare", _library().unshare(ctypes.c_int(NEW_MOUNTS)))
        _mount(None, "/", None, RECURSIVE | PRIVATE)
        _mount("tmpfs", self.stage, "tmpfs", NO_SET_UID | NO_DEVICES, "mode=0755,size=1m")
        for number, base in enumerate(self.bases):
            place = f"{self.stage}/{number}"
            Path(place).mkdir()
            _mount(base, place, None, BIND | RECURSIVE)


@functools.cache
def _library() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _mount(source: str | None, target: str, kind: str | None, flags: int, options: str | None = None) -> None:
    result = _library().mount(
        _text(source), _text(target), _text(kind), ctypes.c_ulong(flags), _text(options)
    )
    _ask(f"mount {source or target}", result)


def _text(value: str | None) -> ctypes.c_char_p:
    return ctypes.c_char_p(None if value is None else os.fsencode(value))


def _ask(what: str, result: int) -> None:
    """OSError where the kernel refused."""
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), what)
