"""The real workflow with activities that play a short task, on the session's real Temporal server."""

import uuid
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from temporalio.client import Client
from temporalio.worker import Worker

from perdure.client import PerdureClient
from perdure.contracts.names import host_queue
from tests.client.player import HOST, Player
from workflows.coding_task import CodingTask


@pytest_asyncio.fixture(loop_scope="session")
async def player() -> Player:
    """What the activities of this test answer, on a task queue of its own."""
    return Player(task_queue=f"client-{uuid.uuid4().hex[:8]}")


@pytest_asyncio.fixture(loop_scope="session")
async def worker(temporal_client: Client, player: Player) -> AsyncIterator[Player]:
    """A running worker that plays a task."""
    async with (
        Worker(
            temporal_client,
            task_queue=player.task_queue,
            workflows=[CodingTask],
            activities=player.activities(),
        ),
        Worker(
            temporal_client,
            task_queue=host_queue(player.task_queue, HOST),
            activities=player.host_activities(),
        ),
    ):
        yield player


@pytest.fixture
def client(temporal_client: Client, player: Player) -> PerdureClient:
    """A client that starts tasks on the test's queue."""
    return PerdureClient(temporal_client, task_queue=player.task_queue, answer_s=3.0)
