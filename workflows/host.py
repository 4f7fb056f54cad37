"""The task's workspace as the workflow sees it: sending steps to its host, and taking it over when that fails."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, Literal, TypeVar

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError, TimeoutError, TimeoutType

with workflow.unsafe.imports_passed_through():
    from pydantic import BaseModel

    from perdure.contracts.continuation import Continuation
    from perdure.contracts.decisions import QuestionKind
    from perdure.contracts.steps import ForkPoint, PreparedWorkspace, PrepareWorkspace
    from perdure.contracts.task import Mode, Safety, TaskRequest
    from perdure.contracts.workspace import Checkpoint, Workspace
    from workflows.desk import Changed, Desk
    from workflows.steps import PREPARE_WORKSPACE, Runner, Step

Result = TypeVar("Result", bound=BaseModel)

#: Takeovers of one step before a person is asked: more than this is no passing trouble.
TAKEOVERS = 5

#: Runs that were reset before this version heed the reset only with the next step on files.
RESETS_FIRST = "heed-resets-before-models"

#: Runs of before ask a host that did not answer in time a second time, and wait as long again.
SILENCE_IS_AN_ANSWER = "a-silent-host-is-not-asked-again"

Reason = Literal["start", "takeover", "reset", "take_back"]
_SUMMARIES: dict[Reason, str] = {
    "start": "clone",
    "takeover": "take over: rebuild from the last checkpoint the workspace of",
    "reset": "after a reset: rebuild from the checkpoint the workspace of",
    "take_back": "take the last change back: rebuild from the checkpoint before it the workspace of",
}

Waiting = Callable[[str], AbstractContextManager[None]]
"""Shows, while its body runs, that an answer of a person is waited for."""


Lost = Callable[[Sequence[str], int], None]
"""Hears the first names and the number of what a rebuilt workspace lacks."""


class Host:
    """Owns dispatch numbers, the workspace and its last checkpoint."""

    def __init__(
        self,
        runner: Runner,
        desk: Desk,
        request: TaskRequest,
        safety: Safety,
        task_id: str,
        shown: str,
        changed: Changed,
        waiting: Waiting,
        lost: Lost,
    ) -> None:
        self._runner = runner
        self._desk = desk
        self._request = request
        self._task_id = task_id
        self._shown = shown
        self._changed = changed
        self._waiting = waiting
        self._lost = lost
        self._dispatch = 0
        self._resets_seen = desk.resets
        self._workspace: Workspace | None = None
        self._checkpoint: Checkpoint | None = None
        self.safety = safety
        self.mode: Mode = request.mode
        self.takeovers = 0
        self.rebuilds = 0
        """How often the workspace was rebuilt: whatever no checkpoint holds is gone each time."""
        self.on_reset: Callable[[PreparedWorkspace], None] = lambda _: None
        """Told what a rebuild found, and always after a reset."""
        self.after_rebuild: Callable[[], Awaitable[None]] | None = None
        """Sets up anew what a rebuild lost."""
        self.pinned = False
        """Whether steps may run only in the very folder that was set up."""
        self._setting_up = False
        self.fork: ForkPoint | None = None
        """Where the files come from at the start, where that is another task."""

    @property
    def is_prepared(self) -> bool:
        """Whether there is a workspace yet."""
        return self._workspace is not None

    @property
    def workspace(self) -> Workspace:
        """The prepared workspace; raises RuntimeError before ``prepare``."""
        if self._workspace is None:
            raise RuntimeError("The workspace was used before it was prepared.")
        return self._workspace

    @property
    def checkpoint(self) -> Checkpoint:
        """The last checkpoint that a finished step reported."""
        return self._checkpoint or self.workspace.checkpoint

    @property
    def branch(self) -> str:
        """The branch that is worked on now, which a tool may have changed."""
        return self.checkpoint.head_ref.removeprefix("refs/heads/")

    def carried(self) -> dict[str, Any]:
        """Fields of a ``Continuation``."""
        return {
            "workspace": self.workspace,
            "checkpoint": self.checkpoint,
            "dispatch": self._dispatch,
            "takeovers": self.takeovers,
            "rebuilds": self.rebuilds,
            "rebuild_first": self._resets_seen != self._desk.resets,
        }

    def take_up(self, given: Continuation) -> None:
        """Go on with the workspace of the run before; a reset that this run has seen already still counts."""
        self._workspace, self._checkpoint = given.workspace, given.checkpoint
        self._dispatch = given.dispatch
        self.takeovers, self.rebuilds = given.takeovers, given.rebuilds
        if given.rebuild_first:
            self._resets_seen = -1

    def advance(self, checkpoint: Checkpoint | None) -> None:
        """A step finished with this checkpoint; None where nothing changed."""
        self._checkpoint = checkpoint or self._checkpoint

    async def prepare(self, head: str, reason: Reason = "start", *, owner_first: bool = True) -> str:
        """Make or rebuild the workspace, by the host that has its files if it answers; returns the transcript's head.

        Without ``owner_first`` whoever answers the shared queue does it, the host that has the files among them.
        """
        while True:
            self._dispatch += 1
            try:
                prepared = await self._runner.run(
                    PREPARE_WORKSPACE,
                    self._preparation(head, reason),
                    PreparedWorkspace,
                    summary=f"{_SUMMARIES[reason]} {self._shown}",
                    queue=self._workspace.host_queue if self._workspace and owner_first else None,
                    answer_within=owner_first and self._workspace is not None,
                )
            except ActivityError as error:
                if _type_of(error) == "Fenced":
                    continue
                if owner_first and is_lost_host(error):
                    # The host that has the files is silent, so whoever answers the shared queue is asked.
                    owner_first = False
                    continue
                if _type_of(error) != "WorkspaceLost":
                    raise
                await self._ask_about_restore(error)
                # A person was told to start the owner again, which others on the shared queue must not preempt.
                owner_first = True
                continue
            self._workspace = prepared.workspace
            self._checkpoint = prepared.workspace.checkpoint
            self._resets_seen = self._desk.resets
            self.rebuilds += reason != "start"
            self._lost(prepared.lost, prepared.lost_count)
            # A reset of the whole first run begins with a start: what was spent before says that there was something.
            if reason == "reset" or prepared.spent is not None or prepared.notes:
                self.on_reset(prepared)
            return prepared.head

    async def heed_reset(self, head: str) -> None:
        """Where the history was cut since the last step: fence off who still works, and rebuild the files."""
        if self._resets_seen != self._desk.resets and self._heeds_resets():
            await self._rebuild(head, "reset")

    def _heeds_resets(self) -> bool:
        """Whether this run heeds a reset before a model is asked; the time that the reset took away is no work."""
        heeds = workflow.patched(RESETS_FIRST)
        if heeds:
            self._desk.waited_s += self._desk.lost_s
            self._desk.lost_s = 0.0
        return heeds

    async def take_back(self, head: str, checkpoint: Checkpoint) -> None:
        """Rebuild the workspace as it was at an earlier checkpoint."""
        self._checkpoint = checkpoint
        await self._rebuild(head, "take_back")

    async def _rebuild(self, head: str, reason: Reason, *, owner_first: bool = True) -> None:
        await self.prepare(head, reason, owner_first=owner_first)
        if self.after_rebuild is None or self._setting_up:
            return
        self._setting_up = True
        try:
            await self.after_rebuild()
        finally:
            self._setting_up = False

    def _preparation(self, head: str, reason: Reason) -> PrepareWorkspace:
        # A rebuild needs no remote, so an address with a password stands in no more inputs than it must.
        first = self._workspace is None
        return PrepareWorkspace(
            task_id=self._task_id,
            repository=self._request.repository if first else "",
            base_branch=self._request.base_branch,
            title=self._request.request[:200],
            head=head,
            dispatch=self._dispatch,
            previous=self._workspace,
            checkpoint=self._checkpoint,
            reason=reason,
            fork=self.fork if first else None,
        )

    async def _ask_about_restore(self, error: ActivityError) -> None:
        last = f" Its last checkpoint is on the host {self._workspace.host_id!r}." if self._workspace else ""
        text = (
            f"RESTORE_INCOMPLETE: the workspace could not be brought back by the host that answered: {error.cause}{last} "
            "Start the worker of that host again and choose retry, or stop the task."
        )
        answer = None
        with self._waiting(f"waiting for an answer: {QuestionKind.RESTORE.value}"):
            while answer is None:
                answer = await self._desk.ask(
                    QuestionKind.RESTORE,
                    text,
                    ("retry", "stop"),
                    self._runner.timing,
                    self._changed,
                    silence="stop",
                )
        if answer.choice == "stop":
            raise ApplicationError(text, type="WorkspaceLost", non_retryable=True) from error

    async def run(
        self,
        step: Step,
        model: type[BaseModel],
        result: type[Result],
        *,
        number: int,
        head: Callable[[], str],
        summary: str,
        extra_s: float = 0.0,
        **facts: Any,
    ) -> Result:
        """Run a step where the workspace is; where its host is silent or fenced off, rebuild and run it there."""
        taken_over = 0
        while True:
            if self._resets_seen != self._desk.resets:
                self._heeds_resets()
                await self._rebuild(head(), "reset")
            self._dispatch += 1
            fields = {
                "task_id": self._task_id,
                "step": number,
                "head": head(),
                "mode": self.mode,
                "safety": self.safety,
                "epoch": self.workspace.epoch,
                "dispatch": self._dispatch,
                "checkpoint": self.checkpoint,
                "generation": self.workspace.generation if self.pinned else 0,
            }
            try:
                return await self._runner.run(
                    step,
                    model.model_validate({**fields, **facts}),
                    result,
                    summary=summary,
                    queue=self.workspace.host_queue,
                    extra_s=extra_s,
                )
            except ActivityError as error:
                if not is_lost_host(error):
                    raise
                self.takeovers += 1
                taken_over += 1
                silent = _was_silent(error) and workflow.patched(SILENCE_IS_AN_ANSWER)
                ask = taken_over % TAKEOVERS == 0
                if ask:
                    await self._ask_about_restore(error)
                workflow.logger.warning(
                    "%s was not finished by its host (%s); taking over", step.name, error.cause
                )
                # Who is asked is told to start the host again, so it comes first after that.
                await self._rebuild(head(), "takeover", owner_first=ask or not silent)


def is_lost_host(error: ActivityError) -> bool:
    """Whether another host should go on: nobody picked the step up, or the workspace is not theirs any more.

    A schedule-to-start time-out never means that the step did not run; the fence decides whose work counts.
    """
    if isinstance(error.cause, TimeoutError) and error.cause.type is TimeoutType.HEARTBEAT:
        return True
    return _was_silent(error) or _type_of(error) in ("Fenced", "WorkspaceLost")


def _was_silent(error: ActivityError) -> bool:
    """Whether the host did not take the step in the time that it had to answer."""
    return isinstance(error.cause, TimeoutError) and error.cause.type is TimeoutType.SCHEDULE_TO_START


def is_unknown_effect(error: ActivityError) -> bool:
    """Whether nobody knows if something outside the workspace happened."""
    return _type_of(error) == "EffectUnknown"


def _type_of(error: ActivityError) -> str:
    return error.cause.type or "" if isinstance(error.cause, ApplicationError) else ""
