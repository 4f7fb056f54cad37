"""Many watch one task: they read what is recorded, so the task does not notice them."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

import pytest
from temporalio.client import Client

from perdure.client import PerdureClient, TaskHandle
from perdure.client.events import Ended, Event, Executed, Waiting
from perdure.contracts.task import TaskStatus
from tests.client.player import Player
from tests.client.waiting import LIMIT_S, approval_of

WATCHERS = 50


class Watcher:
    """Follows a task from its start to its end."""

    def __init__(self, task: TaskHandle) -> None:
        self.seen: list[Event] = []
        self.waits = asyncio.Event()
        self._following = asyncio.create_task(self._follow(task.events()))

    async def _follow(self, events: AsyncGenerator[Event]) -> None:
        async with aclosing(events) as following:
            async for event in following:
                self.seen.append(event)
                if isinstance(event, Waiting) and event.needs == "approval":
                    self.waits.set()

    async def end(self) -> list[Event]:
        """What was seen up to the task's end."""
        await self._following
        return self.seen

    async def stop(self) -> None:
        """Watch no longer."""
        self._following.cancel()
        await asyncio.gather(self._following, return_exceptions=True)


@pytest.fixture
async def watched(client: PerdureClient, worker: Player) -> AsyncIterator[tuple[TaskHandle, list[Watcher]]]:
    """A task that waits for an approval, and its watchers, all of whom know that it waits."""
    task = await client.start("Mend it", repository="/srv/shop")
    await approval_of(task)
    watchers = [Watcher(task) for _ in range(WATCHERS)]
    try:
        async with asyncio.timeout(LIMIT_S):
            await asyncio.gather(*(watcher.waits.wait() for watcher in watchers))
        yield task, watchers
    finally:
        await asyncio.gather(*(watcher.stop() for watcher in watchers))


async def events_in_history(temporal_client: Client, task: TaskHandle) -> int:
    """How many events the server has of the task."""
    described = await temporal_client.get_workflow_handle(task.id).describe()
    return described.raw_description.workflow_execution_info.history_length


async def test_fifty_watchers_add_no_event_to_the_history(
    client: PerdureClient, temporal_client: Client, worker: Player
) -> None:
    task = await client.start("Mend it", repository="/srv/shop")
    await approval_of(task)
    before = await events_in_history(temporal_client, task)
    watchers = [Watcher(task) for _ in range(WATCHERS)]
    try:
        async with asyncio.timeout(LIMIT_S):
            await asyncio.gather(*(watcher.waits.wait() for watcher in watchers))
        assert await events_in_history(temporal_client, task) == before
    finally:
        await asyncio.gather(*(watcher.stop() for watcher in watchers))


async def test_an_approval_lands_while_fifty_watch_and_all_see_the_same(
    watched: tuple[TaskHandle, list[Watcher]],
) -> None:
    task, watchers = watched
    approval = (await task.pending()).approvals[0]
    await task.approve(approval.id, by="anna")
    async with asyncio.timeout(LIMIT_S):
        stories = await asyncio.gather(*(watcher.end() for watcher in watchers))
    assert all(story == stories[0] for story in stories)
    executed = [event for event in stories[0] if isinstance(event, Executed)]
    ending = stories[0][-1]
    assert isinstance(ending, Ended)
    assert (ending.status, executed[-1].results[0].ok) == (TaskStatus.COMPLETED, True)
