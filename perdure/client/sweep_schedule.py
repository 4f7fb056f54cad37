"""The schedule that starts ``Sweep``: made, and brought up to date, by every worker when it starts."""

from datetime import timedelta

from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleSpec,
    ScheduleUpdate,
    ScheduleUpdateInput,
)

from perdure.contracts.names import SWEEP, sweep_id
from perdure.contracts.sweeping import Sweep

LIMIT = timedelta(hours=2)
"""A sweep that lasts longer is ended, so that the next one begins."""


async def ensure_sweep(client: Client, *, task_queue: str, every: timedelta, terms: Sweep) -> str:
    """Make the schedule, or let it say what these settings say; whether people paused it stays. Gives its id."""
    id = sweep_id(task_queue)
    action = ScheduleActionStartWorkflow(
        SWEEP,
        terms.model_dump(mode="json"),
        id=id,
        task_queue=task_queue,
        execution_timeout=LIMIT,
        static_summary="archive closed runs, remove files of closed tasks",
    )
    spec = ScheduleSpec(intervals=[ScheduleIntervalSpec(every=every)])
    policy = SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP, catchup_window=every)
    schedule = Schedule(action=action, spec=spec, policy=policy)
    try:
        await client.create_schedule(id, schedule)
    except ScheduleAlreadyRunningError:

        def changed(before: ScheduleUpdateInput) -> ScheduleUpdate | None:
            state = before.description.schedule.state
            return ScheduleUpdate(Schedule(action=action, spec=spec, policy=policy, state=state))

        await client.get_schedule_handle(id).update(changed)
    return id
