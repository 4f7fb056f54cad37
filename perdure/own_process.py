"""What a process with secrets keeps to itself: nobody of its user looks into it, and its variables are gone once read.

Entry points alone import it.
"""

import ctypes
import os
import resource
from collections.abc import MutableMapping
from pathlib import Path

from perdure.contracts.errors import ConfigurationError

SET_DUMPABLE = 4
OWN_VARIABLES = ("PERDURE_", "GROQ_", "TEMPORAL_")
"""Beginnings of the names of variables that are read once, as settings, and by nobody else."""
ENVIRONMENT_AT = slice(47, 49)
"""Where the kernel's line about a process says between which addresses its first environment lies."""


def close_to_others() -> None:
    """Let no process of the same user read this one's memory, environment and open files, or trace it; nor a core file.

    Programs that it starts are not closed: that ends with their start. Root, and whoever may trace every process, is kept
    out by nothing. ConfigurationError where the kernel does not do it.
    """
    library = ctypes.CDLL(None, use_errno=True)
    zero = ctypes.c_ulong(0)
    if library.prctl(SET_DUMPABLE, zero, zero, zero, zero) != 0:
        raise ConfigurationError(
            "This process cannot keep others of its user from reading its memory, where its credentials are: "
            f"{os.strerror(ctypes.get_errno())}.",
            "allow prctl(PR_SET_DUMPABLE) in the container's system call filter.",
        )
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def forget_variables(environment: MutableMapping[str, str]) -> None:
    """Take our own variables out of this process's environment, and out of the memory that the kernel shows as it.

    Python and the C library only forget where a value lies; the value stays until it is overwritten.
    """
    for name in [name for name in environment if name.startswith(OWN_VARIABLES)]:
        del environment[name]
    begin, end = map(int, _facts()[ENVIRONMENT_AT])
    at = begin
    for entry in ctypes.string_at(begin, end - begin).split(b"\0"):
        if entry.startswith(tuple(map(str.encode, OWN_VARIABLES))):
            ctypes.memset(at, 0, len(entry))
        at += len(entry) + 1


def _facts() -> list[str]:
    """What the kernel says of this process, from its state on."""
    return Path("/proc/self/stat").read_text().rpartition(")")[2].split()
