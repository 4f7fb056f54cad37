"""One task: what it is doing, what it waits for, and what a person says to it."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from typing import Any, Generic, cast

from pydantic import BaseModel
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import (
    WorkflowExecutionDescription,
    WorkflowFailureError,
    WorkflowHandle,
    WorkflowQueryFailedError,
    WorkflowUpdateFailedError,
    WorkflowUpdateStage,
)
from temporalio.exceptions import TerminatedError
from typing_extensions import TypeVar

from perdure.client.asking import first_answer
from perdure.client.decoding import telling_message
from perdure.client.endings import ended_badly
from perdure.client.errors import NotPending, NoWorker, Refused, StillOpen, TaskNotFound
from perdure.client.events import Event, HeldUp
from perdure.client.following import follow, raw_events
from perdure.client.forking import live_fork_point
from perdure.client.listing import described
from perdure.client.logbook import LogLine, logbook
from perdure.client.lookups import Part, StoredArtifact, artifact_parts, diff_parts, files_of
from perdure.client.rewinding import RewindPreview, RewindReceipt, preview_of, rewind
from perdure.client.runs import run_after_reset, run_that_stands
from perdure.client.server import Server
from perdure.client.signing import SigningKey, signed_for
from perdure.client.state import Spending, TaskDescription, TaskState, TranscriptLine
from perdure.client.upgrading import Upgrade, upgrade
from perdure.client.validation import valid
from perdure.client.watching import held_up, watch
from perdure.contracts.decisions import AnswerQuestion, Decide, Pausing, Pending, Receipt, Steer
from perdure.contracts.digests import digest_of
from perdure.contracts.errors import InvalidInput
from perdure.contracts.lookups import Form
from perdure.contracts.maintenance import MaintenanceResult
from perdure.contracts.names import CODING_TASK, MAINTENANCE_RUN
from perdure.contracts.plan import Plan
from perdure.contracts.steps import ForkPoint
from perdure.contracts.task import TaskRequest, TaskResult

_SAFE_TO_REPEAT = "It may still arrive; sending the same again is safe, since it is recorded once."

Answer = TypeVar("Answer")
"""What a query gives back."""
Outcome = TypeVar("Outcome", bound=BaseModel, default=TaskResult)
"""What the run ends with: ``TaskResult`` or ``MaintenanceResult``."""

RESULTS: dict[str, type[BaseModel]] = {CODING_TASK: TaskResult, MAINTENANCE_RUN: MaintenanceResult}

# The static type of a union is no ``type``, but the converter takes it like any type that pydantic knows.
OPTIONAL_PLAN = cast("type[Plan | None]", Plan | None)


class TaskHandle(Generic[Outcome]):
    """A task or maintenance run that exists.

    Queries and decisions need a worker; ``describe``, ``events`` and ``result`` need none.
    """

    def __init__(self, server: Server, *, id: str, task_id: str, kind: str = CODING_TASK) -> None:
        self._server = server
        self._result = RESULTS.get(kind, TaskResult)
        self._workflow: WorkflowHandle[Any, Any] = server.client.get_workflow_handle(id)
        self.id = id
        """The workflow's id, as the Web UI shows it."""
        self.task_id = task_id
        """The first execution's run id: stable across reset and continue-as-new."""
        self.kind = kind
        """``CodingTask`` or ``MaintenanceRun``."""

    async def describe(self) -> TaskDescription:
        """How the server lists the task."""
        return await described(await self._server.describe(self.id))

    async def has_worker(self) -> bool:
        """Whether any worker polls the task's queue."""
        return bool(await self._server.pollers((await self._server.describe(self.id)).task_queue))

    async def status(self) -> TaskState:
        """What the task is doing, or why it waits."""
        return await self._query("status", TaskState)

    async def plan(self) -> Plan | None:
        """The plan with its finished parts, once there is one."""
        return await self._query("plan", OPTIONAL_PLAN)

    async def pending(self) -> Pending:
        """The approvals and questions that wait for a person."""
        return await self._query("pending", Pending)

    async def transcript(self) -> list[TranscriptLine]:
        """One line for each thing that happened."""
        return await self._query("transcript", list[TranscriptLine])

    async def cost(self) -> Spending:
        """What was used of the budget."""
        return await self._query("cost", Spending)

    async def approve(
        self,
        approval_id: str,
        *,
        reason: str = "",
        remember: str = "once",
        by: str = "",
        operation_digest: str = "",
        key: SigningKey | None = None,
    ) -> Receipt:
        """Let exactly the operation run that the approval shows, in the name of ``by``, which every decision needs.

        Where the preview is not the whole operation, ``operation_digest`` says that it was looked at; a ``key`` signs.
        """
        decision = valid(
            Decide,
            approval_id=approval_id,
            verdict="approve",
            reason=reason,
            remember=remember,
            by=by,
            operation_digest=operation_digest,
        )
        return await self.decide(
            signed_for(decision, await self.pending(), key, self.task_id) if key else decision
        )

    async def deny(self, approval_id: str, *, reason: str = "", by: str = "") -> Receipt:
        """Refuse the operation; the model reads the reason and goes on without it."""
        return await self._decide(approval_id=approval_id, verdict="deny", reason=reason, by=by)

    async def edit(
        self, approval_id: str, arguments: Mapping[str, Any], *, reason: str = "", by: str = ""
    ) -> Receipt:
        """Change the call's arguments; a new preview with a new id follows."""
        return await self._decide(
            approval_id=approval_id, verdict="edit", reason=reason, arguments=dict(arguments), by=by
        )

    async def decide(self, decision: Decide) -> Receipt:
        """Send a decision. The same decision sent twice is recorded once."""
        return await self._update("decide", decision.approval_id, decision)

    async def answer(
        self,
        question_id: str,
        choice: str,
        *,
        text: str = "",
        budget: Mapping[str, float] | None = None,
        by: str = "",
    ) -> Receipt:
        """Answer a question with one of its choices; ``budget`` gives the new limits for ``extend``."""
        answer = valid(
            AnswerQuestion,
            question_id=question_id,
            choice=choice,
            text=text,
            budget=dict(budget) if budget else None,
            by=by,
        )
        return await self._update("answer", question_id, answer)

    async def steer(self, message: str, *, by: str = "") -> None:
        """Give the model a message that it reads before its next decision."""
        await self._signal("steer", valid(Steer, message=message, by=by))

    async def pause(self, *, by: str = "") -> None:
        """Let the task stop before its next step."""
        await self._signal("pause", valid(Pausing, by=by))

    async def resume(self, *, by: str = "") -> None:
        """Let a paused task go on."""
        await self._signal("resume", valid(Pausing, by=by))

    async def upgrade(self, *, wait_s: float = 5.0) -> Upgrade:
        """Let the task go on in a new run on the version of the workers that takes new tasks.

        What it asks is withdrawn and asked anew there; a call that is under way is finished first. It waits at most
        ``wait_s`` for the new run. Raises Refused where it need not or cannot move.
        """
        return await upgrade(self._server, self.id, wait_s=wait_s)

    async def cancel(self, *, reason: str = "") -> None:
        """Ask the task to stop; it records what it did and ends Canceled."""
        if not (await self.describe()).open:
            raise self._ended("cancel")
        with self._server.explained(self.id):
            await self._workflow.cancel(reason=reason, rpc_timeout=self._server.limit)

    async def rewind_preview(self, *, to: int) -> RewindPreview:
        """What taking the task back to the end of a step would drop; nothing is changed. 0 is just after the plan."""
        return await preview_of(self._server, self.id, self.task_id, to)

    async def rewind(self, *, to: int | RewindPreview, by: str = "") -> RewindReceipt:
        """Take the task back to the end of a step: conversation, plan and files. It goes on from there by itself.

        It works while the task runs or waits and after it ended. What was asked after the step is asked anew, what was
        pushed stays at the remote, and what was spent stays spent. A preview that was shown makes sure that exactly its
        run is taken back.
        """
        preview = await self.rewind_preview(to=to) if isinstance(to, int) else to
        return await rewind(self._server, preview, by=by)

    async def fork_point(self, step: int) -> tuple[ForkPoint, TaskRequest]:
        """What a fork at the end of this step begins with, and the task's request."""
        return await live_fork_point(self._server, self.id, step)

    async def fork(
        self, *, step: int, request: str | None = None, model: str | None = None, id: str | None = None
    ) -> "TaskHandle[TaskResult]":
        """Start a task that begins at the end of a step of this one, as ``PerdureClient.fork`` does."""
        # The client makes handles, so it is known to them only when they run.
        from perdure.client.client import PerdureClient

        queue = (await self.describe()).task_queue
        client = PerdureClient(
            self._server.client,
            task_queue=queue,
            answer_s=self._server.answer_s,
            address=self._server.address,
        )
        return await client.fork(self.id, step=step, request=request, model=model, id=id)

    async def result(self) -> Outcome:
        """Wait for the end, also of the run that a reset puts in place of this one.

        Raises TaskFailed or TaskCanceled, with the result that the task reported.
        """
        run_id: str | None = await run_that_stands(self._server, self.id, self.task_id)
        while True:
            run = self._server.client.get_workflow_handle(self.id, run_id=run_id, result_type=self._result)
            try:
                with self._server.explained(self.id):
                    return await run.result()
            except WorkflowFailureError as failure:
                # A reset terminates the run that it replaces.
                reset = isinstance(failure.cause, TerminatedError)
                run_id = (
                    await run_after_reset(self._server, self.id, run_id or "", self.task_id)
                    if reset
                    else None
                )
                if run_id is None:
                    raise ended_badly(self.id, failure.cause) from failure

    async def wait(self, timeout: float | None = None) -> Outcome:
        """Wait for the end, at most so many seconds; StillOpen says what the task does then. It goes on by itself."""
        try:
            async with asyncio.timeout(timeout):
                return await self.result()
        except TimeoutError as error:
            raise await self._still_open(timeout or 0.0) from error

    def events(self, *, wait: bool = True) -> AsyncGenerator[Event]:
        """What happened since the start, then what happens until the end (``wait=False``: only what there is)."""
        return follow(self._server, self.id, wait=wait)

    def raw_events(self) -> AsyncGenerator[tuple[str, HistoryEvent]]:
        """Each event that stands now, as Temporal has it, with its run."""
        return raw_events(self._server, self.id, wait=False)

    def watch(self) -> AsyncGenerator[Event]:
        """The events to the end with what holds the task up meanwhile; it goes on when the server was away."""
        return watch(self._server, self.id)

    async def held_up(self) -> HeldUp:
        """What keeps the task waiting though no person is needed: a store, a model, a worker."""
        return await held_up(self._server, self.id)

    def log(self, *, wait: bool = False) -> AsyncGenerator[LogLine]:
        """What the program did for the task, a line for each activity; with ``wait`` until the task ends."""
        return logbook(self._server, self.id, wait=wait)

    def diff(self, *, form: Form = "patch", offset: int = 0) -> AsyncGenerator[Part]:
        """What the task changed, after its last finished step, page by page; NoWorker where its host is gone."""
        return diff_parts(self._server, self.id, self.task_id, form=form, offset=offset)

    async def artifacts(self) -> tuple[StoredArtifact, ...]:
        """What the task stored: outputs that are too long for the history, in the order they came."""
        return (await files_of(self._server, self.id)).artifacts

    def artifact(self, id: str) -> AsyncGenerator[Part]:
        """One artifact page by page, by its id or the beginning of it; checked once it is complete."""
        return artifact_parts(self._server, self.id, self.task_id, id)

    async def delete(self) -> int:
        """Remove the closed task's runs from the Temporal server; gives their number. Refused while it is open."""
        if (await self.describe()).open:
            raise Refused(
                f"Task {self.id!r} is open, so it cannot be forgotten.",
                f"`python starter.py cancel {self.id}` stops it.",
            )
        return await self._server.delete_runs(self.id, self.task_id)

    async def _query(self, name: str, kind: type[Answer]) -> Answer:
        limit = 2 * self._server.limit
        asking = first_answer(lambda: self._workflow.query(name, result_type=kind, rpc_timeout=limit))
        try:
            return await self._server.ask_worker(f"the query {name!r}", asking, task=self.id)
        except WorkflowQueryFailedError as error:
            raise InvalidInput(
                f"Task {self.id!r} refused the query {name!r}: {error.message}.",
                "a worker of another version may not know it: restart the workers, then try again.",
            ) from error

    async def _decide(self, **fields: Any) -> Receipt:
        return await self.decide(valid(Decide, **fields))

    async def _update(self, name: str, waits: str, argument: BaseModel) -> Receipt:
        asking = self._send(name, waits, argument)
        try:
            return await self._server.ask_worker(
                f"the update {name!r}", asking, task=self.id, afterwards=_SAFE_TO_REPEAT
            )
        except WorkflowUpdateFailedError as error:
            raise await self._refusal(waits, error) from error
        except TaskNotFound as error:
            raise await self._gone(name, error) from error

    async def _send(self, name: str, waits: str, argument: BaseModel) -> Receipt:
        # The id is made from what is said: a repetition after a lost answer gets the recorded receipt, while another
        # decision on the same approval is judged anew.
        said = digest_of(argument.model_dump(mode="json"))[:12]
        # The SDK leaves the arguments of one overload untyped, and so the whole method is partially unknown.
        update = await self._workflow.start_update(  # pyright: ignore[reportUnknownMemberType]
            name,
            argument,
            id=f"{name}-{waits}-{said}",
            wait_for_stage=WorkflowUpdateStage.ACCEPTED,
            result_type=Receipt,
            rpc_timeout=2 * self._server.limit,
        )
        return await update.result()

    async def _signal(self, name: str, *arguments: BaseModel) -> None:
        try:
            with self._server.explained(self.id):
                await self._workflow.signal(name, args=arguments, rpc_timeout=self._server.limit)
        except TaskNotFound as error:
            raise await self._gone(name, error) from error

    async def _refusal(self, waits: str, error: WorkflowUpdateFailedError) -> InvalidInput:
        """Why the task refused: nothing of this id waits, or what its validator says."""
        pending = await self.pending()
        there = tuple(each.id for each in (*pending.approvals, *pending.questions))
        if waits in there:
            said, _, hint = telling_message(error.cause).partition(" hint: ")
            shown = f"`python starter.py show {self.id}` shows what the task waits for, and how to answer."
            return Refused(f"Task {self.id!r} refused: {said}", hint or shown)
        listed = f"What waits: {', '.join(there)}." if there else "Nothing waits for a person now."
        return NotPending(
            f"Nothing with the id {waits!r} waits in task {self.id!r}: {telling_message(error.cause)} {listed}",
            "`python starter.py approvals` shows what waits in every task.",
            there,
        )

    async def _gone(self, what: str, error: TaskNotFound) -> InvalidInput:
        """The server says "not found" both for a task that is over and for one that never was."""
        try:
            description = await self.describe()
        except TaskNotFound:
            return error
        return error if description.open else self._ended(what)

    async def _still_open(self, waited_s: float) -> StillOpen:
        try:
            state = await self.status()
            doing = f"{state.status}: {state.doing}"
        except NoWorker as error:
            doing = error.message
        return StillOpen(
            f"Task {self.id!r} did not end within {waited_s:g} s ({doing}).",
            f"wait again, or look: `python starter.py show {self.id}`.",
        )

    def _ended(self, what: str) -> Refused:
        return Refused(
            f"Task {self.id!r} is over, so {what!r} can change nothing.",
            f"`python starter.py show {self.id}` shows how it ended.",
        )


def handle_of(server: Server, found: WorkflowExecutionDescription) -> TaskHandle[Any]:
    """The handle of a run that the server knows."""
    return TaskHandle(
        server, id=found.id, task_id=found.raw_info.first_run_id or found.run_id, kind=found.workflow_type
    )
