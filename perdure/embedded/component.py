"""What the stack is made of: a component starts, stops, tells its health and its address."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Health:
    """How a component is, in words for people."""

    name: str
    ok: bool
    detail: str
    version: str = ""
    address: str = ""


@dataclass(frozen=True)
class ProcessFacts:
    """A process of a component, with its start time so that a reused id is not mistaken for it."""

    component: str
    pid: int
    started: int


class Component(Protocol):
    """A part of the stack. PostgreSQL and Temporal are two; a cache, a vector store or a worker join the same way."""

    @property
    def name(self) -> str:
        """A short name that is unique in the stack."""
        ...

    @property
    def address(self) -> str:
        """Where it is reached, empty before the start and for components that nobody connects to."""
        ...

    @property
    def processes(self) -> tuple[ProcessFacts, ...]:
        """Its living processes, guards included."""
        ...

    async def start(self) -> None:
        """Start it and wait until it is ready; raises ConfigurationError with what to do when it cannot be."""
        ...

    async def stop(self) -> None:
        """Stop it; does nothing where it does not run."""
        ...

    async def health(self) -> Health:
        """Ask it how it is; never raises for a component that is merely down."""
        ...
