"""Queries that a worker takes and never answers are asked again; answers that only take long are waited for."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest
import temporalio.api.taskqueue.v1
import temporalio.api.workflowservice.v1
from temporalio.client import Client
from temporalio.worker import Worker

from perdure.client import PerdureClient
from perdure.client.asking import MOST_ASKED, first_answer
from perdure.contracts.names import host_queue
from tests.client.player import HOST, Player
from tests.client.waiting import LIMIT_S
from workflows.coding_task import CodingTask


@asynccontextmanager
async def one_that_dies_with(client: Client, queue: str) -> AsyncGenerator[asyncio.Task[None]]:
    """A worker that takes the next workflow task or query of the queue and is never heard of again."""

    async def take() -> None:
        taken = None
        while taken is None or not taken.task_token:
            taken = await client.workflow_service.poll_workflow_task_queue(
                temporalio.api.workflowservice.v1.PollWorkflowTaskQueueRequest(
                    namespace=client.namespace,
                    task_queue=temporalio.api.taskqueue.v1.TaskQueue(name=queue),
                    identity="dies",
                )
            )

    taking = asyncio.create_task(take())
    try:
        yield taking
    finally:
        taking.cancel()
        await asyncio.gather(taking, return_exceptions=True)


async def test_a_query_that_died_with_its_worker_is_answered_by_another_one(
    temporal_client: Client, player: Player
) -> None:
    player.decisions = ()
    client = PerdureClient(temporal_client, task_queue=player.task_queue, answer_s=LIMIT_S)
    queue = player.task_queue

    def worker() -> Worker:
        return Worker(
            temporal_client, task_queue=queue, workflows=[CodingTask], activities=player.activities()
        )

    hosted = player.host_activities()
    async with worker(), Worker(temporal_client, task_queue=host_queue(queue, HOST), activities=hosted):
        task = await client.start("Mend it", repository="/srv/shop")
        await task.result()
    started = asyncio.get_running_loop().time()
    async with one_that_dies_with(temporal_client, queue) as taken:
        asking = asyncio.create_task(task.status())
        await taken
    async with worker():
        assert (await asking).status == "completed"
    # The server itself gives up a query after half a minute.
    assert asyncio.get_running_loop().time() - started < 25


async def test_a_slow_answer_is_waited_for_and_no_more_is_asked_than_that() -> None:
    asked = 0

    async def ask() -> int:
        nonlocal asked
        asked += 1
        mine = asked
        await asyncio.sleep(1 if mine == 1 else 30)
        return mine

    assert await first_answer(ask, again_s=0.02) == 1
    assert asked == MOST_ASKED


async def test_a_refusal_is_raised_at_once_and_ends_what_is_under_way() -> None:
    ended: list[int] = []
    asked = 0

    async def ask() -> int:
        nonlocal asked
        asked += 1
        mine = asked
        try:
            if mine == 2:
                raise LookupError("there is none")
            await asyncio.sleep(30)
        finally:
            ended.append(mine)
        return mine

    with pytest.raises(LookupError, match="there is none"):
        await first_answer(ask, again_s=0.02)
    assert sorted(ended) == [1, 2]


async def test_who_no_longer_waits_leaves_no_query_behind() -> None:
    ended = 0

    async def ask() -> None:
        nonlocal ended
        try:
            await asyncio.sleep(30)
        finally:
            ended += 1

    asking = asyncio.create_task(first_answer(ask, again_s=0.02))
    await asyncio.sleep(1)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert ended == MOST_ASKED
