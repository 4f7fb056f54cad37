"""``TaskLookup``: one page of a task's change or of a stored artifact, for clients that reach nothing but Temporal.

It is a workflow of its own, so that looking adds nothing to the task's history and works after the task's end.
"""

from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import RawValue, RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError, TimeoutError, TimeoutType

with workflow.unsafe.imports_passed_through():
    from perdure.contracts.lookups import LookUp, Page
    from perdure.contracts.names import TASK_LOOKUP
    from workflows.outcome import sentence_of, type_of
    from workflows.request import NO_INPUT, read_input

ANSWER_WITHIN = timedelta(seconds=20)
"""For the host to take it up: somebody sits there and waits."""
ATTEMPTS = 3
ACTIVITIES = {"diff": "look_up_diff", "artifact": "look_up_artifact", "runs": "look_up_runs"}


@workflow.defn(name=TASK_LOOKUP)
class TaskLookup:
    """Looks one page up."""

    @workflow.run
    async def run(self, request: RawValue = NO_INPUT) -> dict[str, Any]:
        """The page; fails with what the activity says, or with ``HostSilent``."""
        asked = read_input(request, LookUp, what=TASK_LOOKUP)
        on_host = asked.what == "diff"
        try:
            page = await workflow.execute_activity(
                ACTIVITIES[asked.what],
                asked,
                task_queue=asked.host_queue if on_host and asked.host_queue else None,
                result_type=Page,
                schedule_to_start_timeout=ANSWER_WITHIN,
                start_to_close_timeout=timedelta(minutes=2),
                retry_policy=RetryPolicy(
                    initial_interval=timedelta(milliseconds=200),
                    maximum_attempts=ATTEMPTS,
                    non_retryable_error_types=["PayloadsTooLarge"],
                ),
                summary=f"look up: {asked.what} of {asked.task_id} from byte {asked.offset}"[:200],
            )
        except ActivityError as error:
            if isinstance(error.cause, TimeoutError):
                where = asked.host_queue or "the task queue"
                untaken = error.cause.type is TimeoutType.SCHEDULE_TO_START
                did = "took it up" if untaken else "that took it up finished it"
                raise ApplicationError(
                    f"No worker {did} on {where!r} in time.",
                    type="HostSilent",
                    non_retryable=True,
                ) from error
            raise ApplicationError(sentence_of(error), type=type_of(error), non_retryable=True) from error
        return page.model_dump(mode="json")
