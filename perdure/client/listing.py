"""Tasks as the server lists them."""

from typing import Literal

from temporalio.client import WorkflowExecutionDescription

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


async def described(raw: WorkflowExecutionDescription) -> TaskDescription:
    """The SDK's description of a task's current run as one of ours."""
    decoder = Decoder(raw.data_converter)
    return TaskDescription(
        id=raw.id,
        task_id=raw.raw_info.first_run_id or raw.run_id,
        run_id=raw.run_id,
        summary=await raw.static_summary() or "",
        state=_STATES.get(raw.status.name if raw.status is not None else "", "unknown"),
        task_queue=raw.task_queue,
        started_at=raw.start_time,
        closed_at=raw.close_time,
        pending_steps=tuple(
            [
                PendingStep(
                    activity=pending.activity_type.name,
                    attempt=pending.attempt,
                    last_failure=await decoder.failure(pending.last_failure),
                )
                for pending in raw.raw_description.pending_activities
            ]
        ),
    )
