"""Schedules as the server describes them, read as ours."""

import asyncio
from typing import Any

from pydantic import BaseModel, ConfigDict
from temporalio.client import (
    ScheduleActionExecution,
    ScheduleActionExecutionStartWorkflow,
    ScheduleActionResult,
    ScheduleActionStartWorkflow,
    ScheduleListActionStartWorkflow,
    ScheduleListDescription,
    WorkflowHistoryEventFilterType,
)
from temporalio.client import ScheduleDescription as Described

from perdure.client.decoding import Decoder
from perdure.client.errors import TaskNotFound
from perdure.client.history import RunReader
from perdure.client.schedule_terms import (
    ListedSchedule,
    ScheduleDescription,
    ScheduledRun,
    ScheduleTerms,
    ScheduleTimes,
    overlap_of,
    sentences,
)
from perdure.client.server import Server
from perdure.client.starting import Launch
from perdure.client.task_list import listed as listed_task
from perdure.contracts.errors import InvalidInput
from perdure.contracts.maintenance import MaintenanceRequest
from perdure.contracts.names import MAINTENANCE_RUN
from perdure.contracts.task import TaskRequest

MEMO = "perdure"


class Memo(BaseModel):
    """What we write beside a schedule, since the server's list shows neither its request nor who made it."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    v: int = 1
    summary: str = ""
    made_by: str = ""
    cron: tuple[str, ...] = ()

    @classmethod
    def of(cls, launch: Launch, times: ScheduleTimes, terms: ScheduleTerms) -> "Memo":
        """Of a new schedule."""
        return cls(summary=launch.summary, made_by=terms.made_by, cron=times.cron)

    def fields(self) -> dict[str, Any]:
        """As the server takes it."""
        return {MEMO: self.model_dump(mode="json")}


async def memo_of(described: Described | ScheduleListDescription) -> Memo:
    """An empty one for a schedule that was made otherwise, such as in the Web UI."""
    written = (await described.memo()).get(MEMO)
    return Memo.model_validate(written) if isinstance(written, dict) else Memo()


async def listed(entry: ScheduleListDescription) -> ListedSchedule | None:
    """One entry of the server's list; None for a schedule that starts something else."""
    schedule, info = entry.schedule, entry.info
    if schedule is None or info is None or not isinstance(schedule.action, ScheduleListActionStartWorkflow):
        return None
    memo = await memo_of(entry)
    recent = [started(each.action).workflow_id for each in info.recent_actions]
    return ListedSchedule(
        id=entry.id,
        kind=schedule.action.workflow,
        summary=memo.summary,
        paused=schedule.state.paused,
        note=schedule.state.note or "",
        made_by=memo.made_by,
        next_runs=tuple(info.next_action_times),
        last_run=recent[-1] if recent else "",
    )


async def described(server: Server, found: Described) -> ScheduleDescription:
    """The schedule with its runs."""
    schedule, info = found.schedule, found.info
    action = schedule.action
    if not isinstance(action, ScheduleActionStartWorkflow):
        raise InvalidInput(f"Schedule {found.id!r} starts no workflow.", "it was not made by Perdure.")
    memo = await memo_of(found)
    decoder = Decoder(server.client.data_converter)
    asked = MaintenanceRequest if action.workflow == MAINTENANCE_RUN else TaskRequest
    recent = await asyncio.gather(*(_run(server, each) for each in info.recent_actions))
    return ScheduleDescription(
        id=found.id,
        kind=action.workflow,
        summary=memo.summary,
        paused=schedule.state.paused,
        note=schedule.state.note or "",
        made_by=memo.made_by,
        next_runs=tuple(info.next_action_times),
        last_run=recent[-1].id if recent else "",
        request=await decoder.model(list(action.args), asked),
        task_queue=action.task_queue,
        times=sentences(schedule.spec, memo.cron),
        overlap=overlap_of(schedule.policy),
        catch_up=schedule.policy.catchup_window,
        pause_on_failure=schedule.policy.pause_on_failure,
        remaining_runs=schedule.state.remaining_actions if schedule.state.limited_actions else None,
        runs=info.num_actions,
        skipped=info.num_actions_skipped_overlap,
        missed=info.num_actions_missed_catchup_window,
        recent=tuple(recent),
        running=running_of(found),
    )


def started(action: ScheduleActionExecution) -> ScheduleActionExecutionStartWorkflow:
    """What a schedule of ours did: it starts workflows and nothing else."""
    if not isinstance(action, ScheduleActionExecutionStartWorkflow):
        raise InvalidInput(
            "The schedule does something else than starting workflows.",
            "look at it in the Web UI; Perdure made none like it.",
        )
    return action


def running_of(found: Described) -> tuple[str, ...]:
    """Ids of the runs that did not end yet."""
    return tuple(started(each).workflow_id for each in found.info.running_actions)


async def _run(server: Server, result: ScheduleActionResult) -> ScheduledRun:
    action = started(result.action)
    facts: dict[str, Any] = {
        "id": action.workflow_id,
        "run_id": action.first_execution_run_id,
        "due_at": result.scheduled_at,
        "started_at": result.started_at,
    }
    try:
        run = await server.describe(action.workflow_id)
        shown = listed_task(run)
        if shown.open:
            return ScheduledRun(**facts, state=shown.state, status=shown.status)
        handle = server.client.get_workflow_handle(run.id, run_id=run.run_id)
        reader = RunReader(server.client.data_converter, run.run_id, kind=run.workflow_type)
        with server.explained(action.workflow_id):
            async for raw in handle.fetch_history_events(
                event_filter_type=WorkflowHistoryEventFilterType.CLOSE_EVENT, rpc_timeout=server.limit
            ):
                await reader.read(raw)
    except TaskNotFound:
        return ScheduledRun(
            **facts, state="unknown", status="unknown", summary="Retention removed its history."
        )
    ending = reader.ending
    return ScheduledRun(
        **facts,
        state=shown.state,
        status=ending.status.value if ending is not None else shown.status,
        summary=ending.summary if ending is not None else "",
    )
