"""Tool calls: what they may affect, what the policy says of them, how they are keyed and what came out."""

from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from perdure.contracts.task import Cost


class EffectClass(StrEnum):
    """What kinds of effects there are, for people; the policy tells finer ones apart (``Effect``)."""

    READ = "read"
    WRITE = "write"
    EXECUTE = "execute"
    NETWORK = "network"
    DESTRUCTIVE = "destructive"
    PUBLISH = "publish"


class Effect(StrEnum):
    """What a call may change."""

    READ = "read"
    """Nothing."""
    WRITE = "write"
    """Files in the task's workspace."""
    RUN = "run"
    """Runs a program in a view of the workspace that it cannot change."""
    RUN_WRITING = "run_writing"
    """Runs a program that may change the workspace."""
    NETWORK = "network"
    """May change the workspace and may reach named hosts: package hosts, or servers that the operator named."""
    DESTRUCTIVE = "destructive"
    """Takes away files or work of the workspace; a checkpoint holds what was there."""
    COMMIT = "commit"
    """Branches and commits of the workspace, never the user's own repository."""
    PUBLISH = "publish"
    """Something outside the workspace, such as a remote."""

    @property
    def changes_workspace(self) -> bool:
        """Whether a checkpoint is needed after such a call."""
        return self not in {Effect.READ, Effect.RUN, Effect.PUBLISH}

    @property
    def changes_anything(self) -> bool:
        """Whether a person can be shown beforehand what such a call would change, here or elsewhere."""
        return self not in {Effect.READ, Effect.RUN}

    @property
    def effect_class(self) -> EffectClass:
        """The kind of effect it is."""
        classes = {
            Effect.RUN: EffectClass.EXECUTE,
            Effect.RUN_WRITING: EffectClass.EXECUTE,
            Effect.COMMIT: EffectClass.WRITE,
        }
        return classes[self] if self in classes else EffectClass(self.value)

    @property
    def may_run_in_parallel(self) -> bool:
        """Whether neighbours of the same kind may run at once."""
        return self is Effect.READ


class Author(StrEnum):
    """Who wrote a call: read from the transcript's decision, never from the call itself."""

    MODEL = "model"
    PLAYBOOK = "playbook"
    """A playbook of the installation, which its operator put there."""
    PERDURE = "perdure"
    """Perdure's own code, such as the commit and the push at the end."""


class Verdict(StrEnum):
    """What the policy says of a call."""

    ALLOW = "allow"
    BOUNDED = "bounded"
    """Allowed within limits, in a view it cannot harm."""
    ASK = "ask"
    DENY = "deny"


class SandboxLevel(StrEnum):
    """How much of the sandbox holds on a host, the strongest first."""

    A = "A"
    B = "B"
    C = "C"
    D = "D"

    def is_below(self, other: "SandboxLevel") -> bool:
        """Whether it is weaker than the other."""
        return list(SandboxLevel).index(self) > list(SandboxLevel).index(other)


class Assurance(StrEnum):
    """How well it is known who approved, from least to most."""

    CLAIMED = "claimed"
    """A name in the message."""
    SIGNED = "signed"
    """The message is signed by a key that the administrator registered."""

    def is_below(self, other: "Assurance") -> bool:
        """Whether it is less than the other."""
        return list(Assurance).index(self) < list(Assurance).index(other)


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
    repeated: bool = False
    """True when a stored result was returned instead of running the call again."""
    cost: Cost = Cost()
    """What the models cost that its tool asked, together with those that its preview asked."""
