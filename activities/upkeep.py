"""What the doors of maintenance share: the playbook as the run's transcript holds it, and what they are handed."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from activities.record import KeepsArtifacts, Transcript
from perdure.contracts.errors import WorkspaceLost
from perdure.contracts.judging import Standing
from perdure.contracts.maintenance import Finding
from perdure.contracts.transcript import Entry
from perdure.contracts.upkeep import PlaybookOutline

CopyIn = TypeVar("CopyIn", contravariant=True)


class Playbooks(Protocol):
    """The playbooks of the installation."""

    def playbook(self, name: str) -> tuple[PlaybookOutline, float, dict[str, Any]]:
        """Outline, minutes and content; InvalidInput lists those there are."""
        ...

    def calls(self, content: Mapping[str, Any], part: str) -> list[tuple[str, dict[str, Any]]]:
        """Tool and arguments of each call of a part."""
        ...

    def findings(self, report: str, text: str, *, step: str) -> tuple[Finding, ...]:
        """What a report says; ToolRejected where the text holds none."""
        ...


class Said(Protocol):
    """What the tests that vouch say."""

    @property
    def cases(self) -> bytes:
        """Every test's outcome."""
        ...

    @property
    def ran(self) -> bool:
        """Whether there was a report."""
        ...

    @property
    def counts(self) -> Mapping[str, int]:
        """Tests by outcome."""
        ...

    @property
    def detail(self) -> str:
        """One line."""
        ...

    @property
    def held(self) -> bool:
        """Whether what passed before still passes."""
        ...

    @property
    def broken(self) -> tuple[str, ...]:
        """Tests that no longer pass."""
        ...

    @property
    def sentence(self) -> str:
        """The comparison for people."""
        ...


class LooksAfter(Protocol[CopyIn]):
    """What maintenance asks of a working copy."""

    async def unmet(
        self,
        copy: CopyIn,
        content: Mapping[str, Any],
        parts: Sequence[str],
        beat: Callable[[str], None],
        *,
        standing: Standing,
    ) -> dict[str, str]:
        """Sentences of conditions that do not hold, by part; the policy is asked before a command is run for one."""
        ...

    async def vouch(
        self,
        copy: CopyIn,
        content: Mapping[str, Any],
        before: bytes | None,
        beat: Callable[[str], None],
        *,
        standing: Standing,
    ) -> Said:
        """Run the tests that vouch, if the policy lets them."""
        ...

    async def measure(self, copy: CopyIn) -> tuple[Sequence[str], int]:
        """Paths that are not committed, and changed lines."""
        ...


class KeepsBytes(Transcript, KeepsArtifacts, Protocol):
    """Transcript and artifacts, which can be read again."""

    async def artifact(self, task_id: str, id: str) -> bytes:
        """The bytes of an artifact."""
        ...


def playbook_in(entries: Sequence[Entry]) -> Mapping[str, Any]:
    """The playbook as it was when the run was opened; later changes of the file do not matter to it."""
    content: Mapping[str, Any] | None = (
        entries[0].body.get("playbook", {}).get("content") if entries else None
    )
    if content is None:
        raise WorkspaceLost(
            "The transcript does not begin with a playbook.",
            "the database and the event history are not of the same installation; restore the database's backup.",
        )
    return content
