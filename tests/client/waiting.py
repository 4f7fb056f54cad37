"""Waiting in tests for what a task does by itself: by its events, as a program would."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import Any, TypeVar

from perdure.client import TaskHandle
from perdure.client.events import Event, Waiting
from perdure.contracts.decisions import Approval, Question

LIMIT_S = 20.0
Found = TypeVar("Found")


async def eventually(look: Callable[[], Awaitable[Found | None]]) -> Found:
    """What ``look`` gives once it gives something: for what the server tells with a delay."""
    async with asyncio.timeout(LIMIT_S):
        # The other side is a server that has no event of ours to wait for.
        while (found := await look()) is None:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        return found


async def event_of(task: TaskHandle[Any], wanted: Callable[[Event], bool]) -> Event:
    """The first event of this kind."""
    async with asyncio.timeout(LIMIT_S), aclosing(task.events()) as following:
        async for event in following:
            if wanted(event):
                return event
    raise AssertionError(f"task {task.id!r} ended without it")


async def approval_of(task: TaskHandle[Any]) -> Approval:
    """The task's approval once it waits for one."""
    await event_of(task, lambda event: isinstance(event, Waiting) and event.needs == "approval")
    return (await task.pending()).approvals[0]


async def question_of(task: TaskHandle[Any]) -> Question:
    """The task's question once it asks one."""
    await event_of(task, lambda event: isinstance(event, Waiting) and event.needs == "answer")
    return (await task.pending()).questions[0]


async def all_events(task: TaskHandle[Any]) -> list[Event]:
    """Every event up to the task's end."""
    async with asyncio.timeout(LIMIT_S), aclosing(task.events()) as following:
        return [event async for event in following]
