"""The inbox where workers are gone or silent, or the server takes long: what is known is shown, and nobody holds up others."""

import asyncio
import time
import uuid
from typing import Any

from temporalio.client import (
    Client,
    DescribeWorkflowInput,
    Interceptor,
    OutboundInterceptor,
    WorkflowExecutionDescription,
)
from temporalio.worker import Worker

from perdure.client import PerdureClient, TaskHandle
from perdure.client.command_line.inbox_drawing import draw_inbox
from perdure.contracts.names import host_queue
from tests.client.conftest import open_tasks, over_already
from tests.client.player import HOST, Player
from tests.client.test_drawing import drawn
from tests.client.waiting import approval_of, eventually
from workflows.coding_task import CodingTask

ANSWER_S = 6.0


async def marked(client: PerdureClient, *tasks: TaskHandle[Any]) -> None:
    """Wait until the server's list has it that these wait for an approval."""

    async def look() -> bool | None:
        listed = {each.id for each in await client.tasks(needs="approval", limit=200)}
        return {each.id for each in tasks} <= listed or None

    await eventually(look)


async def left_waiting(temporal_client: Client, player: Player, count: int) -> list[TaskHandle[Any]]:
    """Tasks that wait for an approval and whose worker was stopped meanwhile."""
    client = PerdureClient(temporal_client, task_queue=player.task_queue, answer_s=60.0)
    queue = host_queue(player.task_queue, HOST)
    async with (
        Worker(
            temporal_client,
            task_queue=player.task_queue,
            workflows=[CodingTask],
            activities=player.activities(),
        ),
        Worker(temporal_client, task_queue=queue, activities=player.host_activities()),
    ):
        tasks = [await client.start("Mend it", repository="/srv/left", user="ada") for _ in range(count)]
        await asyncio.gather(*(approval_of(each) for each in tasks))
        await marked(client, *tasks)
    return tasks


async def test_tasks_whose_worker_was_stopped_are_shown_with_what_is_known_and_hold_up_no_others(
    temporal_client: Client, client: PerdureClient, worker: Player
) -> None:
    gone = Player(task_queue=f"client-{uuid.uuid4().hex[:8]}")
    try:
        left = await left_waiting(temporal_client, gone, 6)
        task = await client.start("Mend the shop", repository="/srv/shop")
        approval = await approval_of(task)
        await marked(client, task)
        hasty = PerdureClient(temporal_client, task_queue=worker.task_queue, answer_s=ANSWER_S)
        began = time.monotonic()
        found = {each.id: each for each in await hasty.approvals()}
        took_s = time.monotonic() - began
        # The server still names the pollers of a worker that was stopped a moment ago.
        assert took_s < 2.5 * ANSWER_S
        assert [each.id for each in found[task.id].approvals] == [approval.id]
        silent = [found[each.id] for each in left]
        assert {(each.needs, each.user, each.repository) for each in silent} == {
            ("approval", "ada", "/srv/left")
        }
        asked = [each for each in silent if "was not answered within" in each.problem]
        spared = [each for each in silent if "was not asked, since" in each.problem]
        assert (len(asked), len(spared)) == (4, 2)
        text = drawn(*draw_inbox(list(found.values()), width=200), width=200)
        assert text.count("ada · /srv/left · waits for an approval · started 2") == 6
        assert [each.id for each in await hasty.approvals(repository="/srv/shop")] == [task.id]
    finally:
        for each in await open_tasks(temporal_client, gone):
            with over_already():
                await each.terminate(reason="the test is over")


class SlowServer(Interceptor):
    """A server that takes for ever to describe one task."""

    def __init__(self, slow: str) -> None:
        self.slow = slow

    def intercept_client(self, next: OutboundInterceptor) -> OutboundInterceptor:
        """In front of the client's own calls."""
        return _SlowCalls(next, self.slow)


class _SlowCalls(OutboundInterceptor):
    def __init__(self, next: OutboundInterceptor, slow: str) -> None:
        super().__init__(next)
        self._slow = slow

    async def describe_workflow(self, input: DescribeWorkflowInput) -> WorkflowExecutionDescription:
        if input.id == self._slow:
            await asyncio.sleep(3_600)
        return await super().describe_workflow(input)


async def test_one_task_that_the_server_takes_long_about_leaves_the_others_their_time(
    temporal_client: Client, client: PerdureClient, worker: Player
) -> None:
    slow = await client.start("Mend the bank", repository="/srv/bank", user="bob")
    task = await client.start("Mend the shop", repository="/srv/shop")
    approval, _ = await approval_of(task), await approval_of(slow)
    await marked(client, task, slow)
    config = temporal_client.config()
    config["interceptors"] = [SlowServer(slow.id)]
    hasty = PerdureClient(Client(**config), task_queue=worker.task_queue, answer_s=ANSWER_S)
    async with asyncio.timeout(10 * ANSWER_S):
        found = {each.id: each for each in await hasty.approvals()}
    assert [each.id for each in found[task.id].approvals] == [approval.id]
    late = found[slow.id]
    assert "gave no answer within the 12 s that all tasks have together" in late.problem
    assert (late.needs, late.user, late.repository) == ("approval", "bob", "/srv/bank")
    assert slow.id in late.hint
