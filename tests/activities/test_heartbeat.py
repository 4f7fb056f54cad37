"""Heartbeats: what lasts gives signs of life with its last word, what is short costs no request."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from temporalio.testing import ActivityEnvironment

from activities.heartbeat import heartbeating
from tests.activities.doors import as_activity

Beats = asyncio.Queue[tuple[str, ...]]


def environment(beats: Beats, *, timeout_s: float | None = 0.06) -> ActivityEnvironment:
    """An activity that notes its heartbeats; the time-out is three beats."""
    made = ActivityEnvironment()
    timeout = None if timeout_s is None else timedelta(seconds=timeout_s)
    made.info = replace(made.info, heartbeat_timeout=timeout)
    made.on_heartbeat = lambda *details: beats.put_nowait(details)
    return made


async def test_what_lasts_beats_with_its_last_word() -> None:
    beats = Beats()

    async def work() -> None:
        async with heartbeating() as beat, asyncio.timeout(60):
            assert await beats.get() == ()
            beat("running pytest")
            beat("running ruff")
            while (said := await beats.get()) == ():
                pass
            assert said == ("running ruff",)
            assert await beats.get() == ("running ruff",)

    await as_activity(work, environment=environment(beats))
    await asyncio.sleep(0.1)
    assert beats.empty(), "nothing may beat after the end"


async def test_what_is_short_does_not_beat() -> None:
    beats = Beats()

    async def work() -> None:
        async with heartbeating() as beat:
            beat("cloning")

    for timeout_s in (0.06, None):
        await as_activity(work, environment=environment(beats, timeout_s=timeout_s))
    assert beats.empty()


async def test_an_error_ends_the_beating_and_passes() -> None:
    beats = Beats()

    async def work() -> None:
        async with heartbeating():
            raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        await as_activity(work, environment=environment(beats))
    await asyncio.sleep(0.05)
    assert beats.empty()


async def test_a_cancellation_passes_and_ends_the_beating() -> None:
    beats = Beats()
    reached = asyncio.Event()

    async def work() -> None:
        async with heartbeating():
            reached.set()
            await asyncio.sleep(60)

    activity = environment(beats)
    running = asyncio.create_task(activity.run(work))
    await reached.wait()
    activity.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    before = beats.qsize()
    await asyncio.sleep(0.05)
    assert beats.qsize() == before
