"""A coding task as other programs see it: what starts one, and what it ends with."""

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    StringConstraints,
    model_serializer,
)

from perdure.contracts.policy import TaskPolicy

MAX_REQUEST_CHARACTERS = 100_000


class Mode(StrEnum):
    """What the task may do: change files, only plan, or only answer (the last two cannot write)."""

    CHANGE = "change"
    PLAN = "plan"
    ANSWER = "answer"


class Safety(StrEnum):
    """How much runs without a person, from least to most."""

    CAUTIOUS = "cautious"
    STANDARD = "standard"
    AUTONOMOUS = "autonomous"

    def capped(self, ceiling: "Safety") -> "Safety":
        """The lower of this level and the ceiling."""
        order = list(Safety)
        return order[min(order.index(self), order.index(ceiling))]


class Budget(BaseModel):
    """Limits of one task; None means the installation's default."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    usd: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    tokens: int | None = Field(default=None, gt=0)
    minutes: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    steps: int | None = Field(default=None, gt=0)


Label = Annotated[str, StringConstraints(max_length=200)]


class Fork(BaseModel):
    """Where another task begins: at the end of a step of this one, with its conversation and files."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    task: str = Field(min_length=1, max_length=1_000)
    """The other task's id."""
    step: int = Field(ge=0)
    """Its last step that counts; 0 is just after its plan."""
    model: str = Field(default="", max_length=200)
    """The model that is asked first, in every role; empty: the installation's."""


class TaskRequest(BaseModel):
    """The one JSON object that starts a ``CodingTask``."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    request: str = Field(min_length=1, max_length=MAX_REQUEST_CHARACTERS)
    """What is to be done, in a person's words."""
    repository: str = Field(min_length=1, max_length=2_000)
    """Path on the worker's host, or a Git URL."""
    base_branch: str | None = Field(default=None, min_length=1, max_length=250)
    mode: Mode = Mode.CHANGE
    safety: Safety = Safety.CAUTIOUS
    budget: Budget = Budget()
    priority: int = Field(default=3, ge=1, le=5)
    user: str = Field(default="", max_length=64)
    labels: dict[Label, Label] = Field(default_factory=dict, max_length=20)
    fork: Fork | None = None
    """Begin at a step of another task. A ``request`` other than that task's is what the model reads next."""
    attended: bool = True
    """Whether somebody looks at what it asks. Where nobody does, what needs a person is denied at once."""
    policy: TaskPolicy = ()
    """Rules of this task's own. They can only narrow what the installation's policy says."""

    @model_serializer(mode="wrap")
    def _without_new_fields(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Workers of an older version refuse fields that they do not know, so one that says nothing is left out."""
        fields: dict[str, Any] = serialize(self)
        for name in ("fork", "policy"):
            if not getattr(self, name):
                fields.pop(name, None)
        if self.attended:
            fields.pop("attended", None)
        return fields


class TaskStatus(StrEnum):
    """The value of the ``PerdureStatus`` search attribute."""

    PLANNING = "planning"
    WORKING = "working"
    WAITING = "waiting"
    CHECKING = "checking"
    PUBLISHING = "publishing"
    COMPLETED = "completed"
    UNCHANGED = "unchanged"
    """A maintenance run that ended at its precheck: nothing had changed since the last one."""
    INCOMPLETE = "incomplete"
    DENIED = "denied"
    BUDGET_EXHAUSTED = "budget_exhausted"
    FAILED = "failed"
    CANCELED = "canceled"


class Unpushed(StrEnum):
    """Why a push that was asked for did not happen."""

    DENIED = "denied"
    """A person said no."""
    EXPIRED = "expired"
    """Nobody decided before the deadline."""
    FAILED = "failed"
    """It was allowed and did not work, or could not even be shown to a person."""


class Cost(BaseModel):
    """What the models used. ``usd`` counts priced calls only; ``unpriced_calls`` says how many had no known price."""

    model_config = ConfigDict(frozen=True)

    usd: float = 0.0
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    model_calls: int = 0
    unpriced_calls: int = 0
    scripted: bool = False
    """True when any answer came from the scripted model server instead of a language model."""
    models: tuple[str, ...] = ()

    @property
    def tokens(self) -> int:
        """Input and output tokens together."""
        return self.input_tokens + self.output_tokens

    def plus(self, other: "Cost") -> "Cost":
        """The sum of both."""
        return Cost(
            usd=round(self.usd + other.usd, 9),
            input_tokens=self.input_tokens + other.input_tokens,
            cached_tokens=self.cached_tokens + other.cached_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            model_calls=self.model_calls + other.model_calls,
            unpriced_calls=self.unpriced_calls + other.unpriced_calls,
            scripted=self.scripted or other.scripted,
            models=tuple(sorted({*self.models, *other.models})),
        )

    def beyond(self, other: "Cost") -> "Cost":
        """What this holds more than the other; nothing of it is negative."""
        return Cost(
            usd=round(max(self.usd - other.usd, 0.0), 9),
            input_tokens=max(self.input_tokens - other.input_tokens, 0),
            cached_tokens=max(self.cached_tokens - other.cached_tokens, 0),
            output_tokens=max(self.output_tokens - other.output_tokens, 0),
            model_calls=max(self.model_calls - other.model_calls, 0),
            unpriced_calls=max(self.unpriced_calls - other.unpriced_calls, 0),
            scripted=self.scripted,
            models=self.models,
        )


class Check(BaseModel):
    """One result of the quality gate."""

    model_config = ConfigDict(frozen=True)

    name: str
    status: Literal["passed", "failed", "skipped"]
    detail: str = ""
    """One line: what was checked, or why it was skipped, or the first failure."""


class Withheld(BaseModel):
    """Something the task did not do, and why."""

    model_config = ConfigDict(frozen=True)

    what: str
    why: str


class Evidence(BaseModel):
    """One requirement of the request and the step that shows it is met (``step`` None: not shown)."""

    model_config = ConfigDict(frozen=True)

    requirement: str
    step: int | None = None
    shown_by: str = ""


class TaskResult(BaseModel):
    """The one JSON object a ``CodingTask`` ends with; on failure it stands in the failure's details."""

    v: int = 1
    status: TaskStatus
    summary: str
    branch: str | None = None
    commits: tuple[str, ...] = ()
    pushed: bool = False
    pull_request: str | None = None
    withheld: tuple[Withheld, ...] = ()
    checks: tuple[Check, ...] = ()
    cost: Cost = Cost()
    steps: int = 0
    evidence: tuple[Evidence, ...] = ()
