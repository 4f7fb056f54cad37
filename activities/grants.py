"""Remembered decisions: kept where a person said so, looked for before somebody is asked, listed and revoked."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from temporalio import activity

from activities.heartbeat import heartbeating
from activities.host_steps import call_of, standing_in
from activities.judge import JudgesCalls, judged
from activities.record import AppendsEntries, KnowsTasks, ReadsArtifacts, next_entry, scheduled_at
from perdure.contracts.calls import CallSummary, ToolCall
from perdure.contracts.digests import call_shape
from perdure.contracts.grants import (
    AskGrants,
    Grant,
    GrantKept,
    Grants,
    GrantScope,
    KeepGrant,
    ListedGrant,
    grant_id,
    grant_sentence,
    why_not_counted,
)
from perdure.contracts.steps import ApprovedCall
from perdure.contracts.task import Safety
from perdure.contracts.transcript import EntryKind

MOST_LISTED = 200
EDITED = "It is not the call that the model asked for."
REWOUND = "The task was taken back meanwhile, so nothing is remembered."


class ReadsGrants(AppendsEntries, KnowsTasks, Protocol):
    """What stands, and the transcript that says whether it was given on this way."""

    async def grants_for(self, task_id: str, shape: str) -> Sequence[Grant]:
        """Those for calls of this shape in this task that are neither expired, revoked nor void."""
        ...


class KeepsGrants(ReadsGrants, ReadsArtifacts, Protocol):
    """The record's part."""

    async def keep_grant(self, grant: Grant, *, asked_at: datetime) -> bool:
        """Keep it once; False where the task was taken back after ``asked_at``."""
        ...

    async def listed_grants(
        self, *, repository: str | None = None, ids: Sequence[str] | None = None, everything: bool = False
    ) -> Sequence[ListedGrant]:
        """The newest first."""
        ...

    async def revoke_grants(self, ids: Sequence[str], *, by: str, reason: str, at: datetime) -> None:
        """Let these count no more."""
        ...


class OnTheWay(Protocol):
    """A step of a task."""

    @property
    def task_id(self) -> str:
        """Whose step it is."""
        ...

    @property
    def head(self) -> str:
        """Digest of the transcript's newest entry then."""
        ...

    @property
    def safety(self) -> Safety:
        """The level that it runs at."""
        ...


class KnowsTheLasting(JudgesCalls, Protocol):
    """The tools, the policy, and what may be said of calls once for all."""

    @property
    def policy_digest(self) -> str:
        """Changes whenever a rule does."""
        ...

    def why_not_remembered(self, call: ToolCall, summary: CallSummary) -> str:
        """Why a yes to such a call holds once only; empty where it may be remembered."""
        ...


class VoidsGrants(AppendsEntries, Protocol):
    """The record's part after a rewind."""

    async def rewound(self, task_id: str, *, at: datetime) -> None:
        """Record that the task begins or is taken back."""
        ...

    async def grants_of(self, task_id: str) -> Sequence[tuple[str, str]]:
        """Id and entry of each grant that the task gave and that is not void."""
        ...

    async def void_grants(self, ids: Sequence[str], *, at: datetime) -> None:
        """Let these count no more."""
        ...


async def void_what_is_behind(record: VoidsGrants, *, task_id: str, head: str) -> None:
    """Let count no more what was given after ``head``, where the task now begins or goes on."""
    await record.rewound(task_id, at=scheduled_at())
    behind = [
        id for id, entry in await record.grants_of(task_id) if not await record.since(task_id, head, entry)
    ]
    if behind:
        await record.void_grants(behind, at=scheduled_at())


@dataclass(frozen=True)
class Remembered:
    """What is remembered of a call, and whether more could be."""

    grant: Grant | None = None
    not_remembered: str = ""
    remember_s: float = 0.0

    @property
    def fields(self) -> dict[str, Any]:
        """As a preview says it."""
        grant = self.grant
        said = {"grant": grant.id, "grant_says": grant_sentence(grant)} if grant else {}
        return {**said, "not_remembered": self.not_remembered, "remember_s": self.remember_s}


class Remembers(Protocol):
    """Looks for what is remembered."""

    async def of(self, step: OnTheWay, call: ToolCall, summary: CallSummary) -> Remembered:
        """What is remembered of a call that the policy asks about, as it is judged now."""
        ...


class NothingRemembered:
    """People are asked each time."""

    async def of(self, step: OnTheWay, call: ToolCall, summary: CallSummary) -> Remembered:
        """Nothing."""
        return Remembered(not_remembered="This worker remembers nothing.")


class Remembering:
    """Looks into the record, and never past the policy: a grant counts only where it asks as it did then."""

    def __init__(self, record: ReadsGrants, tools: KnowsTheLasting, *, repository_s: float) -> None:
        self._record = record
        self._tools = tools
        self._repository_s = repository_s

    async def of(self, step: OnTheWay, call: ToolCall, summary: CallSummary) -> Remembered:
        """See ``Remembers``."""
        refused = self._tools.why_not_remembered(call, summary)
        if refused:
            return Remembered(not_remembered=refused)
        for grant in await self._record.grants_for(step.task_id, shape_of(summary)):
            if why_not_counted(grant, summary, step.safety):
                continue
            if grant.task_id == step.task_id and not await self._record.since(
                step.task_id, step.head, grant.entry
            ):
                # It was given on a way that was taken back.
                continue
            return Remembered(grant, remember_s=self._repository_s)
        return Remembered(remember_s=self._repository_s)


async def still_granted(
    remembering: Remembers, step: OnTheWay, approved: ApprovedCall, call: ToolCall, summary: CallSummary
) -> bool:
    """Whether what is remembered still covers a call that ran unasked for it: it may have been revoked since its preview."""
    return not approved.grant or (await remembering.of(step, call, summary)).grant is not None


class GrantsDoor(Remembering):
    """Keeps, lists and revokes grants; ``repository_s`` is how long one for a repository counts."""

    def __init__(self, record: KeepsGrants, tools: KnowsTheLasting, *, repository_s: float) -> None:
        super().__init__(record, tools, repository_s=repository_s)
        self._keeping = record

    @property
    def activities(self) -> tuple[Callable[..., Any], ...]:
        """Both; each runs on any host."""
        return (self.keep_grant, self.look_up_grants)

    @activity.defn(name="keep_grant")
    async def keep_grant(self, request: KeepGrant) -> GrantKept:
        """Remember the decision and say so in the transcript, unless such a call is decided each time."""
        async with heartbeating():
            entries = await self._record.since(request.task_id, request.head, request.decision)
            call = await call_of(self._keeping, entries, request.decision, request.approval.call)
            standing = await standing_in(self._record, request, entries, request.decision)
            summary = judged(call, self._tools, standing)
            refused = self._tools.why_not_remembered(call, summary)
            if not refused and shape_of(summary) != request.approval.shape:
                refused = EDITED
            if refused:
                return GrantKept(head=request.head, refused=refused)
            grant = self._grant(request, summary, standing.repository)
            entry = next_entry(
                entries[-1],
                task_id=request.task_id,
                step=request.step,
                kind=EntryKind.NOTE,
                body={
                    "kind": "granted",
                    "text": f"The call that was just approved is remembered. {grant_sentence(grant)}",
                    "grant": grant.id,
                },
            )
            await self._keeping.append([entry])
            kept = grant.model_copy(update={"entry": entry.digest})
            if not await self._keeping.keep_grant(kept, asked_at=scheduled_at()):
                return GrantKept(head=request.head, refused=REWOUND)
        return GrantKept(head=entry.digest, grant_id=grant.id, says=grant_sentence(grant))

    def _grant(self, request: KeepGrant, summary: CallSummary, repository: str) -> Grant:
        approval, given_at = request.approval, datetime.fromisoformat(request.given_at)
        lasts = timedelta(seconds=self._repository_s)
        return Grant(
            id=grant_id(approval, request.task_id),
            scope=request.scope,
            task_id=request.task_id,
            workflow_id=request.workflow_id,
            repository=repository,
            tool=summary.tool,
            effect=summary.effect,
            title=approval.title,
            shape=shape_of(summary),
            rules=summary.rules,
            reason=summary.reason,
            least_sandbox=summary.least_sandbox,
            safety=request.safety,
            untrusted=summary.untrusted,
            policy_digest=self._tools.policy_digest,
            approval_id=approval.id,
            operation_digest=approval.operation_digest,
            entry="",
            by=request.by,
            given_at=given_at,
            expires_at=given_at + lasts if request.scope is GrantScope.REPOSITORY else None,
        )

    @activity.defn(name="look_up_grants")
    async def look_up_grants(self, request: AskGrants) -> Grants:
        """What is remembered; those that were named to be revoked, once they are."""
        async with heartbeating():
            if not request.revoke:
                found = await self._keeping.listed_grants(
                    repository=request.repository, everything=request.everything
                )
                return Grants(grants=tuple(found[:MOST_LISTED]), more=len(found) > MOST_LISTED)
            ids = list(dict.fromkeys(request.revoke))
            await self._keeping.revoke_grants(ids, by=request.by, reason=request.reason, at=scheduled_at())
            found = await self._keeping.listed_grants(ids=ids, everything=True)
        there = {grant.id for grant in found}
        return Grants(grants=tuple(found), missing=tuple(id for id in ids if id not in there))


def shape_of(summary: CallSummary) -> str:
    """What grants are found by."""
    return call_shape(tool=summary.tool, effect=summary.effect, arguments_digest=summary.arguments_digest)
