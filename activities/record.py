"""What activities need of the record, as small protocols; ``worker.py`` hands them the real one."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from temporalio import activity

from activities.redaction import redaction
from perdure.contracts.calls import ArtifactRef
from perdure.contracts.digests import canonical_json
from perdure.contracts.envelopes import new_marker
from perdure.contracts.policy import TaskRule
from perdure.contracts.transcript import Entry, EntryKind
from perdure.contracts.workspace import Checkpoint


class AppendsEntries(Protocol):
    """The transcript."""

    async def append(self, entries: Sequence[Entry]) -> str:
        """Store sealed entries; returns the last digest."""
        ...

    async def entries(self, task_id: str, head: str, *, above: int = -1) -> list[Entry]:
        """The chain that ends in ``head``, oldest first, as far as it is deeper than ``above``."""
        ...

    async def since(self, task_id: str, head: str, digest: str) -> list[Entry]:
        """The end of the chain that ends in ``head``, from this entry on; nothing where the chain does not have it."""
        ...

    async def entry(self, task_id: str, digest: str) -> Entry:
        """One entry."""
        ...


class KnowsFiles(Protocol):
    """What the files were."""

    async def checkpoint_at(self, task_id: str, head: str, step: int) -> Checkpoint | None:
        """The files at the end of a step of the chain that ends in ``head``; None where no call had run by then."""
        ...


IN_ENVELOPES = frozenset(
    {EntryKind.WORKSPACE, EntryKind.PLAN, EntryKind.RESULT, EntryKind.REFLECTION, EntryKind.CHECKS}
)
"""Kinds of entries whose text no person said."""


@dataclass(frozen=True)
class AnswerKey:
    """What a stored answer is an answer to."""

    task_id: str
    run_id: str
    step: int
    purpose: str


class StoredAnswer(Protocol):
    """An answer that was stored before."""

    @property
    def body(self) -> dict[str, Any]:
        """What was given to ``store_answer``."""
        ...


class KeepsAnswers(Protocol):
    """Stored answers: an activity that runs again returns the first answer instead of paying twice."""

    async def answer(self, key: AnswerKey) -> StoredAnswer | None:
        """The stored answer, if there is one."""
        ...

    async def store_answer(
        self, key: AnswerKey, body: Mapping[str, Any], entries: Sequence[Entry]
    ) -> Mapping[str, Any]:
        """Store answer and entries in one transaction; the first wins and is returned."""
        ...


class KeepsArtifacts(Protocol):
    """Bulk bytes by reference."""

    async def put_artifact(self, task_id: str, name: str, data: bytes, media_type: str) -> ArtifactRef:
        """Store bytes."""
        ...


class ReadsArtifacts(Protocol):
    """Stored bytes."""

    async def artifact(self, task_id: str, id: str) -> bytes:
        """The bytes of an artifact, checked against its id."""
        ...


class Asked(Protocol):
    """What a task was asked with."""

    @property
    def user(self) -> str:
        """Who asked, as they called themselves."""
        ...

    @property
    def repository(self) -> str:
        """Without credentials."""
        ...

    @property
    def policy(self) -> tuple[TaskRule, ...]:
        """Rules that the task brought with it."""
        ...


class KnowsTasks(Protocol):
    """Tasks as they were asked for."""

    async def asked(self, task_id: str) -> Asked:
        """What the task was asked with, which never changes; InvalidInput where there is no such task."""
        ...


class Transcript(AppendsEntries, KeepsAnswers, KeepsArtifacts, KnowsTasks, Protocol):
    """What the model steps need."""

    async def steps(self, task_id: str, head: str, kinds: Collection[EntryKind]) -> set[int]:
        """The steps that have an entry of one of these kinds in the chain that ends in ``head``."""
        ...


def next_entry(
    parent: Entry | None, *, task_id: str, step: int, kind: EntryKind, body: Mapping[str, Any]
) -> Entry:
    """The sealed entry after ``parent``, redacted, and dated by the activity's schedule so that a retry makes the same one.

    One that models read in an envelope gets the envelope's marker here, once; another attempt that made the same entry
    is told apart by it, and the one that is reported counts.
    """
    # A playbook is the operator's own, and what is run of it is read from here again.
    as_it_is = {name: body[name] for name in ("playbook", "marker") if name in body}
    redacted = redaction().value({name: value for name, value in body.items() if name not in as_it_is})
    if kind in IN_ENVELOPES and "marker" not in body:
        as_it_is["marker"] = new_marker(canonical_json(redacted).decode("utf-8", "replace"))
    return Entry(
        task_id=task_id,
        parent=parent.digest if parent else "",
        depth=parent.depth + 1 if parent else 0,
        step=step,
        kind=kind,
        body={"v": 1, **redacted, **as_it_is},
        at=scheduled_at().isoformat(),
    ).sealed()


def scheduled_at() -> datetime:
    """When the running activity was first scheduled (UTC): the same for every attempt."""
    return activity.info().scheduled_time


def run_id() -> str:
    """The run the activity belongs to; it changes with a reset."""
    return activity.info().workflow_run_id or ""


def answer_key(task_id: str, step: int, purpose: str) -> AnswerKey:
    """The key of an answer of the running activity."""
    return AnswerKey(task_id=task_id, run_id=run_id(), step=step, purpose=purpose)


def files_at_of(record: KnowsFiles, task_id: str, head: str) -> Callable[[int], Awaitable[Checkpoint | None]]:
    """Looks for the files at the end of a step of the chain that ends in ``head``."""

    async def files_at(step: int) -> Checkpoint | None:
        return await record.checkpoint_at(task_id, head, step)

    return files_at
