"""What the command line is told of the installation. ``starter.py`` gives it, since only entry points read settings."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from perdure.client.archived import ReadsArchive
    from perdure.contracts.judging import CallFacts, Standing
    from perdure.contracts.keeping import Forgotten, Garbage, Rebuilt
    from perdure.safety.policy_backtest import RecordedCall

from perdure.maintenance.shelf import Shelf

State = Literal["ok", "warning", "failed"]
"""How something is that ``doctor`` looked at."""


@dataclass(frozen=True)
class Place:
    """Where tasks are started and found."""

    home: Path
    task_queue: str
    temporal_environment: Mapping[str, str]
    """Temporal's own variables, from the environment and ``.env``."""
    without_sandbox: bool = False
    """Whether the operator chose to run programs without any sandbox."""


@dataclass(frozen=True)
class Finding:
    """One line of ``doctor``."""

    name: str
    state: State
    detail: str
    hint: str = ""
    """What to do about it."""
    table: tuple[tuple[str, ...], ...] = ()
    """Its parts, the names of the columns first; empty where it has none."""


@dataclass(frozen=True)
class StoreVersion:
    """A store that tasks use, with its version, or why that is not known."""

    name: str
    version: str = ""
    problem: str = ""


Check = Callable[[], Awaitable[Sequence[Finding]]]
"""Looks at one thing; it reports what is wrong as findings and raises nothing of ours."""


class PartHealth(Protocol):
    """How one part of the running stack is."""

    @property
    def name(self) -> str:
        """A short name."""
        ...

    @property
    def ok(self) -> bool:
        """Whether it works."""
        ...

    @property
    def detail(self) -> str:
        """In words for people."""
        ...

    @property
    def version(self) -> str:
        """Its version, or nothing."""
        ...

    @property
    def address(self) -> str:
        """Where it is, without secrets, or nothing."""
        ...


class RunningStack(Protocol):
    """Everything that ``up`` started."""

    @property
    def addresses(self) -> Mapping[str, str]:
        """Name → address, for people and programs; no secrets."""
        ...

    async def health(self) -> Sequence[PartHealth]:
        """How every part is."""
        ...

    async def stop(self) -> None:
        """Stop everything."""
        ...


class PolicyDesk(Protocol):
    """The policy of this checkout."""

    @property
    def administrator(self) -> Path | None:
        """The administrator's file."""
        ...

    @property
    def users(self) -> Path | None:
        """The folder of users' files."""
        ...

    def facts(self, tool: str, arguments: Mapping[str, Any], standing: "Standing") -> "CallFacts":
        """A call as the policy is asked of it; ToolRejected for what cannot run."""
        ...

    async def recorded(self, *, tasks: int) -> "Sequence[RecordedCall]":
        """The calls of the newest tasks."""
        ...


class Installation(Protocol):
    """This checkout with its settings."""

    def place(self) -> Place:
        """Where tasks are; raises ConfigurationError for settings that cannot be used."""
        ...

    def signing_key(self) -> Path | None:
        """The private key file that approvals are signed with, where one is set."""
        ...

    async def up(self) -> RunningStack:
        """Start the stack, the scripted models where they are set, and a worker."""
        ...

    def work(self) -> int:
        """Run a worker in this process until it is stopped; gives its exit code."""
        ...

    def program(self) -> Sequence[str]:
        """The words that run this command line from any folder."""
        ...

    def shelf(self) -> Shelf:
        """The playbooks of this checkout; raises ConfigurationError for settings that cannot be used."""
        ...

    async def stores(self) -> Sequence[StoreVersion]:
        """PostgreSQL, Valkey and Chroma, as far as they are known; it raises nothing of ours."""
        ...

    def policy_desk(self) -> "PolicyDesk":
        """The policy's files, and what tasks have called."""
        ...

    def archive(self) -> "AbstractAsyncContextManager[ReadsArchive]":
        """The archive as the database has it; ConfigurationError or StoreUnavailable where it cannot be read."""
        ...

    async def rebuild(self, id: str, *, dry_run: bool) -> "Rebuilt":
        """Make a task's rows again from its histories and artifacts."""
        ...

    async def collect_garbage(self, *, older_than: timedelta, dry_run: bool) -> "Garbage":
        """Remove artifacts that nothing refers to and that were stored so long ago."""
        ...

    async def forget(self, id: str) -> "Forgotten":
        """Remove a closed task for good."""
        ...

    def checks(self) -> Sequence[Check]:
        """What ``doctor`` looks at on this machine, beside the server."""
        ...
