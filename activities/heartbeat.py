"""Heartbeats of activities that may last, so that a dead worker is noticed and a cancellation arrives."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable

from temporalio import activity

from activities.redaction import redaction

Beat = Callable[[str], None]


@contextlib.asynccontextmanager
async def heartbeating() -> AsyncGenerator[Beat]:
    """Beat while the body runs; the yielded function adds a line that people see under the pending activity."""
    timeout = activity.info().heartbeat_timeout
    interval_s = timeout.total_seconds() / 3 if timeout else 5.0
    lines: list[str] = []

    loop = asyncio.get_running_loop()

    # A timer and no task: nearly every activity ends before its first beat, and then a task is only cost.
    def beat() -> None:
        nonlocal waiting
        activity.heartbeat(*lines[-1:])
        waiting = loop.call_later(interval_s, beat)

    waiting = loop.call_later(interval_s, beat)
    try:
        yield lambda line: lines.append(redaction().text(line))
    finally:
        waiting.cancel()
