"""Decisions of people that are remembered: for one task or one repository, for calls of exactly one shape."""

from datetime import datetime
from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from perdure.contracts.calls import CallSummary, Effect, SandboxLevel, Verdict
from perdure.contracts.decisions import Approval
from perdure.contracts.digests import digest_of
from perdure.contracts.durable import Durable
from perdure.contracts.task import Mode, Safety

GrantState = Literal["active", "expired", "revoked", "void", "ended"]
"""``void``: its task was taken back to before it; ``ended``: it was for a task that is over."""


class GrantScope(StrEnum):
    """For what a decision is remembered."""

    TASK = "task"
    REPOSITORY = "repository"


class Grant(BaseModel):
    """One remembered decision. It never overrides a denial, and counts only where the policy asks as it did then."""

    model_config = ConfigDict(frozen=True)

    id: str
    scope: GrantScope
    task_id: str
    """Of the task in which it was given."""
    workflow_id: str = ""
    repository: str
    """Credentials stripped."""
    tool: str
    effect: Effect
    title: str
    shape: str
    rules: tuple[str, ...] = ()
    """Those that matched when it was given."""
    reason: str = ""
    """Why the policy asked then."""
    least_sandbox: SandboxLevel | None = None
    safety: Safety | None = None
    """The level of the task in which it was given; None: it was not kept."""
    untrusted: bool = False
    """Whether the call that it was given for followed untrusted text."""
    policy_digest: str = ""
    approval_id: str
    operation_digest: str
    """Of the operation that was shown then."""
    entry: str
    """Digest of the transcript's entry that records the decision."""
    by: str
    given_at: datetime
    expires_at: datetime | None = None
    """None: with its task."""


class ListedGrant(Grant):
    """A grant and what became of it."""

    state: GrantState
    revoked_at: datetime | None = None
    revoked_by: str = ""
    revoked_because: str = ""


class KeepGrant(Durable):
    """Remember the decision about one call, as the transcript up to ``head`` has it."""

    task_id: str
    workflow_id: str
    step: int
    head: str
    mode: Mode
    safety: Safety
    scope: GrantScope
    decision: str
    """Digest of the decision entry whose call it is about."""
    approval: Approval
    by: str
    given_at: str


class GrantKept(Durable):
    """What is remembered, or why nothing is."""

    head: str
    grant_id: str = ""
    says: str = ""
    """For what and until when, in a sentence."""
    refused: str = ""


class AskGrants(Durable):
    """Input of the workflow ``Grants``: list what is remembered, or revoke some of it."""

    repository: str | None = None
    revoke: tuple[str, ...] = Field(default=(), max_length=200)
    """Ids; empty: list only."""
    everything: bool = False
    """Also those that count no more."""
    by: str = Field(default="", max_length=128)
    reason: str = Field(default="", max_length=1_000)

    @property
    def task_id(self) -> str:
        """It is about no task; logs name what is asked."""
        return "revoke" if self.revoke else "list"


class Grants(Durable):
    """Result of the workflow ``Grants``: the newest first; after a revocation those that were named."""

    grants: tuple[ListedGrant, ...] = ()
    missing: tuple[str, ...] = ()
    """Ids that name nothing."""
    more: bool = False
    """Whether there are others that are not listed."""


def grant_id(approval: Approval, task_id: str) -> str:
    """The same for the same approval, so that a repeated step remembers it once."""
    return f"g{digest_of({'v': 1, 'task': task_id, 'approval': approval.id})[:11]}"


def grant_sentence(grant: Grant) -> str:
    """For what it counts, by whom and until when."""
    where = "this task" if grant.scope is GrantScope.TASK else f"the repository {grant.repository}"
    until = f"until {grant.expires_at:%Y-%m-%d %H:%M} UTC" if grant.expires_at else "until the task ends"
    who = f"{grant.by} approved" if grant.by else "A person approved"
    return f"{who} exactly this call for {where} on {grant.given_at:%Y-%m-%d %H:%M} UTC, {until}."


def why_not_counted(grant: Grant, call: CallSummary, safety: Safety) -> str:
    """Why a grant says nothing of a call of its shape as the policy judges it now, at a level; empty where it counts."""
    if call.verdict is not Verdict.ASK:
        return f"The policy's verdict is {call.verdict.value!r} now."
    if (call.rules, call.reason, call.least_sandbox) != (grant.rules, grant.reason, grant.least_sandbox):
        return "The policy asks for other reasons than when it was given."
    if grant.safety is not None and safety.capped(grant.safety) is not grant.safety:
        return f"It was given at the safety level {grant.safety.value!r}, and here it is {safety.value!r}."
    return ""
