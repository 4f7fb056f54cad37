"""One inbox over all tasks: what waits for a person, filtered, batched by what would be done, and decided one by one."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from perdure.client.errors import NotPending
from perdure.client.handle import TaskHandle, handle_of
from perdure.client.server import Server
from perdure.client.signing import SigningKey
from perdure.client.state import WaitingTask
from perdure.client.task_list import KINDS, ListedTask, listed
from perdure.client.validation import valid
from perdure.client.waiting_tasks import WaitingTasks
from perdure.contracts.calls import Assurance, Effect
from perdure.contracts.decisions import Approval
from perdure.contracts.digests import digest_of
from perdure.contracts.errors import InvalidInput, PerdureError
from perdure.contracts.names import SEARCH_NEEDS
from perdure.contracts.task import Safety

_ASKED_AT_ONCE = 8
_OPEN_TASKS = f"{KINDS} AND ExecutionStatus = 'Running'"

Word = Literal["approve", "deny"]


class InboxFilter(BaseModel):
    """Which approvals are wanted; None takes all."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    repository: str | None = Field(default=None, min_length=1, max_length=1_000)
    """Path or URL as the task was started with, without credentials."""
    user: str | None = Field(default=None, max_length=64)
    tool: str | None = Field(default=None, min_length=1, max_length=64)
    effect: Effect | None = None
    safety: Safety | None = None
    people: int | None = Field(default=None, ge=1)
    """As many different people or more must approve."""
    assurance: Assurance | None = None
    asked_before: datetime | None = None
    """Asked then or earlier; without a time zone it is UTC."""

    @property
    def about_calls(self) -> bool:
        """Whether it speaks of what a call is, which no question has."""
        return any(
            each is not None for each in (self.tool, self.effect, self.safety, self.people, self.assurance)
        )

    def takes_task(self, task: WaitingTask) -> bool:
        """Whether the task's repository and user are those that are wanted; one that could not be read may be."""
        return (bool(task.problem) and not task.repository) or self._takes(task.repository, task.user)

    def may_take(self, task: ListedTask) -> bool:
        """The same of a task that was not asked: what the server's list does not know of it, it may say itself."""
        return not task.repository or self._takes(task.repository, task.user)

    def _takes(self, repository: str, user: str) -> bool:
        return self.repository in {None, repository} and self.user in {None, user}

    def takes(self, approval: Approval) -> bool:
        """Whether an approval of such a task is wanted."""
        wanted = {
            "tool": self.tool,
            "effect": self.effect,
            "safety": self.safety,
            "assurance": self.assurance,
        }
        fits = approval.people >= (self.people or 1) and all(
            value is None or getattr(approval, name) == value for name, value in wanted.items()
        )
        return fits and self.takes_time(approval.asked_at)

    def takes_time(self, asked_at: str) -> bool:
        """Whether something that was asked then is old enough."""
        if self.asked_before is None:
            return True
        latest = self.asked_before
        latest = latest if latest.tzinfo is not None else latest.replace(tzinfo=UTC)
        return datetime.fromisoformat(asked_at) <= latest


class WaitingApproval(BaseModel):
    """One approval with the task that asks for it."""

    model_config = ConfigDict(frozen=True)

    task: str
    """The workflow's id."""
    summary: str = ""
    repository: str = ""
    user: str = ""
    approval: Approval


class Batch(BaseModel):
    """Approvals of calls that would do the same: the same tool and effect with the same arguments."""

    model_config = ConfigDict(frozen=True)

    key: str
    """Made from exactly these approvals: where one more waits, or one is decided, it is another key."""
    members: tuple[WaitingApproval, ...]
    """The one that was asked first stands first."""

    @property
    def first(self) -> Approval:
        """One that stands for all, as far as their shape goes."""
        return self.members[0].approval

    @property
    def previews(self) -> tuple[tuple[str, tuple[WaitingApproval, ...]], ...]:
        """Each different preview with the members that have it: the same call may meet different files."""
        found: dict[str, list[WaitingApproval]] = {}
        for member in self.members:
            found.setdefault(member.approval.preview, []).append(member)
        return tuple((preview, tuple(members)) for preview, members in found.items())


class Outcome(BaseModel):
    """What became of one decision."""

    model_config = ConfigDict(frozen=True)

    task: str
    approval_id: str
    done: bool
    message: str
    """The task's receipt, or why it recorded nothing."""
    hint: str = ""


class Inbox:
    """What waits for a person in every open task. Called, it lists the tasks with approvals and questions."""

    def __init__(self, server: Server) -> None:
        self._server = server

    async def __call__(self, wanted: InboxFilter | None = None, /, **fields: Any) -> list[WaitingTask]:
        """Open tasks that wait for a person, with the approvals and questions that fit a filter, or its fields."""
        asked = valid(InboxFilter, **fields) if wanted is None else wanted
        # Nobody waits for what is not wanted.
        candidates = [each for each in await self._candidates() if asked.may_take(each)]
        fitting = [_fitting(task, asked) for task in await WaitingTasks(self._server).of(candidates)]
        return [task for task in fitting if task.approvals or task.questions or task.problem]

    async def list(self, wanted: InboxFilter | None = None, /, **fields: Any) -> list[WaitingApproval]:
        """The approvals that fit, each with its task, the one that was asked first before the others."""
        return approvals_of(await self(wanted, **fields))

    async def batches(self, wanted: InboxFilter | None = None, /, **fields: Any) -> Sequence[Batch]:
        """The approvals that fit, those of the same shape together."""
        return batches_of(await self(wanted, **fields))

    async def batch(self, key: str, wanted: InboxFilter | None = None, /, **fields: Any) -> Batch:
        """The batch of this key; NotPending where exactly these approvals no longer wait, or others joined them."""
        there = await self.batches(wanted, **fields)
        for batch in there:
            if batch.key == key:
                return batch
        listed = ", ".join(each.key for each in there)
        raise NotPending(
            f"No batch {key!r} waits: one of its approvals was decided, another one joined it, or the filters differ. "
            f"What waits: {listed or 'nothing'}.",
            "`python starter.py approvals` shows the batches as they are now; decide the one that you have seen.",
            tuple(each.key for each in there),
        )

    async def decide_many(
        self,
        approvals: Sequence[WaitingApproval],
        verdict: Word,
        *,
        reason: str = "",
        remember: str = "once",
        by: str = "",
        key: SigningKey | None = None,
    ) -> Sequence[Outcome]:
        """Send one decision for each approval, by its own id and digest; what one task refuses does not stop the others.

        An approval whose preview is shortened is refused: it is approved by itself, with its digest. A ``key`` signs.
        """
        decided = await self.try_many(approvals, verdict, reason=reason, remember=remember, by=by, key=key)
        return [outcome for outcome, _ in decided]

    async def try_many(
        self,
        approvals: Sequence[WaitingApproval],
        verdict: Word,
        *,
        reason: str = "",
        remember: str = "once",
        by: str = "",
        key: SigningKey | None = None,
    ) -> Sequence[tuple[Outcome, PerdureError | None]]:
        """The same, with the error of each that failed."""
        turns = asyncio.Semaphore(_ASKED_AT_ONCE)

        async def decide(waiting: WaitingApproval) -> tuple[Outcome, PerdureError | None]:
            id = waiting.approval.id
            async with turns:
                try:
                    handle = await self._handle(waiting.task)
                    if verdict == "approve":
                        # Of a shortened preview nobody has seen all, so its digest is given by who has, one by one.
                        seen = "" if waiting.approval.hidden else waiting.approval.operation_digest
                        receipt = await handle.approve(
                            id, reason=reason, remember=remember, by=by, operation_digest=seen, key=key
                        )
                    else:
                        receipt = await handle.deny(id, reason=reason, by=by)
                except PerdureError as error:
                    failed = Outcome(
                        task=waiting.task,
                        approval_id=id,
                        done=False,
                        message=error.message,
                        hint=error.hint,
                    )
                    return failed, error
            return Outcome(task=waiting.task, approval_id=id, done=True, message=receipt.message), None

        return await asyncio.gather(*(decide(each) for each in approvals))

    async def _handle(self, id: str) -> TaskHandle[Any]:
        return handle_of(self._server, await self._server.describe(id))

    async def _candidates(self) -> Sequence[ListedTask]:
        # A task that could not set the attribute when it started has none: it is asked as well.
        marked = f"({SEARCH_NEEDS} IN ('approval', 'answer') OR {SEARCH_NEEDS} IS NULL)"
        try:
            return await self._listed(f"{_OPEN_TASKS} AND {marked}")
        except InvalidInput:
            # The attributes are not registered in this namespace, so every open task is asked.
            return await self._listed(_OPEN_TASKS)

    async def _listed(self, query: str) -> Sequence[ListedTask]:
        with self._server.explained():
            found = self._server.client.list_workflows(query, rpc_timeout=self._server.limit)
            return [listed(each) async for each in found]


def approvals_of(tasks: Sequence[WaitingTask]) -> list[WaitingApproval]:
    """Every approval with its task, the one that was asked first before the others."""
    found = [
        WaitingApproval(
            task=task.id,
            summary=task.summary,
            repository=task.repository,
            user=task.user,
            approval=approval,
        )
        for task in tasks
        for approval in task.approvals
    ]
    return sorted(found, key=lambda each: (each.approval.asked_at, each.approval.id))


def batches_of(tasks: Sequence[WaitingTask]) -> list[Batch]:
    """The approvals of the same tool, effect and arguments together; one whose shape is not known stays alone."""
    groups: dict[tuple[str, ...], list[WaitingApproval]] = {}
    for each in approvals_of(tasks):
        approval = each.approval
        alone = "" if approval.shape else approval.id
        groups.setdefault((approval.tool, approval.effect, approval.shape, alone), []).append(each)
    return [Batch(key=_key(members), members=tuple(members)) for members in groups.values()]


def _key(members: Sequence[WaitingApproval]) -> str:
    exactly = sorted([each.task, each.approval.id, each.approval.operation_digest] for each in members)
    return digest_of({"v": 1, "members": exactly})[:12]


def _fitting(task: WaitingTask, wanted: InboxFilter) -> WaitingTask:
    if not wanted.takes_task(task):
        return WaitingTask(id=task.id)
    return task.model_copy(
        update={
            "approvals": tuple(each for each in task.approvals if wanted.takes(each)),
            "questions": tuple(
                each for each in task.questions if not wanted.about_calls and wanted.takes_time(each.asked_at)
            ),
        }
    )
