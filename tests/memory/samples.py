"""Things to store, as short as they can be."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from perdure.contracts.calls import CallResult, Token
from perdure.contracts.task import TaskRequest
from perdure.contracts.transcript import Entry, EntryKind
from perdure.contracts.workspace import Checkpoint
from perdure.memory.record import Record

AT = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
TASK = "task-1"


@dataclass(frozen=True)
class Step:
    """A key of a step, and of an answer in it."""

    step: int
    task_id: str = TASK
    run_id: str = "run-1"
    purpose: str = "decide"


def checkpoint(commit: str) -> Checkpoint:
    """A checkpoint that differs from others by its commit."""
    return Checkpoint(
        commit=commit,
        tree="t" * 40,
        head_ref="refs/heads/perdure/x",
        branch_commit="b" * 40,
        staged_tree="s" * 40,
    )


def token(dispatch: int, attempt: int = 1, epoch: int = 1) -> Token:
    """A token, of the first epoch unless it is told."""
    return Token(epoch=epoch, dispatch=dispatch, attempt=attempt)


def result(index: int, excerpt: str = "") -> CallResult:
    """A result of a call."""
    return CallResult(index=index, tool="edit_file", ok=True, excerpt=excerpt, changed=True)


class Writer:
    """Writes a transcript: each entry follows the one before."""

    def __init__(self, task_id: str = TASK) -> None:
        self.task_id = task_id
        self.entries: list[Entry] = []

    @property
    def head(self) -> str:
        """Digest of the newest entry."""
        return self.entries[-1].digest if self.entries else ""

    def add(
        self,
        kind: EntryKind = EntryKind.NOTE,
        body: dict[str, Any] | None = None,
        *,
        step: int = 0,
        **more: Any,
    ) -> Entry:
        """Seal one more entry."""
        entry = Entry(
            task_id=self.task_id,
            parent=self.head,
            depth=len(self.entries),
            step=step,
            kind=kind,
            body={**(body or {}), **more},
            at=AT.isoformat(),
        ).sealed()
        self.entries.append(entry)
        return entry

    def back_to(self, length: int) -> None:
        """Go on from an older entry."""
        del self.entries[length:]


async def open_task(record: Record, task_id: str = TASK) -> None:
    """Open a task."""
    await record.open_task(
        task_id=task_id,
        workflow_id="fix-rounding",
        request=TaskRequest(request="Fix the rounding.", repository="/repositories/shop"),
        repository="/repositories/shop",
        at=AT,
    )


async def prepared(record: Record, *, commit: str = "c0", host_id: str = "host-a") -> int:
    """Prepare a workspace that is ready; gives its epoch."""
    preparation = await record.prepare(task_id=TASK, host_id=host_id, dispatch=1, attempt=1)
    await record.ready(task_id=TASK, epoch=preparation.epoch, checkpoint=checkpoint(commit))
    return preparation.epoch
