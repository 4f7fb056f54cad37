"""The embedded Temporal server is tuned for one machine, and the tuning takes effect."""

import sqlite3
import time
from contextlib import closing
from datetime import timedelta
from pathlib import Path

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.common import SearchAttributeKey
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from perdure.contracts.names import SEARCH_STATUS
from perdure.embedded.stack import Stack
from tests.embedded.conftest import eventually

SHORT_TIMER = timedelta(milliseconds=20)
QUEUE = "embedded-tests"


@activity.defn
async def answer_at_once() -> None:
    """Do nothing."""


@workflow.defn
class Steps:
    """Short timers, then steps of two activities; gives how long each took, in seconds."""

    @workflow.run
    async def run(self, count: int) -> tuple[list[float], list[float]]:
        """Run ``count`` of each."""
        # The SDK annotates the value type of an update away.
        workflow.upsert_search_attributes(  # pyright: ignore[reportUnknownMemberType]
            [SearchAttributeKey.for_keyword(SEARCH_STATUS).value_set("working")]
        )
        timers: list[float] = []
        steps: list[float] = []
        for _ in range(count):
            began = time.monotonic()
            await workflow.sleep(SHORT_TIMER)
            timers.append(time.monotonic() - began)
        for _ in range(count):
            began = time.monotonic()
            for _ in range(2):
                await workflow.execute_activity(answer_at_once, start_to_close_timeout=timedelta(seconds=30))
            steps.append(time.monotonic() - began)
        return timers, steps


async def test_timers_are_short_and_a_step_of_two_activities_costs_little(
    temporal_client: Client,
) -> None:
    async with Worker(
        temporal_client,
        task_queue=QUEUE,
        workflows=[Steps],
        activities=[answer_at_once],
        # The workflow measures real time, which the sandbox forbids.
        workflow_runner=UnsandboxedWorkflowRunner(),
    ):
        handle = await temporal_client.start_workflow(Steps.run, 5, id="steps", task_queue=QUEUE)
        timers, steps = await handle.result()
    # The server's own default makes no timer shorter than a second.
    assert min(timers) < 0.5
    assert min(steps) < 0.15
    first = (await handle.fetch_history()).events[0]
    timeout = first.workflow_execution_started_event_attributes.workflow_task_timeout
    assert timeout.ToTimedelta() == timedelta(seconds=3)

    async def listed() -> bool:
        query = f"{SEARCH_STATUS} = 'working' AND WorkflowId = 'steps'"
        return [each.id async for each in temporal_client.list_workflows(query)] == ["steps"]

    assert await eventually(listed), "the server's list follows a moment after the fact"


async def test_the_database_is_written_ahead_and_only_its_owner_can_read_it(
    stack: Stack, stack_home: Path
) -> None:
    assert stack.addresses.temporal
    with closing(sqlite3.connect(stack_home / "temporal" / "temporal.db")) as database:
        assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert (stack_home / "temporal").stat().st_mode & 0o077 == 0


async def test_everything_listens_on_loopback_alone(stack: Stack) -> None:
    server = next(each for each in stack.components[1].processes)
    listening = listening_addresses(server.pid)
    assert len(listening) >= 2
    assert set(listening) == {"0100007F"}


def listening_addresses(pid: int) -> list[str]:
    """The local addresses of the process's listening sockets, as the kernel writes them."""
    inodes = {
        link.removeprefix("socket:[").removesuffix("]")
        for descriptor in Path("/proc", str(pid), "fd").iterdir()
        if (link := str(descriptor.readlink())).startswith("socket:[")
    }
    lines = [
        line.split()
        for table in ("tcp", "tcp6")
        for line in Path("/proc/net", table).read_text().splitlines()[1:]
    ]
    return [fields[1].partition(":")[0] for fields in lines if fields[3] == "0A" and fields[9] in inodes]
