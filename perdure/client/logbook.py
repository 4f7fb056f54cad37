"""What the program did for a task, a line each, read from the event history: it needs no worker and adds no event."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict
from temporalio.api.history.v1 import HistoryEvent

from perdure.client.decoding import Decoder
from perdure.client.following import raw_events
from perdure.client.listing import described
from perdure.client.server import Server

RUNNING = "running"


class LogLine(BaseModel):
    """One activity, or one attempt of the worker to go on with the workflow that failed."""

    model_config = ConfigDict(frozen=True)

    at: datetime
    """When it ended; when it was handed out, where it still runs."""
    step: int | None = None
    """The task's step; None where the activity belongs to none."""
    activity: str
    title: str = ""
    """The activity's summary, for people."""
    outcome: str
    """``completed``, ``failed``, ``timed out``, ``canceled``, ``running``; ``stuck`` where the workflow itself failed."""
    attempt: int = 1
    seconds: float | None = None
    """How long the last attempt took; None where it is not known."""
    because: str = ""
    """Why it failed, or why earlier attempts did."""
    follows: tuple[str, ...] = ()
    """For a decision: what the model had read since a person spoke last, what is untrusted first, few of many."""
    untrusted: bool = False
    """For a decision: whether the model had read anything untrusted."""
    worker: str = ""
    """Identity of the worker that ran the last attempt."""
    event_id: int
    run_id: str


class _Numbered(BaseModel):
    step: int | None = None


class _Followed(BaseModel):
    follows: tuple[str, ...] = ()
    untrusted: bool = False


@dataclass
class _Handed:
    """An activity that was handed out and did not end yet."""

    at: datetime
    activity: str
    title: str
    step: int | None
    event_id: int
    started_at: datetime | None = None
    attempt: int = 1
    worker: str = ""
    because: str = ""


_ENDS = {
    "activity_task_completed": "completed",
    "activity_task_failed": "failed",
    "activity_task_timed_out": "timed out",
    "activity_task_canceled": "canceled",
}


@dataclass
class _Run:
    """Reads the events of one run."""

    decoder: Decoder
    run_id: str
    handed: dict[int, _Handed] = field(default_factory=dict[int, _Handed])

    async def read(self, raw: HistoryEvent) -> LogLine | None:
        """The line that this event completes."""
        attribute = raw.WhichOneof("attributes") or ""
        name, facts = attribute.removesuffix("_event_attributes"), getattr(raw, attribute, None)
        if name == "activity_task_scheduled":
            self.handed[raw.event_id] = await self._scheduled(raw, facts)
        elif name == "activity_task_started":
            await self._started(raw, facts)
        elif name == "workflow_task_failed":
            return await self._stuck(raw, facts)
        elif name in _ENDS:
            return await self._ended(raw, facts, _ENDS[name])
        return None

    async def _scheduled(self, raw: HistoryEvent, facts: Any) -> _Handed:
        numbered = await self.decoder.model(facts.input.payloads, _Numbered)
        return _Handed(
            at=moment(raw),
            activity=facts.activity_type.name,
            title=await self.decoder.summary(raw),
            step=numbered.step if numbered is not None else None,
            event_id=raw.event_id,
        )

    async def _started(self, raw: HistoryEvent, facts: Any) -> None:
        handed = self.handed.get(facts.scheduled_event_id)
        if handed is not None:
            handed.started_at, handed.attempt, handed.worker = moment(raw), facts.attempt, facts.identity
            handed.because = await self.decoder.failure(facts.last_failure)

    async def _ended(self, raw: HistoryEvent, facts: Any, outcome: str) -> LogLine | None:
        handed = self.handed.pop(facts.scheduled_event_id, None)
        if handed is None:
            return None
        because = handed.because
        if outcome in {"failed", "timed out"}:
            because = await self.decoder.failure(facts.failure)
        followed = None
        if outcome == "completed" and handed.activity == "decide":
            followed = await self.decoder.model(facts.result.payloads, _Followed)
        started = handed.started_at
        return LogLine(
            at=moment(raw),
            step=handed.step,
            activity=handed.activity,
            title=handed.title,
            outcome=outcome,
            attempt=handed.attempt,
            seconds=round((moment(raw) - started).total_seconds(), 3) if started is not None else None,
            because=because,
            follows=followed.follows if followed else (),
            untrusted=followed is not None and followed.untrusted,
            worker=handed.worker,
            event_id=raw.event_id,
            run_id=self.run_id,
        )

    async def _stuck(self, raw: HistoryEvent, facts: Any) -> LogLine | None:
        because = await self.decoder.failure(facts.failure)
        if not because:
            # Temporal's own housekeeping, such as a workflow task that a new signal made void.
            return None
        return LogLine(
            at=moment(raw),
            activity="workflow",
            outcome="stuck",
            because=because,
            worker=facts.identity,
            event_id=raw.event_id,
            run_id=self.run_id,
        )


class Logbook:
    """Reads the events of a task, wherever they come from, run after run."""

    def __init__(self, decoder: Decoder) -> None:
        self.run = _Run(decoder, "")
        """The last run that was read, with what it handed out and what did not end."""
        self._told: set[tuple[int, datetime]] = set()

    async def lines(self, events: AsyncGenerator[tuple[str, HistoryEvent]]) -> AsyncGenerator[LogLine]:
        """A line for each thing that ended, in the order in which it did."""
        async for run_id, raw in events:
            if run_id != self.run.run_id:
                self.run = _Run(self.run.decoder, run_id)
            line = await self.run.read(raw)
            # A run that a reset made begins with a copy of the events before it.
            if line is not None and (line.event_id, line.at) not in self._told:
                self._told.add((line.event_id, line.at))
                yield line


async def logbook(server: Server, workflow_id: str, *, wait: bool) -> AsyncGenerator[LogLine]:
    """The lines so far, oldest first, then those of what still runs; with ``wait`` each line as it ends, to the end."""
    book = Logbook(Decoder(server.client.data_converter))
    async for line in book.lines(raw_events(server, workflow_id, wait=wait)):
        yield line
    if not wait and book.run.handed:
        async for line in _running(server, workflow_id, book.run):
            yield line


async def _running(server: Server, workflow_id: str, run: _Run) -> AsyncGenerator[LogLine]:
    """What was handed out and did not end, with the attempt that the server knows of."""
    description = await described(await server.describe(workflow_id))
    if not description.open:
        return
    pending = {step.activity_id: step for step in description.pending_steps}
    for handed in run.handed.values():
        step = pending.get(str(handed.event_id)) or next(
            (each for each in pending.values() if each.activity == handed.activity), None
        )
        yield LogLine(
            at=handed.at,
            step=handed.step,
            activity=handed.activity,
            title=handed.title,
            outcome=RUNNING,
            attempt=step.attempt if step is not None else 1,
            because=step.last_failure if step is not None else "",
            worker=step.worker if step is not None else "",
            event_id=handed.event_id,
            run_id=run.run_id,
        )


def moment(raw: HistoryEvent) -> datetime:
    """When an event happened."""
    return raw.event_time.ToDatetime(tzinfo=UTC)
