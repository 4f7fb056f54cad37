"""``MaintenanceRun``: what a playbook says, done to one repository, and kept only where its tests vouch for it."""

import shlex
from typing import Any, cast

from temporalio import workflow
from temporalio.common import Priority, RawValue

with workflow.unsafe.imports_passed_through():
    from pydantic import BaseModel

    from perdure.contracts.maintenance import MaintenanceRequest, MaintenanceResult
    from perdure.contracts.names import MAINTENANCE_RUN
    from perdure.contracts.plan import Plan, Subtask
    from perdure.contracts.steps import Timing
    from perdure.contracts.task import TaskStatus, Unpushed
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

    immovable = (
        "A maintenance run finishes on the version that began it: what it compared and set up lives in that run alone. "
        "hint: decide what it asks; or cancel it, and its schedule or you start it anew on the new version."
    )

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
        last = last_result()
        if unchanged_since(last, opened):
            # A denial stands until something changes, so the next run has to read it here.
            state.unpushed = unpushed_of(last)
            return await self._end(TaskStatus.UNCHANGED, unchanged_sentence(opened, state.unpushed))
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
            unpushed=state.unpushed,
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


def last_result() -> dict[str, Any]:
    """The result of the last run of the same schedule that completed; empty where there is none."""
    if not workflow.has_last_completion_result():
        return {}
    last: Any = workflow.get_last_completion_result()
    return cast("dict[str, Any]", last) if isinstance(last, dict) else {}


def unpushed_of(last: dict[str, Any]) -> Unpushed | None:
    """Why that run's push did not happen; None also where it was written before this was recorded."""
    said = last.get("unpushed")
    return Unpushed(said) if said in tuple(Unpushed) else None


def unchanged_since(last: dict[str, Any], opened: OpenedMaintenance) -> bool:
    """Whether that run saw this very commit with this very playbook, and left nothing that is to be tried again.

    A push that a person denied is not offered again, whatever else was left; one that nobody decided, or that did not
    work, is.
    """
    seen = {name: last.get(name) for name in ("base_commit", "playbook_digest")}
    if seen != {"base_commit": opened.base_commit, "playbook_digest": opened.playbook.digest}:
        return False
    repeats_nothing = last.get("status") in REPEATABLE
    unpushed = unpushed_of(last)
    if unpushed is None or not workflow.patched("heed-why-the-last-run-did-not-push"):
        return repeats_nothing
    return unpushed is Unpushed.DENIED


def unchanged_sentence(opened: OpenedMaintenance, unpushed: Unpushed | None) -> str:
    """What is said where there is nothing new to look at."""
    nothing_new = (
        f"Neither the commit {opened.base_commit[:12]} nor the playbook {opened.playbook.id!r} changed since the last "
        "run"
    )
    if unpushed is not Unpushed.DENIED:
        return f"{nothing_new}, so there was nothing to do."
    task = opened.task
    command = [
        "python",
        "starter.py",
        "maintain",
        opened.playbook.id,
        "--repository",
        opened.opened.repository,
    ]
    command += ["--base-branch", task.base_branch] if task.base_branch else []
    return (
        f"{nothing_new}, whose push a person denied, so it is not offered again. "
        f"hint: to have it offered once more, start the run by hand: {shlex.join(command)}"
    )
