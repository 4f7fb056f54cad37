"""What people say to a running task and ask of it: the same for every type of workflow."""

import asyncio
from collections.abc import Coroutine
from dataclasses import asdict
from typing import Any

from temporalio import workflow
from temporalio.common import Priority, SearchAttributeKey
from temporalio.exceptions import ActivityError, ApplicationError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from pydantic import BaseModel

    from perdure.contracts.consents import unusable_name
    from perdure.contracts.continuation import Continuation
    from perdure.contracts.decisions import Attached, MovingReceipt, Pausing, Pending, Receipt, Steer
    from perdure.contracts.names import SEARCH_REPOSITORY, SEARCH_USER
    from perdure.contracts.plan import Plan
    from perdure.contracts.steps import Closed, CloseTask, Note, OpenedTask
    from perdure.contracts.task import Cost, TaskRequest, TaskStatus
    from workflows.budget import Spending
    from workflows.card import Picture
    from workflows.carrying import take_up
    from workflows.desk import Desk
    from workflows.host import Host
    from workflows.outcome import as_closed, sentence_of, type_of
    from workflows.request import read, refused
    from workflows.steps import CLOSE_TASK, Runner
    from workflows.task_state import Line, TaskState, upsert

#: Characters of steering that may wait for the model's next step; a step's input has to stay small.
MAX_STEERING = 200_000
#: Characters of a summary that are looked through at the end; a step's input has to stay small.
MAX_CLOSING = 20_000


class AttendedRun:
    """A run that people can talk to. A workflow type derives from it and gives it a state once it is open."""

    #: Why nobody reads what people say to it; empty where a model does.
    deaf_to_steering = ""
    #: Why it cannot go on in a new run, on another version; empty where it can.
    immovable = ""

    def __init__(self) -> None:
        self._desk = Desk()
        self._state: TaskState | None = None
        self._early_notes: list[Note] = []
        self._paused: bool | None = None
        """What people said last of pausing; None where nobody said anything in this run."""
        self._paused_by = ""
        """Who said that."""
        self._unopened: ApplicationError | None = None
        """Why the run ended before it was open."""
        # The seed changes exactly where a reset cut the history: whatever waits for a person then is asked anew.
        workflow.register_random_seed_callback(lambda _: self._void())
        self._loop = asyncio.get_running_loop()

    async def _ends_unopened(self, message: str, kind: str) -> None:
        """Tell who attaches why there is nothing to attach to."""
        self._unopened = ApplicationError(message, type=kind, non_retryable=True)
        # An update that is still open when its workflow ends is told nothing of the reason.
        await workflow.wait_condition(workflow.all_handlers_finished)

    # From the beginning to the end

    async def _to_its_end(self, work: Coroutine[Any, Any, BaseModel]) -> dict[str, Any]:
        """Await the work; an error fails the workflow with the result in the failure's details."""
        try:
            result = await work
        except asyncio.CancelledError:
            await self._end_cancelled()
            raise
        except (ActivityError, ApplicationError) as error:
            if is_cancelled_exception(error):
                await self._end_cancelled()
                raise
            message = sentence_of(error)
            failed = await self._end(TaskStatus.FAILED, message, type_of(error))
            raise ApplicationError(
                message, failed.model_dump(mode="json"), type=type_of(error), non_retryable=True
            ) from error
        return result.model_dump(mode="json")

    def _begin(
        self, task: TaskRequest, opened: OpenedTask, priority: Priority, given: Continuation | None = None
    ) -> TaskState:
        """The state of a task that is recorded, ``given`` where another run began it; from now on people see it."""
        if opened.request:
            task = task.model_copy(update={"request": opened.request})
        picture = Picture(
            request=task.request,
            scripted=opened.scripted,
            models=tuple(sorted(set(opened.models.values()))),
        )
        state = TaskState(
            task_id=workflow.info().first_execution_run_id,
            request=task,
            opened=opened,
            runner=Runner(priority, opened.timing),
            desk=self._desk,
            spending=Spending(limits=opened.limits),
            picture=picture,
            head=opened.head,
            notes=self._early_notes,
            pause_requested=bool(self._paused),
            paused_by=self._paused_by,
        )
        state.host = Host(
            state.runner,
            self._desk,
            task,
            opened.safety,
            state.task_id,
            opened.repository,
            state.show,
            lambda text: state.waiting(text, needs="answer"),
            state.files_lost,
        )
        state.host.on_reset = state.was_reset
        self._desk.on_reminder = state.reminded
        if given is not None:
            take_up(state, given)
            if self._paused is None:
                state.pause_requested, state.paused_by = given.paused, given.paused_by
            # Search attributes and what was warned of are there already.
            self._state = state
            return state
        self._state = state
        for warning in opened.warnings:
            state.note(Line(0, "warning", warning))
        if opened.search_attributes:
            keywords = {SEARCH_REPOSITORY: opened.repository[:1000], SEARCH_USER: task.user}
            upsert([SearchAttributeKey.for_keyword(name).value_set(text) for name, text in keywords.items()])
        return state

    async def _prepare(self, state: TaskState) -> None:
        state.doing("preparing the workspace", TaskStatus.PLANNING)
        state.head = await state.host.prepare(state.head)
        state.picture.branch = state.host.branch
        state.first_tree = state.host.checkpoint.tree
        for warning in state.host.workspace.warnings:
            state.note(Line(0, "warning", warning))

    def _result(self, status: TaskStatus, summary: str) -> BaseModel:
        """The result object of this type of run."""
        raise NotImplementedError

    async def _end_cancelled(self) -> None:
        """A cancelled run ends Canceled, also where that cannot be recorded."""
        try:
            await self._end(TaskStatus.CANCELED, "The task was cancelled.")
        except ActivityError as error:
            workflow.logger.warning("the end of the task could not be recorded: %s", error.cause)

    async def _end(self, status: TaskStatus, summary: str, kind: str = "Refused") -> BaseModel:
        """The result; recorded where the run was opened."""
        result = self._result(status, summary)
        state = self._state
        if state is None:
            await self._ends_unopened(summary, kind)
            return result
        # Nothing waits for a person any more.
        self._desk.approvals.clear()
        self._desk.questions.clear()
        state.doing(summary.splitlines()[0][:200] if summary else status.value, status)
        closed = await state.runner.run(
            CLOSE_TASK,
            CloseTask(
                task_id=state.task_id,
                head=state.head,
                status=status,
                summary=summary[:MAX_CLOSING],
                cost=state.spending.cost,
                steps=state.step,
                withheld=tuple(state.withheld),
            ),
            Closed,
            summary=f"close the task: {status.value}",
        )
        await workflow.wait_condition(workflow.all_handlers_finished)
        return as_closed(result, closed)

    # What people say. Input that is missing or too much must reach us: an error of Python's in a signal would fail the
    # workflow task for ever.

    @workflow.update(
        description="Wait until the task is open; no argument. With a start in one request: start or find it"
    )
    async def attach(self, *_: Any) -> Attached:
        """Who the task is; fails with the reason where it cannot be opened."""
        await workflow.wait_condition(lambda: self._state is not None or self._unopened is not None)
        if self._unopened is not None:
            raise self._unopened
        info = workflow.info()
        return Attached(
            task_id=info.first_execution_run_id,
            workflow_id=info.workflow_id,
            run_id=info.run_id,
            status=str(self.status()["status"]),
        )

    @workflow.update(description="Decide a pending approval: approve, deny or edit")
    def decide(self, decision: Any = None, *_: Any) -> Receipt:
        """Argument: contracts.decisions.Decide."""
        return self._desk.decide(decision)

    @decide.validator
    def _check_decide(self, decision: Any = None, *_: Any) -> None:
        self._desk.validate_decision(decision)

    @workflow.update(description="Answer a pending question")
    def answer(self, answer: Any = None, *_: Any) -> Receipt:
        """Argument: contracts.decisions.AnswerQuestion."""
        return self._desk.answer(answer)

    @answer.validator
    def _check_answer(self, answer: Any = None, *_: Any) -> None:
        self._desk.check_answer(answer)

    @workflow.update(
        description="Go on in a new run, on the version of the workers that takes new tasks; no argument"
    )
    def upgrade(self, *_: Any) -> MovingReceipt:
        """What is withdrawn to be asked anew, and when it moves."""
        receipt = self._desk.leave()
        self._show()
        return receipt

    @upgrade.validator
    def _check_upgrade(self, *_: Any) -> None:
        if self.immovable:
            raise ApplicationError(self.immovable, type="Refused", non_retryable=True)

    @workflow.signal(description='Approve a pending approval: {"approval_id": "…", "reason": "", "by": "…"}')
    def approve(self, decision: Any = None, *_: Any) -> None:
        """Argument: contracts.decisions.SignalDecision."""
        self._signalled(decision, "approve")

    @workflow.signal(description='Deny a pending approval: {"approval_id": "…", "reason": "…", "by": "…"}')
    def deny(self, decision: Any = None, *_: Any) -> None:
        """Argument: contracts.decisions.SignalDecision."""
        self._signalled(decision, "deny")

    @workflow.signal(description='Tell the model something before its next step: {"message": "…", "by": "…"}')
    def steer(self, message: Any = None, *_: Any) -> None:
        """Argument: contracts.decisions.Steer."""
        if self.deaf_to_steering:
            self._desk.remark(self.deaf_to_steering)
            self._show()
            return
        try:
            told = read(message, Steer, what="The signal 'steer'")
            _check_speaker(told.by)
        except ApplicationError as error:
            self._desk.remark(error.message)
            self._show()
            return
        notes = self._state.notes if self._state else self._early_notes
        if sum(len(note.text) for note in notes) + len(told.message) > MAX_STEERING:
            self._desk.remark("A steering message was not taken: too many wait to be read already.")
            self._show()
            return
        notes.append(Note(kind="steer", text=told.message, by=told.by.strip()))
        # What it was is in the event history, and whoever shows it from there takes credentials out.
        self._told("steer", f"{told.by.strip() or 'a person'} told the model something")

    @workflow.signal(description='Pause before the next step; an argument may say who wants it: {"by": "…"}')
    def pause(self, said: Any = None, *_: Any) -> None:
        """Argument, which may be left out: contracts.decisions.Pausing."""
        self._set_paused(True, said)

    @workflow.signal(description='Go on after a pause; an argument may say who wants it: {"by": "…"}')
    def resume(self, said: Any = None, *_: Any) -> None:
        """Argument, which may be left out: contracts.decisions.Pausing."""
        self._set_paused(False, said)

    def _set_paused(self, paused: bool, said: Any) -> None:
        word = "pause" if paused else "resume"
        by = ""
        try:
            if said is not None:
                told = read(said, Pausing, what=f"The signal {word!r}")
                _check_speaker(told.by)
                by = told.by.strip()
        except ApplicationError as error:
            # It says no more than who wants it, so the word itself is taken all the same.
            self._desk.remark(error.message)
        self._paused, self._paused_by = paused, by
        if self._state:
            self._state.pause_requested, self._state.paused_by = paused, by
        self._told(word, f"{by or 'a person'} {'paused the task' if paused else 'let the task go on'}")
        self._show()

    def _told(self, kind: str, title: str) -> None:
        """Keep a word of a person, which is acted on later, among what the task did."""
        if self._state:
            self._state.note(Line(self._state.step, kind, title))

    def _signalled(self, decision: Any, verdict: str) -> None:
        self._desk.signalled(decision, verdict)
        self._show()

    def _show(self) -> None:
        if self._state:
            self._state.show()

    def _void(self) -> None:
        state = self._state
        waits = bool(self._desk.approvals or self._desk.questions) or (
            state is not None and state.pause_requested
        )
        if state is not None and not waits:
            # Whoever waits for a person counts that time as waiting; here an activity was under way. The loop is asked
            # for the time, since this is called outside of it.
            self._desk.lost_s += self._loop.time() - state.runner.last_at
        self._desk.void()
        # The SDK looks at wait conditions only where something is ready to run, and a new seed alone is nothing.
        self._loop.call_soon(lambda: None)

    # What people ask

    @workflow.query(description="What the task does now")
    def status(self) -> dict[str, Any]:
        """Status, step, branch and what is needed."""
        state = self._state
        if state is None:
            return {
                "status": "planning",
                "doing": "starting",
                "needs": "nothing",
                "step": 0,
                "paused": bool(self._paused),
            }
        pending = self._desk.pending()
        needs = "approval" if pending.approvals else "answer" if pending.questions else "nothing"
        return {
            "status": state.picture.status,
            "doing": state.picture.doing,
            "needs": needs,
            "step": state.step,
            "steps": state.spending.limits.steps,
            "branch": state.picture.branch,
            "paused": state.pause_requested,
            "scripted": state.picture.scripted,
            "models": list(state.picture.models),
            "takeovers": state.host.takeovers,
            "resets": self._desk.resets,
            "remarks": list(self._desk.remarks),
        }

    @workflow.query(description="The plan")
    def plan(self) -> Plan | None:
        """None until there is one."""
        return self._state.plan if self._state else None

    @workflow.query(description="Approvals and questions that wait for a person")
    def pending(self) -> Pending:
        """Both lists, perhaps empty."""
        return self._desk.pending()

    @workflow.query(description="What was done, a line each")
    def transcript(self) -> list[dict[str, Any]]:
        """The newest lines, oldest first."""
        return [asdict(line) for line in self._state.lines] if self._state else []

    @workflow.query(description="Cost against the budget")
    def cost(self) -> dict[str, Any]:
        """``cost`` and ``limits``."""
        if self._state is None:
            return {"cost": Cost().model_dump(mode="json"), "limits": None}
        spending = self._state.spending
        return {
            "cost": spending.cost.model_dump(mode="json"),
            "limits": spending.limits.model_dump(mode="json"),
            "dropped": spending.dropped.model_dump(mode="json"),
        }


def _check_speaker(name: str) -> None:
    """ApplicationError where a word of a person, which needs no name, has one that no person can use."""
    if name and (problem := unusable_name(name)):
        raise refused(problem, "send it with a person's name in 'by', or without one.")
