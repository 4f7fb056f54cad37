"""What a task's event histories say of its rows in the record."""

from collections.abc import AsyncIterable
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel
from temporalio.api.history.v1 import HistoryEvent
from temporalio.converter import DataConverter

from perdure.client.decoding import Decoder
from perdure.client.said import shown, shown_request
from perdure.contracts.keeping import MAX_RECORDED, TaskFacts
from perdure.contracts.steps import CloseTask, OpenedTask, OpenTask
from perdure.contracts.task import TaskRequest
from perdure.contracts.upkeep import OpenedMaintenance, OpenMaintenance

OPENINGS = {"open_task": OpenTask, "open_maintenance": OpenMaintenance}


class _Headed(BaseModel):
    head: str = ""


async def facts_of(
    events: AsyncIterable[tuple[str, HistoryEvent]],
    converter: DataConverter,
    *,
    task_id: str,
    workflow_id: str,
) -> TaskFacts:
    """Read the events of all runs that stand, oldest first, wherever they come from."""
    reading = _Reading(Decoder(converter), task_id, workflow_id)
    async for _, raw in events:
        await reading.read(raw)
    return reading.facts()


#: How a run can end that did not record its end itself; the sweep records it.
ENDED_FROM_OUTSIDE = {
    f"workflow_execution_{status}_event_attributes": status
    for status in ("terminated", "timed_out", "failed", "canceled")
}


class _Reading:
    def __init__(self, decoder: Decoder, task_id: str, workflow_id: str) -> None:
        self._decoder = decoder
        self._known: dict[str, Any] = {"task_id": task_id, "workflow_id": workflow_id}
        self._heads: dict[str, None] = {}
        self._scheduled: dict[int, tuple[str, datetime, Any]] = {}

    def facts(self) -> TaskFacts:
        return TaskFacts(**self._known, heads=tuple(self._heads))

    async def read(self, raw: HistoryEvent) -> None:
        at = raw.event_time.ToDatetime(tzinfo=UTC)
        if raw.HasField("activity_task_scheduled_event_attributes"):
            scheduled: Any = raw.activity_task_scheduled_event_attributes
            self._scheduled[raw.event_id] = (scheduled.activity_type.name, at, scheduled.input.payloads)
        if raw.HasField("activity_task_completed_event_attributes"):
            completed: Any = raw.activity_task_completed_event_attributes
            name, at, given = self._scheduled.pop(completed.scheduled_event_id, ("", at, ()))
            await self._completed(name, at, given, completed.result.payloads)
        ending = ENDED_FROM_OUTSIDE.get(raw.WhichOneof("attributes") or "")
        if ending is not None and self._known.get("closed_at") is None:
            self._known |= {"status": ending, "closed_at": at}

    async def _completed(self, name: str, at: datetime, given: Any, result: Any) -> None:
        if name in OPENINGS:
            await self._opened(name, at, given, result)
        elif name == "prepare_workspace":
            self._known |= {"status": "working", "closed_at": None}
        elif name == "close_task":
            closing = await self._decoder.model(given, CloseTask)
            if closing is not None:
                ended = {
                    "status": closing.status.value,
                    "summary": shown(closing.summary)[:MAX_RECORDED],
                    "closed_at": at,
                }
                self._known |= ended
        headed = await self._decoder.model(result, _Headed)
        if headed is not None and headed.head:
            self._heads[headed.head] = None

    async def _opened(self, name: str, at: datetime, given: Any, result: Any) -> None:
        request: TaskRequest | None = None
        opened: OpenedTask | None = None
        if name == "open_task":
            asked = await self._decoder.model(given, OpenTask)
            opened = await self._decoder.model(result, OpenedTask)
            request = asked.request if asked is not None else None
        else:
            maintenance = await self._decoder.model(result, OpenedMaintenance)
            if maintenance is not None:
                opened, request = maintenance.opened, maintenance.task
        if opened is None or request is None:
            return
        self._heads[opened.head] = None
        recorded = shown_request(request).model_copy(update={"repository": opened.repository})
        self._known |= {"request": recorded, "repository": opened.repository, "opened_at": at}
