"""The real workflow with activities that play a short task, on the session's real Temporal server."""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator, Generator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from temporalio.client import (
    Client,
    DescribeWorkflowInput,
    Interceptor,
    OutboundInterceptor,
    StartWorkflowInput,
    WorkflowExecutionDescription,
    WorkflowExecutionStatus,
    WorkflowFailureError,
    WorkflowHandle,
)
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import Worker

from perdure.client import PerdureClient
from perdure.client.command_line.installation import Place
from perdure.contracts.names import host_queue
from perdure.embedded.stack import Stack
from tests.client.player import HOST, Player
from tests.client.shell import Shell, SmallInstallation
from tests.client.upkeep import ShortUpkeep
from workflows.coding_task import CodingTask
from workflows.task_lookup import TaskLookup


@pytest_asyncio.fixture(loop_scope="session")
async def player(temporal_client: Client) -> AsyncIterator[Player]:
    """What the activities of this test answer, on a task queue of its own; no task of it is left open."""
    playing = Player(task_queue=f"client-{uuid.uuid4().hex[:8]}")
    yield playing
    for task in await open_tasks(temporal_client, playing):
        with over_already():
            await task.terminate(reason="the test is over")


@pytest_asyncio.fixture(loop_scope="session")
async def worker(temporal_client: Client, player: Player) -> AsyncIterator[Player]:
    """A running worker that plays a task."""
    async with (
        Worker(
            temporal_client,
            task_queue=player.task_queue,
            workflows=[CodingTask, TaskLookup],
            activities=player.activities(),
        ),
        Worker(
            temporal_client,
            task_queue=host_queue(player.task_queue, HOST),
            activities=player.host_activities(),
        ),
    ):
        yield player
        player.hold.set()
        for task in await open_tasks(temporal_client, player):
            # The workflow ends by itself while it has a worker, instead of being dropped with the worker's cache.
            with over_already():
                await task.cancel()
            with contextlib.suppress(WorkflowFailureError, TimeoutError):
                async with asyncio.timeout(30):
                    await task.result()


@pytest_asyncio.fixture(loop_scope="session")
async def upkeep(temporal_client: Client, player: Player) -> AsyncIterator[Player]:
    """A worker that runs short maintenance runs."""
    async with Worker(temporal_client, task_queue=player.task_queue, workflows=[ShortUpkeep]):
        yield player


@pytest.fixture
def client(temporal_client: Client, player: Player) -> PerdureClient:
    """A client that starts tasks on the test's queue."""
    config = temporal_client.config()
    config["interceptors"] = [Remembering(player.seen)]
    return PerdureClient(Client(**config), task_queue=player.task_queue, answer_s=60.0)


@pytest.fixture
def shell(stack: Stack, player: Player, tmp_path: Path) -> Shell:
    """A shell on the session's server and the test's task queue."""
    addresses = stack.addresses
    environment = {"TEMPORAL_ADDRESS": addresses.temporal, "TEMPORAL_NAMESPACE": addresses.namespace}
    return Shell(SmallInstallation(Place(tmp_path, player.task_queue, environment)))


async def open_tasks(temporal_client: Client, player: Player) -> list[WorkflowHandle[Any, Any]]:
    """The test's tasks that did not end: those that it had to do with, and those that the server lists by now."""
    query = f"TaskQueue = '{player.task_queue}' AND ExecutionStatus = 'Running'"
    listed = {task.id async for task in temporal_client.list_workflows(query)}
    found: list[WorkflowHandle[Any, Any]] = []
    for id in listed | player.seen:
        handle = temporal_client.get_workflow_handle(id)
        with over_already():
            if (await handle.describe()).status is WorkflowExecutionStatus.RUNNING:
                found.append(handle)
    return found


@contextlib.contextmanager
def over_already() -> Generator[None]:
    """A run that is not there or has ended meanwhile needs no end."""
    try:
        yield
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise


class Remembering(Interceptor):
    """Keeps the ids of the runs that a client starts or looks at: the server's list follows only a moment later."""

    def __init__(self, seen: set[str]) -> None:
        self._seen = seen

    def intercept_client(self, next: OutboundInterceptor) -> OutboundInterceptor:
        return _Outbound(next, self._seen)


class _Outbound(OutboundInterceptor):
    def __init__(self, next: OutboundInterceptor, seen: set[str]) -> None:
        super().__init__(next)
        self._seen = seen

    async def start_workflow(self, input: StartWorkflowInput) -> WorkflowHandle[Any, Any]:
        self._seen.add(input.id)
        return await super().start_workflow(input)

    async def describe_workflow(self, input: DescribeWorkflowInput) -> WorkflowExecutionDescription:
        self._seen.add(input.id)
        return await super().describe_workflow(input)
