"""Reads one run's event history as typed events."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC
from typing import Any

from pydantic import BaseModel
from temporalio.api.enums.v1 import WorkflowTaskFailedCause
from temporalio.api.history.v1 import HistoryEvent
from temporalio.converter import DataConverter

from perdure.client import endings, events
from perdure.client.decoding import Decoder
from perdure.client.results import READINGS, Where
from perdure.client.said import shown, shown_request
from perdure.contracts.continuation import ContinuedTask
from perdure.contracts.decisions import AnswerQuestion, Decide, Pausing, SignalDecision, Steer
from perdure.contracts.maintenance import MaintenanceRequest, MaintenanceResult
from perdure.contracts.names import CODING_TASK, MAINTENANCE_RUN
from perdure.contracts.task import TaskRequest, TaskResult

_BENIGN = {
    WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_RESET_WORKFLOW,
    WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_UNHANDLED_COMMAND,
    WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_FORCE_CLOSE_COMMAND,
}
_ENDINGS = {
    "workflow_execution_completed": endings.completed,
    "workflow_execution_failed": endings.failed,
    "workflow_execution_canceled": endings.canceled,
    "workflow_execution_terminated": endings.terminated,
    "workflow_execution_timed_out": endings.timed_out,
}
_WAITS = {"waiting for a decision": "approval", "waiting for an answer": "answer"}
"""How the summaries of the timers begin that keep a person's deadline; other timers are the workflow's own."""
_OLDER = "its result was written by another version of Perdure"


@dataclass(frozen=True)
class _Scheduled:
    """An activity that was handed out: its name, and its input where we can read it."""

    name: str
    given: BaseModel | None = None


class RunReader:
    """Reads the events of one run in order; ``ending`` tells how it ended, where it did."""

    def __init__(self, converter: DataConverter, run_id: str, *, kind: str = CODING_TASK) -> None:
        self._decoder = Decoder(converter)
        self._run_id = run_id
        self._activities: dict[int, _Scheduled] = {}
        self.kind = kind
        """The workflow's type; its first event tells it."""
        self.ending: events.Ended | None = None
        self._tellers: dict[str, Callable[[Where, HistoryEvent, Any], Awaitable[events.Event | None]]] = {
            "workflow_execution_started": self._started,
            "activity_task_scheduled": self._scheduled,
            "activity_task_started": self._attempted,
            "activity_task_completed": self._completed,
            "activity_task_failed": self._failed,
            "activity_task_timed_out": self._failed,
            "timer_started": self._timer,
            "workflow_execution_update_accepted": self._updated,
            "workflow_execution_signaled": self._signaled,
            "workflow_execution_cancel_requested": self._cancel_asked,
            "workflow_task_failed": self._stuck,
        }

    async def read(self, raw: HistoryEvent) -> events.Event | None:
        """What one history event tells; None for those of Temporal's own housekeeping."""
        where = Where(raw.event_id, self._run_id, raw.event_time.ToDatetime(tzinfo=UTC))
        field = raw.WhichOneof("attributes") or ""
        name = field.removesuffix("_event_attributes")
        if name in _ENDINGS:
            result = MaintenanceResult if self.kind == MAINTENANCE_RUN else TaskResult
            self.ending = await _ENDINGS[name](self._decoder, where, getattr(raw, field), result)
            return None
        teller = self._tellers.get(name)
        return None if teller is None else await teller(where, raw, getattr(raw, field))

    async def _started(self, where: Where, _: HistoryEvent, started: Any) -> events.Event:
        self.kind = started.workflow_type.name
        continued = bool(started.continued_execution_run_id)
        asked = MaintenanceRequest if self.kind == MAINTENANCE_RUN else TaskRequest
        given = ContinuedTask if continued and asked is TaskRequest else asked
        request = await self._decoder.model(started.input.payloads, given)
        if isinstance(request, ContinuedTask):
            request = request.task
        if isinstance(request, TaskRequest):
            request = shown_request(request)
        return events.Started(**where.fields(), request=request, continued=continued)

    async def _scheduled(self, where: Where, raw: HistoryEvent, scheduled: Any) -> events.Event:
        name: str = scheduled.activity_type.name
        reading = READINGS.get(name)
        given = await self._decoder.model(scheduled.input.payloads, reading.given) if reading else None
        self._activities[raw.event_id] = _Scheduled(name, given)
        title = await self._decoder.summary(raw) or name
        return events.Doing(**where.fields(), activity=name, title=title, step=getattr(given, "step", None))

    async def _attempted(self, where: Where, _: HistoryEvent, started: Any) -> events.Event | None:
        if started.attempt < 2:
            return None
        name = self._activities.get(started.scheduled_event_id, _Scheduled("")).name
        because = await self._decoder.failure(started.last_failure)
        return events.Retried(**where.fields(), activity=name, attempt=started.attempt, because=because)

    async def _completed(self, where: Where, _: HistoryEvent, completed: Any) -> events.Event:
        scheduled = self._activities.pop(completed.scheduled_event_id, _Scheduled(""))
        reading = READINGS.get(scheduled.name)
        if reading is None:
            return events.Finished(**where.fields(), activity=scheduled.name)
        result = await self._decoder.model(completed.result.payloads, reading.result)
        if result is None or scheduled.given is None:
            return events.Finished(**where.fields(), activity=scheduled.name, note=_OLDER)
        return reading.make(where, scheduled.given, result)

    async def _failed(self, where: Where, _: HistoryEvent, failed: Any) -> events.Event:
        name = self._activities.pop(failed.scheduled_event_id, _Scheduled("")).name
        because = await self._decoder.failure(failed.failure)
        return events.StepFailed(**where.fields(), activity=name, because=because)

    async def _timer(self, where: Where, raw: HistoryEvent, _: Any) -> events.Event | None:
        text = await self._decoder.summary(raw)
        for beginning, needs in _WAITS.items():
            if text.startswith(beginning):
                return events.Waiting.model_validate({**where.fields(), "text": text, "needs": needs})
        return None

    async def _updated(self, where: Where, _: HistoryEvent, accepted: Any) -> events.Event | None:
        asked = accepted.accepted_request.input
        if asked.name == "decide":
            decide = await self._decoder.model(asked.args.payloads, Decide)
            if decide is not None:
                return _spoken(where, decide.verdict, id=decide.approval_id, text=decide.reason, by=decide.by)
        if asked.name == "answer":
            answer = await self._decoder.model(asked.args.payloads, AnswerQuestion)
            if answer is not None:
                text = ": ".join(part for part in (answer.choice, answer.text) if part)
                return _spoken(where, "answer", id=answer.question_id, text=text, by=answer.by)
        return None

    async def _signaled(self, where: Where, _: HistoryEvent, signaled: Any) -> events.Event | None:
        name, payloads = signaled.signal_name, signaled.input.payloads
        if name in {"approve", "deny"}:
            said = await self._decoder.model(payloads, SignalDecision)
            if said is not None:
                return _spoken(where, name, id=said.approval_id, text=said.reason, by=said.by)
        if name == "steer":
            steer = await self._decoder.model(payloads, Steer)
            return _spoken(where, "steer", text=steer.message, by=steer.by) if steer is not None else None
        if name in {"pause", "resume"}:
            pausing = await self._decoder.model(payloads, Pausing) if payloads else None
            return _spoken(where, name, by=pausing.by if pausing is not None else "")
        return None

    async def _cancel_asked(self, where: Where, _: HistoryEvent, asked: Any) -> events.Event:
        return _spoken(where, "cancel", text=asked.cause)

    async def _stuck(self, where: Where, _: HistoryEvent, failed: Any) -> events.Event | None:
        if failed.cause in _BENIGN:
            return None
        return events.Stuck(**where.fields(), because=await self._decoder.failure(failed.failure))


def _spoken(where: Where, what: Any, *, id: str = "", text: str = "", by: str = "") -> events.Event:
    return events.Spoken(**where.fields(), what=what, id=id, text=shown(text), by=by)
