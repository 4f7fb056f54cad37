"""``CodingTask``: one request against one repository, from the clone to the pushed branch."""

import asyncio
from typing import Any

from temporalio import workflow
from temporalio.common import Priority, RawValue, SearchAttributeKey
from temporalio.exceptions import ActivityError, ApplicationError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from perdure.contracts.names import CODING_TASK, SEARCH_REPOSITORY, SEARCH_USER
    from perdure.contracts.steps import (
        Closed,
        CloseTask,
        OpenedTask,
        OpenTask,
        PlanMade,
        Synthesized,
        Timing,
    )
    from perdure.contracts.task import Mode, TaskRequest, TaskResult, TaskStatus
    from workflows.acting import Acting
    from workflows.asking import Asking, Ending
    from workflows.attended_run import AttendedRun
    from workflows.budget import Spending
    from workflows.card import Picture
    from workflows.host import Host
    from workflows.loop import Loop
    from workflows.outcome import fairness_key, final_status, result_of, sentence_of, type_of
    from workflows.publish import publish
    from workflows.request import NO_INPUT, read_input
    from workflows.steps import CLOSE_TASK, OPEN_TASK, PLAN, SYNTHESIZE, Runner
    from workflows.task_state import Line, TaskState, upsert


@workflow.defn(name=CODING_TASK)
class CodingTask(AttendedRun):
    """A person's request, carried out durably."""

    @workflow.run
    async def run(self, request: RawValue = NO_INPUT) -> dict[str, Any]:
        """Carry the task out; returns ``TaskResult``, or fails with it in the failure's details."""
        task: TaskRequest | None = None
        try:
            task = read_input(request, TaskRequest, what=CODING_TASK)
            await self._open(task)
            result = await self._work()
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

    # The stages

    async def _open(self, task: TaskRequest) -> None:
        info = workflow.info()
        priority = Priority(priority_key=task.priority, fairness_key=fairness_key(task.user))
        opened = await Runner(priority, Timing()).run(
            OPEN_TASK,
            OpenTask(task_id=info.first_execution_run_id, workflow_id=info.workflow_id, request=task),
            OpenedTask,
            summary=f"open the task: {task.request.splitlines()[0][:120]}",
        )
        picture = Picture(
            request=task.request,
            scripted=opened.scripted,
            models=tuple(sorted(set(opened.models.values()))),
        )
        state = TaskState(
            task_id=info.first_execution_run_id,
            request=task,
            opened=opened,
            runner=Runner(priority, opened.timing),
            desk=self._desk,
            spending=Spending(limits=opened.limits),
            picture=picture,
            head=opened.head,
            notes=self._early_notes,
            pause_requested=self._paused,
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
        )
        self._state = state
        for warning in opened.warnings:
            state.note(Line(0, "warning", warning))
        if opened.search_attributes:
            keywords = {SEARCH_REPOSITORY: opened.repository[:1000], SEARCH_USER: task.user}
            upsert([SearchAttributeKey.for_keyword(name).value_set(text) for name, text in keywords.items()])
        state.doing("preparing the workspace", TaskStatus.PLANNING)
        state.head = await state.host.prepare(state.head)
        state.picture.branch = state.host.branch
        state.first_tree = state.host.checkpoint.tree
        for warning in state.host.workspace.warnings:
            state.note(Line(0, "warning", warning))

    async def _work(self) -> TaskResult:
        state = self._require()
        await self._make_plan(state)
        asking = Asking(state)
        acting = Acting(state, asking)
        state.enter(TaskStatus.WORKING)
        ending = await Loop(state, asking, acting).run()
        if ending is Ending.STOPPED:
            return await self._end(final_status(state, ending), state.stopped_because)
        await asking.pause()
        await self._synthesize(state)
        if state.host.mode is Mode.CHANGE:
            await asking.pause()
            if not await publish(state, acting):
                ending = Ending.CHECKS_FAIL
        return await self._end(final_status(state, ending), state.summary)

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

    async def _end_cancelled(self) -> None:
        """A cancelled task ends Canceled, also where that cannot be recorded."""
        try:
            await self._end(TaskStatus.CANCELED, "The task was cancelled.")
        except ActivityError as error:
            workflow.logger.warning("the end of the task could not be recorded: %s", error.cause)

    async def _end(self, status: TaskStatus, summary: str, kind: str = "Refused") -> TaskResult:
        """The result; recorded where the task was opened."""
        state = self._state
        if state is None:
            await self._ends_unopened(summary, kind)
            return TaskResult(status=status, summary=summary)
        result = result_of(state, status, summary)
        # Nothing waits for a person any more.
        self._desk.approvals.clear()
        self._desk.questions.clear()
        state.doing(summary.splitlines()[0][:200] if summary else status.value, status)
        await state.runner.run(
            CLOSE_TASK,
            CloseTask(
                task_id=state.task_id,
                head=state.head,
                status=status,
                summary=summary[:2_000],
                cost=state.spending.cost,
                steps=state.step,
            ),
            Closed,
            summary=f"close the task: {status.value}",
        )
        await workflow.wait_condition(workflow.all_handlers_finished)
        return result

    def _require(self) -> TaskState:
        if self._state is None:
            raise ApplicationError("The task is not open yet; try again in a moment.", type="Refused")
        return self._state
