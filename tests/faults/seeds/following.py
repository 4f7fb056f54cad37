"""What a task's history tells while it grows: which work is known, which is done."""

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from temporalio.api.history.v1 import HistoryEvent

from tests.faults.person import NOBODY_THERE
from tests.faults.picture import Handle, work_name
from tests.faults.seeds.faults import Fault, Phase

RECONNECT_S = 0.1


@dataclass
class Following:
    """The history as far as it was heard of; ``following`` keeps it up to date."""

    scheduled: dict[str, int] = field(default_factory=dict[str, int])
    """Pieces of work and their last event, in the order in which they were first known."""
    completed: set[str] = field(default_factory=set[str])
    length: int = 0
    previews: int = 0
    """How many operations were shown to a person, by the history."""
    _names: dict[int, str] = field(default_factory=dict[int, str])
    _heard: asyncio.Condition = field(default_factory=asyncio.Condition)

    @property
    def open(self) -> list[str]:
        """The work that is known and not done."""
        return [name for name in self.scheduled if name not in self.completed]

    async def reached(self, fault: Fault, usual_s: float) -> None:
        """Wait for the moment that a fault is aimed at."""
        known = self.completed if fault.phase is Phase.AFTER else self.scheduled
        async with self._heard:
            await self._heard.wait_for(lambda: fault.work in known)
        if fault.phase is Phase.WITHIN:
            await asyncio.sleep(fault.part * usual_s)

    async def shown(self, before: int, *, within_s: float) -> int:
        """The number of previews, once it differs from ``before`` or the time is over."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s), self._heard:
                await self._heard.wait_for(lambda: self.previews != before)
        return self.previews

    async def hear(self, event: HistoryEvent) -> None:
        """Take one event; one that was heard before changes nothing."""
        if event.event_id <= self.length:
            return
        self.length = event.event_id
        if event.HasField("activity_task_scheduled_event_attributes"):
            scheduled = event.activity_task_scheduled_event_attributes
            name = work_name(scheduled.activity_type.name, given(scheduled.input.payloads))
            self._names[event.event_id] = name
            self.scheduled[name] = event.event_id
            self.completed.discard(name)
        elif event.HasField("activity_task_completed_event_attributes"):
            completed = event.activity_task_completed_event_attributes
            name = self._names[completed.scheduled_event_id]
            self.completed.add(name)
            self.previews += name.startswith("preview_call")
        else:
            return
        async with self._heard:
            self._heard.notify_all()


def given(payloads: Sequence[Any]) -> dict[str, Any]:
    """The first argument, or the result, of an activity; empty where it is none of ours."""
    if not payloads or payloads[0].metadata.get("encoding") != b"json/plain":
        return {}
    value = json.loads(payloads[0].data)
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


@contextlib.asynccontextmanager
async def following(handle: Handle) -> AsyncGenerator[Following]:
    """Follow a task for the time of the block, also where the server dies on the way."""
    made = Following()
    task = asyncio.create_task(_follow(handle, made))
    try:
        yield made
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _follow(handle: Handle, made: Following) -> None:
    while True:
        with contextlib.suppress(*NOBODY_THERE):
            async for event in handle.fetch_history_events(wait_new_event=True):
                await made.hear(event)
            return
        await asyncio.sleep(RECONNECT_S)
