"""``CodingTask``: one request against one repository, from the clone to the pushed branch."""

from typing import Any, NoReturn

from temporalio import workflow
from temporalio.common import Priority, RawValue

with workflow.unsafe.imports_passed_through():
    from pydantic import BaseModel

    from perdure.contracts.continuation import Continuation, ContinuedTask, LoopCounts, Undone
    from perdure.contracts.names import CODING_TASK
    from perdure.contracts.steps import OpenedTask, OpenTask, PlanMade, Synthesized, Timing
    from perdure.contracts.task import Mode, TaskRequest, TaskResult, TaskStatus
    from workflows.acting import Acting
    from workflows.asking import Asking, Ending
    from workflows.attended_run import AttendedRun
    from workflows.carrying import carried, is_due
    from workflows.loop import Loop
    from workflows.moving import MovingOver
    from workflows.outcome import fairness_key, final_status, result_of
    from workflows.publish import publish
    from workflows.request import NO_INPUT, read_input, refused
    from workflows.steps import OPEN_TASK, PLAN, SYNTHESIZE, Runner, raise_if_cancelled
    from workflows.task_state import Line, TaskState

#: Patch id: a run that continues another heeds a reset to its own beginning.
RESET_TO_BEGINNING = "heed-resets-to-the-beginning-of-a-run"
#: Patch id: before, a run that the server began anew was taken for one that goes on with what the run before handed over.
OWN_CONTINUATION = "only-a-run-itself-says-how-it-goes-on"


@workflow.defn(name=CODING_TASK)
class CodingTask(AttendedRun):
    """A person's request, carried out durably."""

    @workflow.init
    def __init__(self, request: RawValue = NO_INPUT) -> None:
        super().__init__()
        self._given: Continuation | None = None
        self._begun_by_server = begun_by_server()
        if workflow.info().continued_run_id and not self._begun_by_server:
            # Words that arrive with the beginning of a run are judged before it does anything else.
            self._given = read_input(request, ContinuedTask, what=CODING_TASK).continuation
            self._desk.take_up(self._given.words)

    @workflow.run
    async def run(self, request: RawValue = NO_INPUT) -> dict[str, Any]:
        """Carry the task out; returns ``TaskResult``, or fails with it in the failure's details."""
        return await self._to_its_end(self._carry_out(request))

    async def _carry_out(self, request: RawValue) -> BaseModel:
        if self._begun_by_server:
            raise refused(
                f"{CODING_TASK} takes no cron schedule and no second attempt: its runs are begun by a person, or by itself.",
                "start it anew without 'cron_schedule' and 'retry_policy'; `python starter.py schedule create` repeats tasks.",
            )
        if self._given is not None:
            task = read_input(request, ContinuedTask, what=CODING_TASK).task
            priority = Priority(priority_key=task.priority, fairness_key=fairness_key(task.user))
            state = self._begin(task, self._given.opened, priority, self._given)
            self._heed_reset_to_beginning()
            return await self._work(state)
        task = read_input(request, TaskRequest, what=CODING_TASK)
        info = workflow.info()
        priority = Priority(priority_key=task.priority, fairness_key=fairness_key(task.user))
        opened = await Runner(priority, Timing()).run(
            OPEN_TASK,
            OpenTask(task_id=info.first_execution_run_id, workflow_id=info.workflow_id, request=task),
            OpenedTask,
            summary="open the task: record the request",
        )
        state = self._begin(task, opened, priority)
        if opened.forked is not None:
            state.begin_at(opened.forked)
        await self._prepare(state)
        return await self._work(state)

    def _heed_reset_to_beginning(self) -> None:
        """Take in that a reset cut all of this run: then nothing of it is replayed that could see the seed change."""
        info = workflow.info()
        # A run that was reset later has another id than the original as well, but is replayed here and has no mark of the
        # patch. While replaying the ids say nothing: a replay of a stored history takes the original one for the run's.
        reset = workflow.unsafe.is_replaying() or info.run_id != info.original_execution_run_id
        if reset and workflow.patched(RESET_TO_BEGINNING):
            self._void()

    async def _work(self, state: TaskState) -> BaseModel:
        given = self._given
        if given is None and state.plan is None:
            await self._make_plan(state)
        asking = Asking(state)
        acting = Acting(state, asking, given.granted if given else (), given.installed if given else ())
        state.host.after_rebuild = acting.install_again
        state.enter(TaskStatus.WORKING)

        async def renew(counts: LoopCounts) -> None:
            if is_due(state):
                await self._go_on_in_a_new_run(state, acting, counts)

        counts = given.counts if given else LoopCounts()
        loop = Loop(state, asking, acting, counts=counts, renew=renew)
        try:
            return await self._through(state, asking, acting, loop)
        except MovingOver as moving:
            return await self._go_on_in_a_new_run(state, acting, loop.counts, moving.undone)

    async def _through(self, state: TaskState, asking: Asking, acting: Acting, loop: Loop) -> BaseModel:
        """The loop, the answer, the publication: from where the run before left off to the end."""
        undone = self._given.undone if self._given else None
        ending = Ending[undone.ending] if undone and undone.ending else await loop.run(undone)
        if ending is Ending.STOPPED:
            return await self._end(final_status(state, ending), state.stopped_because)
        if not (undone and undone.written):
            await asking.rest(Undone(ending=ending.name))
            await self._synthesize(state)
        if state.host.mode is Mode.CHANGE:
            begun = undone is not None and undone.publication is not None
            left = undone if undone and begun else Undone(ending=ending.name, written=True)
            await asking.rest(left)
            if not await publish(state, acting, left):
                ending = Ending.CHECKS_FAIL
        return await self._end(final_status(state, ending), state.summary)

    async def _go_on_in_a_new_run(
        self, state: TaskState, acting: Acting, counts: LoopCounts, undone: Undone | None = None
    ) -> NoReturn:
        # A handler that still runs would be cut off in the middle, and its caller told nothing.
        await workflow.wait_condition(workflow.all_handlers_finished)
        raise_if_cancelled(closing=False)
        runs = (self._given.runs if self._given else 0) + 1
        state.doing("going on in a new run")
        if state.desk.leaving:
            state.note(Line(state.step, "upgrade", "moved over to the version that takes new tasks"))
        given = carried(state, acting, runs=runs, counts=counts, undone=undone)
        # All that counts stands in this one object, so any version can go on from here: the one that takes new tasks.
        workflow.continue_as_new(
            ContinuedTask(**state.request.model_dump(), continuation=given),
            initial_versioning_behavior=workflow.ContinueAsNewVersioningBehavior.AUTO_UPGRADE,
        )

    async def _make_plan(self, state: TaskState) -> None:
        state.doing("making a plan")
        made = await state.runner.run(PLAN, state.model_step(), PlanMade, summary="make a plan")
        state.head, state.plan = made.head, made.plan
        state.charge(made.cost, made.warnings)
        state.note(Line(0, "plan", made.plan.goal))

    async def _synthesize(self, state: TaskState) -> None:
        state.doing("writing the answer")
        made = await state.runner.run(
            SYNTHESIZE, state.model_step(), Synthesized, summary="write the answer with its evidence"
        )
        state.head, state.summary, state.evidence = made.head, made.summary, made.evidence
        state.commit_message = made.commit_message
        state.charge(made.cost, made.warnings)

    def _result(self, status: TaskStatus, summary: str) -> BaseModel:
        if self._state is None:
            return TaskResult(status=status, summary=summary)
        return result_of(self._state, status, summary)


def begun_by_server() -> bool:
    """Whether a cron schedule or a retry began this run: then its input is a client's, whatever it says of a run before."""
    info = workflow.info()
    return bool(info.cron_schedule or info.attempt > 1) and workflow.patched(OWN_CONTINUATION)
