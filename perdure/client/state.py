"""What the queries of a task answer, and how tasks are listed."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from perdure.contracts.decisions import Approval, Question
from perdure.contracts.steps import Limits
from perdure.contracts.task import Cost

WAITED_FOR = frozenset({"StoreUnavailable", "ModelUnavailable", "DiskFull"})
"""Failures that end by themselves, or when a server is started again; their sentence says what is away."""


class Answered(BaseModel):
    """An answer of a task; fields that a newer workflow adds are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class TaskState(Answered):
    """Result of the query ``status``."""

    status: str = ""
    doing: str = ""
    """What it is doing, or why it waits, for people."""
    needs: Literal["approval", "answer", "nothing"] = "nothing"
    step: int = 0
    branch: str | None = None
    steps: int = 0
    """The limit that ``step`` counts towards."""
    remarks: tuple[str, ...] = ()
    """The last words to the task that it did not take, and why."""
    paused: bool = False
    scripted: bool = False
    """Whether a script answers instead of a language model."""
    models: tuple[str, ...] = ()


class TranscriptLine(Answered):
    """One line of the query ``transcript``."""

    step: int
    kind: str
    title: str = ""
    ok: bool | None = None
    excerpt: str = ""


class Spending(Answered):
    """Result of the query ``cost``: what was used, and what may be. ``limits`` is None until the task was opened."""

    cost: Cost = Cost()
    limits: Limits | None = None
    dropped: Cost = Cost()
    """The part of ``cost`` that went into steps which a rewind took back."""


class PendingStep(BaseModel):
    """An activity that did not end yet."""

    model_config = ConfigDict(frozen=True)

    activity: str
    activity_id: str = ""
    attempt: int
    """From 1; a higher one means that earlier attempts failed or their worker died."""
    last_failure: str = ""
    failure_kind: str = ""
    """Class of the last failure, such as ``StoreUnavailable``."""
    started: bool = False
    """Whether a worker runs it now."""
    next_attempt_at: datetime | None = None
    """When it is tried again, where that is not yet."""
    worker: str = ""
    """Identity of the worker that ran the last attempt."""

    @property
    def because(self) -> str:
        """Why it does not end, in a sentence, where an earlier attempt failed; nothing where this is the first one."""
        if self.attempt < 2:
            return ""
        sentence = self.last_failure.partition(" hint: ")[0].strip() or "Its worker ended or went silent."
        return sentence if self.failure_kind in WAITED_FOR else f"{self.activity} is tried again: {sentence}"


class TaskDescription(BaseModel):
    """A task as the server lists it; no worker is needed to read it."""

    model_config = ConfigDict(frozen=True)

    id: str
    """The workflow's id."""
    task_id: str
    """Stable across reset and continue-as-new: the first execution's run id."""
    run_id: str
    kind: str = ""
    """``CodingTask`` or ``MaintenanceRun``."""
    summary: str
    """First line of the request."""
    state: Literal[
        "running", "completed", "failed", "canceled", "terminated", "continued", "timed_out", "unknown"
    ]
    task_queue: str
    started_at: datetime
    closed_at: datetime | None = None
    pending_steps: tuple[PendingStep, ...] = ()

    @property
    def open(self) -> bool:
        """Whether the task still runs or waits."""
        return self.state == "running"


class WaitingTask(BaseModel):
    """An open task and what it waits for. ``problem`` says why that could not be read (no worker answers)."""

    model_config = ConfigDict(frozen=True)

    id: str
    kind: str = ""
    """``CodingTask`` or ``MaintenanceRun``."""
    summary: str = ""
    repository: str = ""
    user: str = ""
    needs: str = ""
    """``approval`` or ``answer`` as the server's list has it; empty where it does not know."""
    status: str = ""
    """The same of its status."""
    started_at: datetime | None = None
    approvals: tuple[Approval, ...] = ()
    questions: tuple[Question, ...] = ()
    problem: str = ""
    hint: str = ""
    """What to do about the problem."""
