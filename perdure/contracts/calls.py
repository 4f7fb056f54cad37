"""Tool calls: what they may affect, what the policy says of them, how they are keyed and what came out."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from perdure.contracts.task import Cost
from perdure.contracts.verdicts import (
    Assurance,
    Author,
    Effect,
    EffectClass,
    SandboxLevel,
    Verdict,
)

__all__ = [
    "ArtifactRef",
    "Assurance",
    "Author",
    "CallKey",
    "CallResult",
    "CallSummary",
    "Effect",
    "EffectClass",
    "SandboxLevel",
    "Token",
    "ToolCall",
    "Verdict",
]


class ToolCall(BaseModel):
    """One call as the model asked for it. ``arguments`` are parsed JSON; ``problem`` says why they could not be."""

    model_config = ConfigDict(frozen=True)

    index: int = Field(ge=0)
    """Position within the decision, from 0."""
    call_id: str
    """The model's own id of the call, echoed in the tool message."""
    tool: str
    arguments: dict[str, Any] = Field(default_factory=dict)
    problem: str = ""


class CallSummary(BaseModel):
    """What the workflow knows of a call: no arguments, only digests and a line for people."""

    model_config = ConfigDict(frozen=True)

    index: int
    tool: str
    title: str
    """One line a person understands, such as ``edit_file app/money.py, 2 hunks`` (at most 120 characters)."""
    effect: Effect
    verdict: Verdict
    reason: str = ""
    """Why the policy decided so; for DENY and for malformed calls, what the model is told."""
    arguments_digest: str
    timeout_s: float = 60.0
    rules: tuple[str, ...] = ()
    """Ids of the policy's rules that matched, the deciding one first; empty where it is simply allowed."""
    people: int = 1
    """How many different people must approve it."""
    assurance: Assurance = Assurance.CLAIMED
    """The least that an approval must have to count."""
    least_sandbox: SandboxLevel | None = None
    """Where the host's sandbox is weaker, the call is refused."""
    untrusted: bool = False
    """Whether the call follows untrusted text."""
    ahead: bool = False
    """Whether the policy lets it be run ahead in a throw-away view, before somebody is asked."""


class CallKey(BaseModel):
    """Identity of one call of one run: the same key never runs twice to a recorded end."""

    model_config = ConfigDict(frozen=True)

    task_id: str
    run_id: str
    step: int
    call_index: int

    def __str__(self) -> str:
        return f"{self.task_id}/{self.run_id}/{self.step}/{self.call_index}"


class Token(BaseModel):
    """Fencing token of a workspace, compared as (epoch, dispatch, attempt); the higher one owns it."""

    model_config = ConfigDict(frozen=True)

    epoch: int
    """Raised each time the workspace is prepared or taken over."""
    dispatch: int
    """Number the workflow gives each activity it sends to a host."""
    attempt: int
    """Temporal's attempt, from 1."""


class ArtifactRef(BaseModel):
    """Handle of stored bytes. ``id`` is the HMAC-SHA-256 of the bytes under the task's own key (64 hex digits)."""

    model_config = ConfigDict(frozen=True)

    id: str
    name: str
    bytes: int
    media_type: str = "text/plain; charset=utf-8"


Refuser = Literal["", "sandbox"]
"""Who refused a call besides its own tool: not an error, and no reason to try again."""


class CallResult(BaseModel):
    """What the workflow learns of a finished call; the whole output is in the transcript and its artifacts."""

    model_config = ConfigDict(frozen=True)

    index: int
    tool: str
    ok: bool
    excerpt: str = ""
    """At most 300 characters, for the history and for people."""
    artifacts: tuple[ArtifactRef, ...] = ()
    changed: bool = False
    """Whether the workspace differs from before the call."""
    commit: str | None = None
    pushed: str | None = None
    """``<branch>@<commit>`` where the call pushed."""
    refused_by: Refuser = ""
    """Who refused it, so that nothing ran."""
    repeated: bool = False
    """True when a stored result was returned instead of running the call again."""
    cost: Cost = Cost()
    """What the models cost that its tool asked, together with those that its preview asked."""
