"""Heartbeats of activities that may last, so that a dead worker is noticed and a cancellation arrives."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable

from temporalio import activity

Beat = Callable[[str], None]


@contextlib.asynccontextmanager
async def heartbeating() -> AsyncGenerator[Beat]:
    """Beat while the body runs; the yielded function adds a line that people see under the pending activity."""
    timeout = activity.info().heartbeat_timeout
    interval_s = timeout.total_seconds() / 3 if timeout else 5.0
    lines: list[str] = []

    async def beat_for_ever() -> None:
        while True:
            # Short activities end before the first beat and so cost no request.
            await asyncio.sleep(interval_s)
            activity.heartbeat(*lines[-1:])

    beating = asyncio.create_task(beat_for_ever())
    try:
        yield lines.append
    finally:
        beating.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await beating
