"""Runs a program as a strict container would: without new namespaces and mounts, and without Landlock where asked.

Arguments: the names of what is absent (``namespaces``, ``landlock``, ``openat2``, which old kernels do not know, or
``openat2-refused``, which old container runtimes do not), a comma between them; then the program and its own.
"""

import ctypes
import errno
import os
import platform
import struct
import sys

LOAD, EQUAL, AND, RETURN = 0x20, 0x15, 0x54, 0x06
REFUSE, ALLOW = 0x00050000, 0x7FFF0000
FIRST_ARGUMENT = 16
NEW_NAMESPACES = 0x10000000 | 0x20000
"""CLONE_NEWUSER and CLONE_NEWNS."""
COLUMN = {"x86_64": 0, "aarch64": 1}[platform.machine()]
# unshare, setns, mount, umount2, pivot_root, clone; the newer ones have the same numbers everywhere.
REFUSED = [(272, 97), (308, 268), (165, 40), (166, 39), (155, 41)]
NEWER = (428, 429, 430, 432, 442)
CLONE, CLONE3 = (56, 220), 435
LANDLOCK = (444, 445, 446)
OPENAT2 = 437


def instruction(operation: int, value: int, *, if_true: int = 0, if_false: int = 0) -> bytes:
    """One instruction of the kernel's classic machine."""
    return struct.pack("=HBBI", operation, if_true, if_false, value)


def refused(number: int, code: int) -> list[bytes]:
    """Answer a call with an error."""
    return [instruction(EQUAL, number, if_false=1), instruction(RETURN, REFUSE | code)]


def program(absent: set[str]) -> bytes:
    """The filter."""
    parts = [instruction(LOAD, 0)]
    if "namespaces" in absent:
        for numbers in REFUSED:
            parts += refused(numbers[COLUMN], errno.EPERM)
        for number in NEWER:
            parts += refused(number, errno.EPERM)
    if "landlock" in absent:
        for number in LANDLOCK:
            parts += refused(number, errno.ENOSYS)
    for name, code in (("openat2", errno.ENOSYS), ("openat2-refused", errno.EPERM)):
        if name in absent:
            parts += refused(OPENAT2, code)
    parts += refused(CLONE3, errno.ENOSYS)
    if "namespaces" in absent:
        parts += [
            instruction(EQUAL, CLONE[COLUMN], if_false=4),
            instruction(LOAD, FIRST_ARGUMENT),
            instruction(AND, NEW_NAMESPACES),
            instruction(EQUAL, 0, if_true=1),
            instruction(RETURN, REFUSE | errno.EPERM),
        ]
    return b"".join([*parts, instruction(RETURN, ALLOW)])


class Held(ctypes.Structure):
    """What the kernel is handed."""

    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def main(absent: str, argv: list[str]) -> None:
    """Load the filter and become the program."""
    library = ctypes.CDLL(None, use_errno=True)
    code = program(set(absent.split(",")))
    zero = ctypes.c_ulong(0)
    for arguments in (
        (38, ctypes.c_ulong(1), zero, zero, zero),
        (22, ctypes.c_ulong(2), ctypes.byref(Held(len(code) // 8, code)), zero, zero),
    ):
        if library.prctl(*arguments) != 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    os.execvp(argv[0], argv)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
