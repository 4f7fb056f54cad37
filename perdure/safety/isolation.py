"""What is asked of an isolation, whichever it is: one program, the folders it may see, and how it is launched."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from perdure.safety.descriptors import Descriptors
from perdure.safety.mounts import Mount
from perdure.safety.owner import Owner
from perdure.safety.views import SandboxLimits


@dataclass(frozen=True)
class Errand:
    """One program to run."""

    argv: Sequence[str]
    environment: Mapping[str, str]
    """The whole of it."""
    mounts: Sequence[Mount]
    """Where it shall see which folder; the first is the workspace."""
    working_directory: str
    limits: SandboxLimits
    stdin: bytes = b""
    files: Mapping[str, bytes] = field(default_factory=dict[str, bytes])
    """Files that it shall see beside, by path."""
    reaches_hosts: bool = False
    """Whether it has a way out to package hosts."""


@dataclass(frozen=True)
class Launch:
    """How the program is started, and what is to be done around it."""

    command: Sequence[str]
    stdin: bytes
    prepare: Callable[[], None] = field(default=lambda: None)
    """Runs in the thread that starts it."""
    held_in_files: Callable[[Sequence[int]], int] = field(default=lambda tree: 0)
    """Bytes of temporary files that count as memory, of the processes below the first."""
    as_asked: Callable[[bytes], bytes] = field(default=lambda output: output)
    """The output with the names of folders that the program was asked with."""
    afterwards: Callable[[], None] = field(default=lambda: None)
    """Runs when all of it has ended."""


class Isolation(Protocol):
    """One way of holding programs back."""

    @property
    def owner(self) -> Owner:
        """Whom its programs run as."""
        ...

    @property
    def loads_filter(self) -> bool:
        """Whether it claims to load a system call filter."""
        ...

    @property
    def mounts_overlays(self) -> bool:
        """Whether it may be able to mount a throw-away overlay."""
        ...

    def launch(self, errand: Errand, descriptors: Descriptors) -> Launch:
        """How to start the program; SandboxRefused for what this isolation cannot give."""
        ...

    def did_not_come_up(self, said: str) -> Exception:
        """The error for a program that never started, with the set-up's own words."""
        ...
