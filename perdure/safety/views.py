"""What a sandboxed program is given and what comes back: views, limits and the finished run."""

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from perdure.contracts.errors import InvalidInput

KilledFor = Literal["", "time", "output", "memory", "disk", "cancelled"]
"""Why a tree was killed. A cancelled run raises instead of returning; ``cancelled`` is for those who record it."""


class View(StrEnum):
    """How a sandboxed program sees the workspace."""

    READ_ONLY = "read_only"
    """Nothing in the workspace can be written."""
    SCRATCH = "scratch"
    """Writes work and are thrown away when the program ends."""
    WRITABLE = "writable"
    """Writes stay; the Git folder is read-only all the same."""


@dataclass(frozen=True)
class SandboxLimits:
    """Bounds of one run. What exceeds time, output, disk or the tree's memory is killed whole; the rest the kernel refuses."""

    time_s: float = 60.0
    """Wall time."""
    memory_bytes: int = 2 * 1024**3
    """Private data of each process, and of the whole tree together with its temporary and throw-away files."""
    processes: int = 256
    """Processes and threads at one time."""
    output_bytes: int = 8 * 1024**2
    """Standard output and standard error together."""
    file_bytes: int = 512 * 1024**2
    """Size of any one written file."""
    open_files: int = 1024
    """File descriptors of each process."""
    temporary_bytes: int = 512 * 1024**2
    """Size of ``/tmp`` (which holds the empty home folder), and of ``/dev/shm``."""
    disk_bytes: int = 8 * 1024**3
    """Files that it makes or changes in a workspace whose writes go to the disk."""
    disk_files: int = 500_000
    """How many of them."""
    niceness: int = 15
    """How far the program stands back for others, from 1 to 19, so that the worker's heartbeats stay in time."""

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not 0 < value < math.inf:
                raise InvalidInput(
                    f"The sandbox limit {name!r} is {value!r}, but must be above zero and finite."
                )


@dataclass(frozen=True)
class Finished:
    """How a sandboxed program ended."""

    exit_code: int | None
    """Its exit code (128 + n when signal n ended it); None when the tree was killed, see ``killed_for``."""
    output: bytes
    """Standard output and standard error in the order written, at most ``output_bytes``."""
    killed_for: KilledFor
    """Which limit ended it; empty when it ended by itself."""
    duration_s: float
    peak_bytes: int = 0
    """The most memory it was seen to hold, counted as its memory limit is; 0 where it ended before anybody looked."""
    peak_processes: int = 0
    """The most processes and threads that were seen at one time."""
