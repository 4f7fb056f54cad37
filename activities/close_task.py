"""The last step: record how the task ended."""

from datetime import datetime
from typing import Protocol

from temporalio import activity

from activities.heartbeat import heartbeating
from activities.record import scheduled_at
from activities.redaction import redaction
from perdure.contracts.keeping import MAX_RECORDED
from perdure.contracts.steps import Closed, CloseTask


class ClosesTasks(Protocol):
    """The record's part."""

    async def close_task(self, *, task_id: str, status: str, summary: str, at: datetime) -> None:
        """Mark the task as ended; a second time changes nothing."""
        ...


class TakesPlacesBack(Protocol):
    """How many tasks a user and a repository may have."""

    async def release(self, task_id: str) -> None:
        """Give the task's place to another one; nothing where it has none."""
        ...


class CloseTaskDoor:
    """Closes tasks."""

    def __init__(self, record: ClosesTasks, places: TakesPlacesBack) -> None:
        self._record = record
        self._places = places

    @activity.defn(name="close_task")
    async def close_task(self, request: CloseTask) -> Closed:
        """Record status and summary, and count the task."""
        summary = redaction().text(request.summary)
        async with heartbeating():
            await self._record.close_task(
                task_id=request.task_id,
                status=request.status.value,
                summary=summary[:MAX_RECORDED],
                at=scheduled_at(),
            )
            await self._places.release(request.task_id)
        meter = activity.metric_meter().with_additional_attributes({"status": request.status.value})
        meter.create_counter("perdure_tasks", "Tasks ended, by status").add(1)
        meter.create_histogram_float("perdure_task_cost_usd", "Cost of a task", "usd").record(
            request.cost.usd
        )
        return Closed(summary=summary, withheld=request.withheld)
