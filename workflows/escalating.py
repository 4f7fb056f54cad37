"""Telling somebody else that an approval waits and nobody decides."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError, is_cancelled_exception
from temporalio.workflow import ActivityCancellationType

with workflow.unsafe.imports_passed_through():
    from perdure.contracts.decisions import Approval
    from perdure.contracts.escalating import Escalate, Escalated
    from workflows.steps import ESCALATE

if TYPE_CHECKING:
    from workflows.task_state import TaskState

#: Who is told fails by itself after five attempts (see ``activities/door.py``); a store that is away is waited for.
RETRY = RetryPolicy(
    initial_interval=timedelta(seconds=2), backoff_coefficient=4.0, maximum_interval=timedelta(minutes=5)
)
LEAST = timedelta(seconds=1)


async def escalate(state: "TaskState", approval: Approval, reminders: int) -> None:
    """Run the installation's command, at the latest until the deadline, and say on card and transcript what became of it.

    It never decides anything: whatever it comes to, silence is a denial.
    """
    info = workflow.info()
    request = Escalate(
        task_id=state.task_id,
        workflow_id=info.workflow_id,
        step=approval.step,
        request=state.request.request.split("\n", 1)[0][:200],
        approval=approval,
        reminders=reminders,
    )
    try:
        done = await workflow.execute_activity(
            ESCALATE.name,
            request,
            result_type=Escalated,
            start_to_close_timeout=timedelta(seconds=ESCALATE.start_to_close_s),
            schedule_to_close_timeout=max(
                datetime.fromisoformat(approval.expires_at) - workflow.now(), LEAST
            ),
            heartbeat_timeout=timedelta(seconds=state.timing.heartbeat_s),
            retry_policy=RETRY,
            # Whoever decides must not wait for the command to end.
            cancellation_type=ActivityCancellationType.TRY_CANCEL,
            summary=f"escalate: nobody decides about {approval.title}"[:200],
            priority=state.runner.priority,
        )
    except ActivityError as error:
        if is_cancelled_exception(error):
            return
        cause = error.cause
        said = cause.message if isinstance(cause, ApplicationError) else "It was not over at the deadline."
        done = Escalated(announced=False, said=said)
    state.escalated(approval.title, done)
