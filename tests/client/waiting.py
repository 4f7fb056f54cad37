"""Waiting in tests for what a task does by itself: by its events, as a program would."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing, suppress
from typing import Any, TypeVar

from perdure.client import PerdureClient, TaskHandle
from perdure.client.events import Event, Waiting
from perdure.contracts.decisions import Approval, Question

LIMIT_S = 120.0
"""It guards against waiting for ever: on a busy machine everything may take long, and nothing may fail for that."""
Found = TypeVar("Found")


async def eventually(look: Callable[[], Awaitable[Found | None]]) -> Found:
    """What ``look`` gives once it gives something: for what the server tells with a delay."""
    async with asyncio.timeout(LIMIT_S):
        # The other side is a server that has no event of ours to wait for.
        while (found := await look()) is None:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        return found


async def becomes(look: Callable[[], Awaitable[object]], expected: object) -> None:
    """Wait until ``look`` gives this; where it never does, the difference to what it gave last is shown."""
    found = await look()
    with suppress(TimeoutError):
        async with asyncio.timeout(LIMIT_S):
            while found != expected:
                await asyncio.sleep(0.05)
                found = await look()
    assert found == expected


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


async def listed_approval_of(client: PerdureClient, task: TaskHandle[Any]) -> Approval:
    """The task's approval once the server's list of what waits has it too, which is a moment later."""
    approval = await approval_of(task)
    await _is_listed(client, approval.id)
    return approval


async def listed_question_of(client: PerdureClient, task: TaskHandle[Any]) -> Question:
    """The task's question once the server's list of what waits has it too."""
    question = await question_of(task)
    await _is_listed(client, question.id)
    return question


async def _is_listed(client: PerdureClient, id: str) -> None:
    async def look() -> bool | None:
        waiting = await client.approvals()
        return any(id in {each.id for each in (*task.approvals, *task.questions)} for task in waiting) or None

    await eventually(look)


async def all_events(task: TaskHandle[Any]) -> list[Event]:
    """Every event up to the task's end."""
    async with asyncio.timeout(LIMIT_S), aclosing(task.events()) as following:
        return [event async for event in following]
