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
            if not watching.taken_back:
                return
            pause_s = 0.0
        except ServerUnreachable:
            if watching.seen or watching.held_up.because:
                for event in watching.held(events.HeldUp.now(AWAY)):
                    yield event
            else:
                raise
        finally:
            await source.aclose()
        await asyncio.sleep(pause_s)
        pause_s = min(max(2 * pause_s, FIRST_LOOK_S), LOOK_EVERY_S)


class _Watching:
    """What was told so far."""

    def __init__(self, server: Server, workflow_id: str) -> None:
        self._server = server
        self._workflow_id = workflow_id
        self.seen: set[_Key] = set()
        self.taken_back = False
        """Whether what was told does not stand any more, since the task was taken back while the server was away."""
        self._last_run = ""
        """The run of the last event that was told."""
        self.held_up = events.HeldUp.now("")

    async def told(self, source: AsyncGenerator[events.Event]) -> AsyncGenerator[events.Event]:
        """The events that were not told yet, and what holds the task up while none comes."""
        again, self.taken_back = bool(self.seen), False
        met: set[str] = set()
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
                met.add(event.run_id)
                if again and _key(event) in self.seen:
                    continue
                for each in self.held(events.HeldUp.now("")):
                    yield each
                if again and self._last_run not in {"", *met}:
                    self.taken_back = True
                    event = events.Rewound(event_id=0, run_id=event.run_id, at=datetime.now(UTC))
                again = False
                self._remember(event)
                yield event
                if self.taken_back:
                    return
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)

    def _remember(self, event: events.Event) -> None:
        if isinstance(event, events.Rewound):
            # All that still stands is told again.
            self.seen.clear()
            self._last_run = ""
            return
        self.seen.add(_key(event))
        self._last_run = event.run_id

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


def _key(event: events.Event) -> _Key:
    return event.run_id, event.event_id, event.kind


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
