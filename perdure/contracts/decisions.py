"""What people are asked and what they say: approvals and questions."""

from enum import StrEnum
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from perdure.contracts.calls import ArtifactRef, Assurance, Effect, SandboxLevel
from perdure.contracts.consents import Consent
from perdure.contracts.task import Safety

MAX_EDITED_ARGUMENTS_BYTES = 256 * 1024


class Decide(BaseModel):
    """Argument of the update ``decide``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    approval_id: str = Field(min_length=1, max_length=64)
    verdict: Literal["approve", "deny", "edit"]
    reason: str = Field(default="", max_length=4_000)
    arguments: dict[str, Any] | None = None
    """For ``edit``: the new arguments; a new preview with a new id follows."""
    remember: Literal["once", "task", "repository"] = "once"
    by: str = Field(default="", max_length=128)
    """Who decides; needed of every decision."""
    operation_digest: str = Field(default="", max_length=64)
    """The digest of the operation that was looked at, or its first 12 digits and more; another one is refused. Needed to
    approve what is too long to be shown whole."""
    signature: str = Field(default="", max_length=128)
    """Base64 of an Ed25519 signature (``perdure.contracts.consents``), where a name alone does not count."""


class SignalDecision(BaseModel):
    """Argument of the signals ``approve`` and ``deny``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    approval_id: str = Field(min_length=1, max_length=64)
    reason: str = Field(default="", max_length=4_000)
    by: str = Field(default="", max_length=128)
    operation_digest: str = Field(default="", max_length=64)
    signature: str = Field(default="", max_length=128)


class Steer(BaseModel):
    """Argument of the signal ``steer``: a message the model reads before its next decision."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    message: str = Field(min_length=1, max_length=20_000)
    by: str = Field(default="", max_length=128)
    """Who says so; it decides nothing, so it may be left out."""


class Pausing(BaseModel):
    """Argument of the signals ``pause`` and ``resume``, which may be left out."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    by: str = Field(default="", max_length=128)
    """Who wants it."""


class AnswerQuestion(BaseModel):
    """Argument of the update ``answer``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    question_id: str = Field(min_length=1, max_length=64)
    choice: str = Field(min_length=1, max_length=64)
    text: str = Field(default="", max_length=20_000)
    budget: dict[str, float] | None = None
    """For the choice ``extend``: the new limits, such as ``{"steps": 80}``."""
    by: str = Field(default="", max_length=128)


class Receipt(BaseModel):
    """What ``decide`` and ``answer`` return: what was recorded, in a sentence."""

    model_config = ConfigDict(frozen=True)

    id: str
    recorded: str
    message: str


class Approval(BaseModel):
    """A pending approval, as shown to people. The full digest is what execution checks; the id is its handle."""

    model_config = ConfigDict(frozen=True)

    id: str
    operation_digest: str
    run_id: str = ""
    """The run in which it was asked; after a reset it is asked anew in the new run."""
    step: int
    call: int
    tool: str
    effect: Effect
    title: str
    preview: str
    """Markdown made by code from the exact operation, at most 4,000 characters, control characters escaped."""
    shape: str = ""
    """The same for calls of the same tool and effect with the same arguments, in whichever task; empty: not known."""
    repository: str = ""
    """Credentials stripped."""
    user: str = ""
    """For whom the task is: no approver where more than one person must approve."""
    safety: Safety | None = None
    """The level that the task runs at."""
    not_remembered: str = ""
    """Why a yes to it holds once only; empty where it may be remembered."""
    remember_s: float = 0.0
    """How long a yes holds that is remembered for the repository; 0: it cannot be."""
    asked_at: str
    expires_at: str
    """Both ISO 8601 in UTC."""
    task_id: str = ""
    reason: str = ""
    """Why the policy asks."""
    rules: tuple[str, ...] = ()
    """Ids of the policy's rules that matched."""
    policy_digest: str = ""
    people: int = 1
    """Different people who must approve."""
    assurance: Assurance = Assurance.CLAIMED
    """The least that counts of who they are."""
    sandbox: str = ""
    """What shuts programs in on the task's host."""
    least_sandbox: SandboxLevel | None = None
    consents: tuple[Consent, ...] = ()
    """Who approved so far."""
    shown_digest: str = ""
    """SHA-256 of title and preview as people see them."""
    hidden: int = 0
    """Characters that the preview leaves out; approving then takes the operation's digest."""
    whole: ArtifactRef | None = None
    """The operation and its preview in full."""
    ahead_digest: str = ""
    """SHA-256 of what the call did when it was run ahead, which is exactly what approving does; empty: it was not."""


class QuestionKind(StrEnum):
    """What a question is about."""

    BUDGET = "budget"
    LOOP = "loop"
    STUCK = "stuck"
    RESTORE = "restore"
    EFFECT_UNKNOWN = "effect_unknown"


class Question(BaseModel):
    """A pending question that is not an approval."""

    model_config = ConfigDict(frozen=True)

    id: str
    kind: QuestionKind
    text: str
    choices: tuple[str, ...]
    silence: str = ""
    """The choice that stands when nobody answers before the deadline."""
    asked_at: str
    expires_at: str = ""


class Pending(BaseModel):
    """Result of the query ``pending``."""

    approvals: tuple[Approval, ...] = ()
    questions: tuple[Question, ...] = ()


class MovingReceipt(BaseModel):
    """Result of the update ``upgrade``."""

    model_config = ConfigDict(frozen=True)

    withdrawn: tuple[str, ...] = ()
    """Ids of what was asked: it is asked anew in the new run, under new ids."""
    message: str


class Attached(BaseModel):
    """Result of the update ``attach``, which starts or finds a run in one request."""

    model_config = ConfigDict(frozen=True)

    task_id: str
    workflow_id: str
    run_id: str
    status: str
