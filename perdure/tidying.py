"""What every worker sees to when it starts: its host is known, and the sweep of its task queue is scheduled.

Entry points alone import it, as they alone read the settings.
"""

from datetime import timedelta

from temporalio.client import Client

from perdure.client.sweep_schedule import ensure_sweep
from perdure.contracts.sweeping import Sweep
from perdure.memory.record import Record
from perdure.settings import Settings


async def keep_tidy(settings: Settings, client: Client, record: Record, host_id: str) -> str:
    """The id of the schedule, which now says what the settings say."""
    await record.seen(settings.task_queue, host_id)
    return await ensure_sweep(
        client,
        task_queue=settings.task_queue,
        every=timedelta(seconds=settings.sweep_every_s),
        terms=Sweep(
            keep_workspaces_s=settings.keep_workspaces_s,
            heartbeat_s=settings.heartbeat_s,
            host_answer_s=settings.host_answer_s,
        ),
    )
