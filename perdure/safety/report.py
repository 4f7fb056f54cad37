"""What the probes found: the level that holds on a host, and which layer held which attack."""

from dataclasses import dataclass
from enum import StrEnum

from perdure.contracts.calls import SandboxLevel

MEANING: dict[SandboxLevel, str] = {
    SandboxLevel.A: "namespaces, a minimal root, a system call filter and limits",
    SandboxLevel.B: "no namespaces: another identity, Landlock, a strict system call filter and limits",
    SandboxLevel.C: "no program can be isolated, so none runs and nothing is changed",
    SandboxLevel.D: "NO SANDBOX: programs run with the worker's own view of the host, and every call asks a person",
}


class Outcome(StrEnum):
    """What came of one attack."""

    HELD = "held"
    BROKE = "broke"
    UNTRIED = "cannot be tried"
    """It does not work on this host without any layer either, so it shows nothing."""


@dataclass(frozen=True)
class Mark:
    """One attack on one level."""

    level: SandboxLevel
    layer: str
    """What should hold it."""
    probe: str
    """What the attack tried to do."""
    outcome: Outcome
    is_open: bool = False
    """Whether the level does not claim to hold it."""


@dataclass(frozen=True)
class SandboxReport:
    """All of it."""

    level: SandboxLevel
    marks: tuple[Mark, ...] = ()
    """Of every level that was tried, the strongest first."""
    sentences: tuple[str, ...] = ()
    """Why it is no stronger level, and what the level leaves open."""
    took_s: float = 0.0

    @property
    def summary(self) -> str:
        """The level in one line."""
        return f"level {self.level.value}: {MEANING[self.level]}"

    def count(self, outcome: Outcome) -> int:
        """Attacks on this level that ended so."""
        return len([mark for mark in self.marks if mark.level is self.level and mark.outcome is outcome])
