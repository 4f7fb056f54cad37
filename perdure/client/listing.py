"""Tasks as the server lists them."""

from datetime import UTC
from typing import Literal

from temporalio.api.enums.v1 import PendingActivityState
from temporalio.api.workflow.v1 import PendingActivityInfo
from temporalio.client import WorkflowExecutionDescription, WorkflowExecutionStatus

from perdure.client.decoding import Decoder
from perdure.client.state import PendingStep, TaskDescription

State = Literal[
    "running", "completed", "failed", "canceled", "terminated", "continued", "timed_out", "unknown"
]

_STATES: dict[str, State] = {
    "RUNNING": "running",
    "COMPLETED": "completed",
    "FAILED": "failed",
    "CANCELED": "canceled",
    "TERMINATED": "terminated",
    "CONTINUED_AS_NEW": "continued",
    "TIMED_OUT": "timed_out",
}


def state_of(status: WorkflowExecutionStatus | None) -> State:
    """The server's word for a run's state as one of ours."""
    return _STATES.get(status.name if status is not None else "", "unknown")


async def described(raw: WorkflowExecutionDescription) -> TaskDescription:
    """The SDK's description of a task's current run as one of ours."""
    decoder = Decoder(raw.data_converter)
    return TaskDescription(
        id=raw.id,
        task_id=raw.raw_info.first_run_id or raw.run_id,
        run_id=raw.run_id,
        kind=raw.workflow_type,
        summary=await raw.static_summary() or "",
        state=state_of(raw.status),
        task_queue=raw.task_queue,
        started_at=raw.start_time,
        closed_at=raw.close_time,
        pending_steps=tuple(
            [await _pending_step(pending, decoder) for pending in raw.raw_description.pending_activities]
        ),
    )


async def _pending_step(raw: PendingActivityInfo, decoder: Decoder) -> PendingStep:
    started = raw.state == PendingActivityState.PENDING_ACTIVITY_STATE_STARTED
    # Older servers say when the next attempt is due in ``scheduled_time`` alone.
    due = raw.next_attempt_schedule_time if raw.HasField("next_attempt_schedule_time") else raw.scheduled_time
    return PendingStep(
        activity=raw.activity_type.name,
        activity_id=raw.activity_id,
        attempt=raw.attempt,
        last_failure=await decoder.failure(raw.last_failure),
        failure_kind=raw.last_failure.application_failure_info.type,
        started=started,
        next_attempt_at=None if started or raw.attempt < 2 else due.ToDatetime(tzinfo=UTC),
        worker=raw.last_worker_identity,
    )
