"""Watches a task: its events, and why nothing happens. It goes on when the Temporal server was away.

What a step waits for is asked of the server now and then, which adds nothing to the history and needs no worker.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import UTC, datetime

from perdure.client import events
from perdure.client.errors import ServerUnreachable
from perdure.client.following import follow
from perdure.client.listing import described
from perdure.client.server import Server

FIRST_LOOK_S = 1.0
"""Without an event for so long, the server is asked what the task waits for."""
LOOK_EVERY_S = 5.0
"""The pause between two looks, and the longest one between two tries to reach the server."""
AWAY = "The Temporal server does not answer; trying again."

_Key = tuple[str, int, str]


async def watch(server: Server, workflow_id: str) -> AsyncGenerator[events.Event]:
    """Every event to the task's end, with ``HeldUp`` where something keeps it waiting."""
    watching = _Watching(server, workflow_id)
    pause_s = FIRST_LOOK_S
    while True:
        source = follow(server, workflow_id, wait=True)
        try:
            async with aclosing(watching.told(source)) as telling:
                async for event in telling:
                    pause_s = FIRST_LOOK_S
                    yield event
            return
        except ServerUnreachable:
            if watching.seen or watching.held_up.because:
                for event in watching.held(events.HeldUp.now(AWAY)):
                    yield event
            else:
                raise
        finally:
            await source.aclose()
        await asyncio.sleep(pause_s)
        pause_s = min(2 * pause_s, LOOK_EVERY_S)


class _Watching:
    """What was told so far."""

    def __init__(self, server: Server, workflow_id: str) -> None:
        self._server = server
        self._workflow_id = workflow_id
        self.seen: set[_Key] = set()
        self.held_up = events.HeldUp.now("")

    async def told(self, source: AsyncGenerator[events.Event]) -> AsyncGenerator[events.Event]:
        """The events that were not told yet, and what holds the task up while none comes."""
        again = bool(self.seen)
        following = asyncio.ensure_future(anext(source))
        wait_s = FIRST_LOOK_S
        try:
            while True:
                await asyncio.wait({following}, timeout=wait_s)
                if not following.done():
                    wait_s = LOOK_EVERY_S
                    for event in self.held(await self._look()):
                        yield event
                    continue
                try:
                    event = await following
                except StopAsyncIteration:
                    return
                following = asyncio.ensure_future(anext(source))
                wait_s = FIRST_LOOK_S
                key = (event.run_id, event.event_id, event.kind)
                if again and key in self.seen:
                    continue
                for each in self._new(event, key, again=again):
                    yield each
                again = False
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)

    def _new(self, event: events.Event, key: _Key, *, again: bool) -> list[events.Event]:
        told: list[events.Event] = list(self.held(events.HeldUp.now("")))
        if again and isinstance(event, events.Started) and not event.continued:
            # While the server was away the task was taken back to an earlier step, into a run of its own.
            told.append(events.Rewound(event_id=0, run_id=event.run_id, at=datetime.now(UTC)))
        self.seen.add(key)
        return [*told, event]

    def held(self, now: events.HeldUp) -> list[events.HeldUp]:
        """What is told where this differs from what was told last."""
        if (now.because, now.attempt) == (self.held_up.because, self.held_up.attempt):
            return []
        self.held_up = now
        return [now]

    async def _look(self) -> events.HeldUp:
        """Why nothing happens: a step that is tried again, no worker, or no server."""
        try:
            return await held_up(self._server, self._workflow_id)
        except ServerUnreachable:
            return events.HeldUp.now(AWAY)


async def held_up(server: Server, workflow_id: str) -> events.HeldUp:
    """What keeps a task waiting that no person is needed for; nothing where it works."""
    description = await described(await server.describe(workflow_id))
    if not description.open:
        return events.HeldUp.now("")
    for step in description.pending_steps:
        if because := step.because:
            return events.HeldUp.now(because, attempt=step.attempt, next_attempt_at=step.next_attempt_at)
    if any(step.started for step in description.pending_steps) or await server.pollers(
        description.task_queue
    ):
        return events.HeldUp.now("")
    queue = description.task_queue
    return events.HeldUp.now(f"No worker polls task queue {queue!r}; start one: python starter.py worker")
