"""A task as it stands: what ``watch`` draws and ``show --json`` prints. ``telling.tell`` folds events into it."""

from typing import Literal

from pydantic import BaseModel, Field, computed_field

from perdure.client.events import ApprovalAsked, HeldUp
from perdure.contracts.calls import CallSummary
from perdure.contracts.decisions import Question
from perdure.contracts.maintenance import MaintenanceResult
from perdure.contracts.plan import Plan
from perdure.contracts.steps import Limits
from perdure.contracts.task import Check, Cost, TaskResult, TaskStatus

Tone = Literal["plain", "good", "bad", "person", "faint"]
Needs = Literal["approval", "answer", "nothing"]
WENT_WELL = frozenset({TaskStatus.COMPLETED, TaskStatus.UNCHANGED})
"""Ends that need nobody's attention."""


class Line(BaseModel):
    """One thing that happened, in a line for people."""

    step: int = 0
    text: str
    tone: Tone = "plain"
    drawn: bool = Field(default=False, exclude=True)
    """Whether the drawn picture shows the same in a place of its own."""


class Picture(BaseModel):
    """Everything that the event history tells of a task."""

    id: str
    request: str = ""
    repository: str = ""
    mode: str = ""
    safety: str = ""
    doing: str = "starting"
    step: int = 0
    branch: str = ""
    scripted: bool = False
    """Whether a script answers instead of a language model."""
    models: tuple[str, ...] = ()
    limits: Limits | None = None
    cost: Cost = Cost()
    plan: Plan | None = None
    """With its finished parts marked."""
    needs: Needs = "nothing"
    approval: ApprovalAsked | None = None
    """The approval that waits."""
    questions: tuple[Question, ...] = ()
    """The questions that wait; the history does not hold them, so they are there when a worker was asked."""
    paused: bool = False
    trouble: str = ""
    """Why the worker cannot go on."""
    held_up: HeldUp | None = None
    """What keeps it waiting though no person is needed."""
    checks: tuple[Check, ...] = ()
    result: TaskResult | MaintenanceResult | None = None
    summary: str = ""
    """How it ended, once it did."""
    lines: list[Line] = Field(default_factory=list[Line])

    stage: TaskStatus = Field(default=TaskStatus.PLANNING, exclude=True)
    ended: TaskStatus | None = Field(default=None, exclude=True)
    calls: dict[str, CallSummary] = Field(default_factory=dict[str, CallSummary], exclude=True)
    """``step/index`` → the call, for the line of its result."""

    @computed_field
    @property
    def status(self) -> TaskStatus:
        """As the search attribute ``PerdureStatus`` has it."""
        if self.ended is not None:
            return self.ended
        return TaskStatus.WAITING if self.paused or self.needs != "nothing" else self.stage

    def wait_no_more(self) -> None:
        """Nobody is waited for any more."""
        self.needs, self.approval, self.questions = "nothing", None, ()

    def start_over(self) -> None:
        """Forget everything but the id and the lines: the events that still stand follow."""
        fresh = Picture(id=self.id, lines=self.lines)
        for name in Picture.model_fields:
            setattr(self, name, getattr(fresh, name))
