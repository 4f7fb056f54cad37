"""Every step a task is made of, with its time-outs and retries, in one table; and the one way to run them."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

from temporalio import workflow
from temporalio.common import Priority, RetryPolicy
from temporalio.exceptions import ApplicationError
from temporalio.workflow import ActivityCancellationType

with workflow.unsafe.imports_passed_through():
    from pydantic import BaseModel

    from perdure.contracts.decision_records import DecisionRecorded
    from perdure.contracts.escalating import Escalated
    from perdure.contracts.grants import GrantKept
    from perdure.contracts.steps import (
        Checked,
        Closed,
        Decided,
        Executed,
        OpenedTask,
        PlanMade,
        PreparedWorkspace,
        Previewed,
        Publication,
        Reflected,
        Synthesized,
        Timing,
    )
    from perdure.contracts.upkeep import (
        ChangeMeasured,
        ConditionsSeen,
        OpenedMaintenance,
        ReportRead,
        Vouched,
    )

Result = TypeVar("Result", bound=BaseModel)

#: The server refuses 2 MiB; ours are references and stay far below, so more than this is a defect.
MAX_PAYLOAD_BYTES = 1024 * 1024

#: Waiting heals what is retried at all (see ``activities/door.py``), so attempts are not limited, only spaced.
RETRY = RetryPolicy(
    initial_interval=timedelta(seconds=0.1),
    backoff_coefficient=2.0,
    maximum_interval=timedelta(seconds=30),
    maximum_attempts=0,
    # Server 1.32 calls a result above its limit retryable; it never becomes smaller.
    non_retryable_error_types=["PayloadsTooLarge"],
)


@dataclass(frozen=True)
class Step:
    """One row of the table: an activity, how long one attempt may take, and where it runs."""

    name: str
    result: type[BaseModel]
    start_to_close_s: float
    heartbeats: bool = False
    on_host: bool = False


OPEN_TASK = Step("open_task", OpenedTask, 60, heartbeats=True)
PREPARE_WORKSPACE = Step("prepare_workspace", PreparedWorkspace, 4 * 3600, heartbeats=True)
# A model may be asked six times in one step, corrections included, and each request may take five minutes.
PLAN = Step("plan", PlanMade, 1800, heartbeats=True)
DECIDE = Step("decide", Decided, 1800, heartbeats=True)
PREVIEW_CALL = Step("preview_call", Previewed, 300, heartbeats=True, on_host=True)
RECORD_DECISION = Step("record_decision", DecisionRecorded, 60, heartbeats=True)
EXECUTE_CALLS = Step("execute_calls", Executed, 600, heartbeats=True, on_host=True)
REFLECT = Step("reflect", Reflected, 1800, heartbeats=True)
CHECK_WORK = Step("check_work", Checked, 1800, heartbeats=True, on_host=True)
SYNTHESIZE = Step("synthesize", Synthesized, 1800, heartbeats=True)
PROPOSE_PUBLICATION = Step("propose_publication", Publication, 300, heartbeats=True, on_host=True)
KEEP_GRANT = Step("keep_grant", GrantKept, 60, heartbeats=True)
# The operator's command has four minutes at most.
ESCALATE = Step("escalate", Escalated, 300, heartbeats=True)
CLOSE_TASK = Step("close_task", Closed, 60, heartbeats=True)

OPEN_MAINTENANCE = Step("open_maintenance", OpenedMaintenance, 120, heartbeats=True)
FOLLOW_PLAYBOOK = Step("follow_playbook", Decided, 60, heartbeats=True)
READ_REPORT = Step("read_report", ReportRead, 120, heartbeats=True)
LOOK_AT_CONDITIONS = Step("look_at_conditions", ConditionsSeen, 1800, heartbeats=True, on_host=True)
MEASURE_CHANGE = Step("measure_change", ChangeMeasured, 300, heartbeats=True, on_host=True)
# A whole run of the tests by every framework there is, and once more those that newly fail.
VOUCH_BY_TESTS = Step("vouch_by_tests", Vouched, 2 * 3600, heartbeats=True, on_host=True)

STEPS = (
    OPEN_TASK,
    PREPARE_WORKSPACE,
    PLAN,
    DECIDE,
    PREVIEW_CALL,
    RECORD_DECISION,
    EXECUTE_CALLS,
    REFLECT,
    CHECK_WORK,
    SYNTHESIZE,
    PROPOSE_PUBLICATION,
    KEEP_GRANT,
    ESCALATE,
    CLOSE_TASK,
    OPEN_MAINTENANCE,
    FOLLOW_PLAYBOOK,
    READ_REPORT,
    LOOK_AT_CONDITIONS,
    MEASURE_CHANGE,
    VOUCH_BY_TESTS,
)


class Runner:
    """Runs steps of one task with its priority and timing."""

    def __init__(self, priority: Priority, timing: Timing) -> None:
        self.priority = priority
        self.timing = timing
        self.last_at = workflow.time()
        """When the last activity was scheduled."""

    async def run(
        self,
        step: Step,
        request: BaseModel,
        result: type[Result],
        *,
        summary: str,
        queue: str | None = None,
        extra_s: float = 0.0,
        answer_within: bool = False,
    ) -> Result:
        """Schedule one activity and wait for it; ``extra_s`` lengthens an attempt by what its tools may take.

        Raises ActivityError as Temporal does; ApplicationError ``PayloadsTooLarge`` before anything is scheduled.
        """
        measure(step, request)
        closing = step is CLOSE_TASK
        raise_if_cancelled(closing=closing)
        self.last_at = workflow.time()
        heartbeat = timedelta(seconds=self.timing.heartbeat_s) if step.heartbeats else None
        answer = timedelta(seconds=self.timing.host_answer_s) if step.on_host or answer_within else None
        done: Any = await workflow.execute_activity(
            step.name,
            request,
            task_queue=queue,
            result_type=result,
            start_to_close_timeout=timedelta(seconds=step.start_to_close_s + extra_s),
            heartbeat_timeout=heartbeat,
            schedule_to_start_timeout=answer,
            retry_policy=RETRY,
            # The tool's process tree must be gone before the task says that it is cancelled.
            cancellation_type=ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
            summary=summary[:200],
            priority=self.priority,
        )
        # A step that finishes although it was asked to stop returns its result, and the request would be forgotten.
        raise_if_cancelled(closing=closing)
        return done


def raise_if_cancelled(*, closing: bool) -> None:
    """Raise CancelledError if the workflow was asked to stop; closing the task is what still may run then."""
    running = asyncio.current_task()
    if running is not None and running.cancelling() and not closing:
        raise asyncio.CancelledError("the task was cancelled")


def measure(step: Step, request: BaseModel) -> None:
    """Raise ApplicationError if the input is larger than any reference can be."""
    size = len(request.model_dump_json().encode())
    if size > MAX_PAYLOAD_BYTES:
        raise ApplicationError(
            f"The input of the step {step.name!r} is {size} bytes; at most {MAX_PAYLOAD_BYTES} are sent.",
            type="PayloadsTooLarge",
            non_retryable=True,
        )
