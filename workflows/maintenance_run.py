"""``MaintenanceRun``: what a playbook says, done to one repository, and kept only where its tests vouch for it."""

from typing import Any

from temporalio import workflow
from temporalio.common import Priority, RawValue

with workflow.unsafe.imports_passed_through():
    from pydantic import BaseModel

    from perdure.contracts.maintenance import MaintenanceRequest, MaintenanceResult
    from perdure.contracts.names import MAINTENANCE_RUN
    from perdure.contracts.plan import Plan, Subtask
    from perdure.contracts.steps import Timing
    from perdure.contracts.task import TaskStatus
    from perdure.contracts.upkeep import OpenedMaintenance, OpenMaintenance, PlaybookOutline
    from workflows.acting import Acting
    from workflows.asking import Asking
    from workflows.attended_run import AttendedRun
    from workflows.outcome import fairness_key
    from workflows.publish import publish
    from workflows.request import NO_INPUT, read_input
    from workflows.steps import OPEN_MAINTENANCE, Runner
    from workflows.task_state import TaskState
    from workflows.upkeep import Upkeep

#: Scheduled upkeep gives way to people's tasks.
PRIORITY = 4
REPEATABLE = (TaskStatus.COMPLETED.value, TaskStatus.UNCHANGED.value)


@workflow.defn(name=MAINTENANCE_RUN)
class MaintenanceRun(AttendedRun):
    """A playbook, followed durably. No model is asked."""

    deaf_to_steering = "A maintenance run follows its playbook, so nobody reads steering messages."

    def __init__(self) -> None:
        super().__init__()
        self._opened: OpenedMaintenance | None = None
        self._upkeep: Upkeep | None = None

    @workflow.run
    async def run(self, request: RawValue = NO_INPUT) -> dict[str, Any]:
        """Follow the playbook; returns ``MaintenanceResult``, or fails with it in the failure's details."""
        return await self._to_its_end(self._maintain(request))

    async def _maintain(self, request: RawValue) -> BaseModel:
        asked = read_input(request, MaintenanceRequest, what=MAINTENANCE_RUN)
        info = workflow.info()
        priority = Priority(priority_key=PRIORITY, fairness_key=fairness_key(asked.user))
        opened = await Runner(priority, Timing()).run(
            OPEN_MAINTENANCE,
            OpenMaintenance(task_id=info.first_execution_run_id, workflow_id=info.workflow_id, request=asked),
            OpenedMaintenance,
            summary=f"open the maintenance run: {asked.playbook}",
        )
        self._opened = opened
        state = self._begin(opened.task, opened.opened, priority)
        state.asks_models = state.commits_itself = False
        state.plan = plan_of(opened.playbook)
        if unchanged_since_last(opened):
            return await self._end(TaskStatus.UNCHANGED, unchanged_sentence(opened))
        await self._prepare(state)
        return await self._work(state, opened.playbook)

    async def _work(self, state: TaskState, playbook: PlaybookOutline) -> BaseModel:
        asking = Asking(state)
        acting = Acting(state, asking)
        self._upkeep = upkeep = Upkeep(state, playbook, asking, acting)
        state.enter(TaskStatus.WORKING)
        status = await upkeep.run()
        summary = upkeep.summary()
        if state.commits:
            await asking.pause()
            await publish(state, acting)
            summary += " The branch was pushed." if state.pushed else " Nothing was pushed."
        return await self._end(status, summary)

    def _result(self, status: TaskStatus, summary: str) -> BaseModel:
        state, opened = self._state, self._opened
        if state is None or opened is None:
            return MaintenanceResult(status=status, summary=summary)
        base_commit = state.host.workspace.base_commit if state.host.is_prepared else opened.base_commit
        return MaintenanceResult(
            status=status,
            summary=summary,
            branch=state.picture.branch or None,
            commits=tuple(dict.fromkeys(state.commits)),
            findings=self._upkeep.findings() if self._upkeep else (),
            checks=state.checks,
            pushed=state.pushed is not None,
            withheld=tuple(state.withheld),
            base_commit=base_commit,
            playbook_digest=opened.playbook.digest,
        )


def plan_of(playbook: PlaybookOutline) -> Plan:
    """The playbook's steps as the plan that people see."""
    return Plan(
        goal=playbook.title,
        subtasks=tuple(Subtask(title=step.title) for step in playbook.steps),
        tools=(),
        risks=(),
        estimated_steps=len(playbook.steps),
    )


def unchanged_since_last(opened: OpenedMaintenance) -> bool:
    """Whether the last finished run of the same schedule saw this very commit with this very playbook."""
    if not workflow.has_last_completion_result():
        return False
    last: Any = workflow.get_last_completion_result()
    if not isinstance(last, dict):
        return False
    seen = {name: last.get(name) for name in ("base_commit", "playbook_digest")}  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    now = {"base_commit": opened.base_commit, "playbook_digest": opened.playbook.digest}
    return seen == now and last.get("status") in REPEATABLE  # pyright: ignore[reportUnknownMemberType]


def unchanged_sentence(opened: OpenedMaintenance) -> str:
    """What is said where there is nothing new to look at."""
    return (
        f"Neither the commit {opened.base_commit[:12]} nor the playbook {opened.playbook.id!r} changed since the last "
        "run, so there was nothing to do."
    )
