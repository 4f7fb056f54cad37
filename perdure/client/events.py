"""What happened in a task, one typed event each, read from Temporal's event history."""

import math
from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from perdure.contracts.calls import CallResult, CallSummary
from perdure.contracts.consents import Consent
from perdure.contracts.decision_records import Outcome
from perdure.contracts.maintenance import MaintenanceRequest, MaintenanceResult
from perdure.contracts.plan import Plan, Reflection
from perdure.contracts.steps import Limits
from perdure.contracts.task import Check, Cost, Evidence, Safety, TaskRequest, TaskResult, TaskStatus


class Happened(BaseModel):
    """When and where in the history."""

    model_config = ConfigDict(frozen=True)

    event_id: int
    run_id: str
    at: datetime


class Started(Happened):
    """The task was started, or goes on in a new run (``continued``)."""

    kind: Literal["started"] = "started"
    request: TaskRequest | MaintenanceRequest | None
    continued: bool = False
    """True after continue-as-new: what was shown before still counts."""


class Rewound(Happened):
    """The task was taken back to an earlier step; the events that still stand follow again."""

    kind: Literal["rewound"] = "rewound"


class Opened(Happened):
    """The installation settled what the task may do."""

    kind: Literal["opened"] = "opened"
    safety: Safety
    limits: Limits
    models: dict[str, str]
    scripted: bool
    warnings: tuple[str, ...] = ()


class Prepared(Happened):
    """The workspace is ready: at the start, or restored on a host after the last one was lost."""

    kind: Literal["prepared"] = "prepared"
    branch: str
    base_branch: str
    base_commit: str
    host_id: str
    restored: bool
    warnings: tuple[str, ...] = ()


class Doing(Happened):
    """A step was handed to a worker. ``step`` is None where the activity belongs to none."""

    kind: Literal["doing"] = "doing"
    activity: str
    title: str
    step: int | None = None


class Retried(Happened):
    """A step was finished only at a later attempt."""

    kind: Literal["retried"] = "retried"
    activity: str
    attempt: int
    because: str = ""


class Planned(Happened):
    """The plan."""

    kind: Literal["planned"] = "planned"
    plan: Plan
    model: str
    cost: Cost


class Decided(Happened):
    """The model chose calls, or says it is done."""

    kind: Literal["decided"] = "decided"
    step: int
    calls: tuple[CallSummary, ...]
    done: bool
    said: str
    model: str
    cost: Cost


class ApprovalAsked(Happened):
    """A call was shown for approval; ``Waiting`` follows unless it is remembered as approved.

    ``refused`` says why there is nothing to approve after all.
    """

    kind: Literal["approval_asked"] = "approval_asked"
    approval_id: str
    step: int
    call: int
    tool: str
    title: str
    preview: str
    refused: str = ""


class ApprovalDecided(Happened):
    """What became of an approval, as it was recorded before anything was done about it."""

    kind: Literal["approval_decided"] = "approval_decided"
    approval_id: str
    step: int
    title: str
    outcome: Outcome
    by: str
    consents: tuple[Consent, ...] = ()
    """Who approved, and how sure that is."""
    operation_digest: str
    shown_digest: str


class Spoken(Happened):
    """A person said something to the task."""

    kind: Literal["spoken"] = "spoken"
    what: Literal["approve", "deny", "edit", "answer", "steer", "pause", "resume", "cancel"]
    id: str = ""
    """The approval or question, where there is one."""
    text: str = ""
    by: str = ""


class Executed(Happened):
    """Calls ran."""

    kind: Literal["executed"] = "executed"
    step: int
    results: tuple[CallResult, ...]


class Reflected(Happened):
    """The model looked back at its work."""

    kind: Literal["reflected"] = "reflected"
    step: int
    reflection: Reflection
    model: str
    cost: Cost


class Checked(Happened):
    """The quality gate ran."""

    kind: Literal["checked"] = "checked"
    checks: tuple[Check, ...]


class Written(Happened):
    """The answer was written."""

    kind: Literal["written"] = "written"
    summary: str
    evidence: tuple[Evidence, ...]
    model: str
    cost: Cost


class Waiting(Happened):
    """The task waits for a person, until the deadline that its timer keeps; a reminder tells it again."""

    kind: Literal["waiting"] = "waiting"
    text: str
    needs: Literal["approval", "answer"]
    """A decision on the approval asked last, or an answer to a question, which the query ``pending`` shows."""


class Finished(Happened):
    """An activity without an event of its own ended."""

    kind: Literal["finished"] = "finished"
    activity: str
    note: str = ""


class StepFailed(Happened):
    """An activity failed for good; the workflow decides what follows."""

    kind: Literal["step_failed"] = "step_failed"
    activity: str
    because: str


class Stuck(Happened):
    """The worker could not go on with the workflow itself; Temporal tries again until it can."""

    kind: Literal["stuck"] = "stuck"
    because: str


class HeldUp(Happened):
    """What keeps the task waiting now: no part of the history. An empty ``because``: nothing any more."""

    kind: Literal["held_up"] = "held_up"
    because: str
    """Such as "PostgreSQL at 'db:5432/perdure' does not answer: Connection refused."."""
    attempt: int | None = None
    """Of the step that is tried again."""
    next_attempt_at: datetime | None = None

    @classmethod
    def now(
        cls, because: str, *, attempt: int | None = None, next_attempt_at: datetime | None = None
    ) -> "HeldUp":
        """As it is now."""
        at = datetime.now(UTC)
        return cls(
            event_id=0, run_id="", at=at, because=because, attempt=attempt, next_attempt_at=next_attempt_at
        )

    def text(self, now: datetime) -> str:
        """For people, with the time that is left until the next attempt; nothing where nothing is waited for."""
        if self.attempt is None or not self.because:
            return self.because
        left = math.ceil((self.next_attempt_at - now).total_seconds()) if self.next_attempt_at else 0
        following = f", next try in {left} s" if left > 0 else ""
        return f"waits: {self.because.rstrip('.')} (attempt {self.attempt}{following})"


class Ended(Happened):
    """The task is over. ``result`` is missing where it did not report one (terminated, timed out)."""

    kind: Literal["ended"] = "ended"
    status: TaskStatus
    summary: str
    result: TaskResult | MaintenanceResult | None = None


Event = Annotated[
    Started
    | Rewound
    | Opened
    | Prepared
    | Doing
    | Retried
    | Planned
    | Decided
    | ApprovalAsked
    | ApprovalDecided
    | Spoken
    | Executed
    | Reflected
    | Checked
    | Written
    | Waiting
    | Finished
    | StepFailed
    | Stuck
    | HeldUp
    | Ended,
    Field(discriminator="kind"),
]
"""Any event; the field ``kind`` says which."""
