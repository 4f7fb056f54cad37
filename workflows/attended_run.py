"""What people say to a running task and ask of it: the same for every type of workflow."""

import asyncio
from dataclasses import asdict
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from perdure.contracts.decisions import Attached, Pending, Receipt, Steer
    from perdure.contracts.plan import Plan
    from perdure.contracts.steps import Note
    from perdure.contracts.task import Cost
    from workflows.desk import Desk
    from workflows.request import read
    from workflows.task_state import TaskState

#: Characters of steering that may wait for the model's next step; a step's input has to stay small.
MAX_STEERING = 200_000


class AttendedRun:
    """A run that people can talk to. A workflow type derives from it and gives it a state once it is open."""

    #: Why nobody reads what people say to it; empty where a model does.
    deaf_to_steering = ""

    def __init__(self) -> None:
        self._desk = Desk()
        self._state: TaskState | None = None
        self._early_notes: list[Note] = []
        self._paused = False
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

    @workflow.signal(description='Approve a pending approval: {"approval_id": "…", "reason": "", "by": "…"}')
    def approve(self, decision: Any = None, *_: Any) -> None:
        """Argument: contracts.decisions.SignalDecision."""
        self._signalled(decision, "approve")

    @workflow.signal(description='Deny a pending approval: {"approval_id": "…", "reason": "…", "by": "…"}')
    def deny(self, decision: Any = None, *_: Any) -> None:
        """Argument: contracts.decisions.SignalDecision."""
        self._signalled(decision, "deny")

    @workflow.signal(description='Tell the model something before its next step: {"message": "…"}')
    def steer(self, message: Any = None, *_: Any) -> None:
        """Argument: contracts.decisions.Steer."""
        if self.deaf_to_steering:
            self._desk.remark(self.deaf_to_steering)
            self._show()
            return
        try:
            told = read(message, Steer, what="The signal 'steer'")
        except ApplicationError as error:
            self._desk.remark(error.message)
            self._show()
            return
        notes = self._state.notes if self._state else self._early_notes
        if sum(len(note.text) for note in notes) + len(told.message) > MAX_STEERING:
            self._desk.remark("A steering message was not taken: too many wait to be read already.")
            self._show()
            return
        notes.append(Note(kind="steer", text=told.message))

    @workflow.signal(description="Pause before the next step")
    def pause(self, *_: Any) -> None:
        """No argument."""
        self._set_paused(True)

    @workflow.signal(description="Go on after a pause")
    def resume(self, *_: Any) -> None:
        """No argument."""
        self._set_paused(False)

    def _set_paused(self, paused: bool) -> None:
        self._paused = paused
        if self._state:
            self._state.pause_requested = paused
        self._show()

    def _signalled(self, decision: Any, verdict: str) -> None:
        self._desk.signalled(decision, verdict)
        self._show()

    def _show(self) -> None:
        if self._state:
            self._state.show()

    def _void(self) -> None:
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
                "paused": self._paused,
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
        }
