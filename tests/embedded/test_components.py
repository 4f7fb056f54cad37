"""Further components join the stack: started after the servers, watched, and stopped before them."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from itertools import pairwise
from pathlib import Path

import pytest

from perdure.contracts.errors import ConfigurationError
from perdure.embedded.component import Component
from perdure.embedded.process import Program
from perdure.embedded.record import find_running, read_record
from perdure.embedded.stack import Extra, Stack, Surroundings
from perdure.embedded.supervised import ProcessComponent, Restart
from perdure.embedded.temporal import TemporalSettings

WaitUntil = Callable[..., Awaitable[bool]]

STORES = {"valkey", "chroma"}
"""Parts that these tests do without."""


def extra(
    name: str,
    script: str,
    *,
    restart: Restart | None = None,
    made: list[ProcessComponent] | None = None,
    ready_timeout_s: float = 60.0,
) -> Extra:
    """A component that runs a shell script and is ready once it made the file ``ready``."""

    def make(surroundings: Surroundings) -> Component:
        ready = surroundings.folder / f"{name}.ready"

        async def check() -> bool:
            return ready.exists()

        component = ProcessComponent(
            name,
            Program(
                argv=["/bin/sh", "-c", script],
                environment={
                    "PATH": os.defpath,
                    "READY": str(ready),
                    "DATABASE": surroundings.addresses.database_url,
                },
                folder=surroundings.folder,
                log=surroundings.logs / f"{name}.log",
            ),
            ready=check,
            ready_timeout_s=ready_timeout_s,
            address=f"test:{name}",
            restart=restart,
            keep=surroundings.keep,
        )
        if made is not None:
            made.append(component)
        return component

    return make


def stack_with(tmp_path: Path, stack: Stack, database_url: str, *extras: Extra) -> Stack:
    """A stack on the session's servers and with these components."""
    given = TemporalSettings(address=stack.addresses.temporal)
    return Stack(tmp_path, temporal=given, database_url=database_url, without=STORES, extra=extras)


async def test_a_further_component_gets_the_addresses_and_is_found_with_the_stack(
    stack: Stack, database_url: str, tmp_path: Path
) -> None:
    waits = extra("waits", 'echo "$DATABASE"; touch "$READY"; exec sleep 600')
    running = stack_with(tmp_path, stack, database_url, waits)
    addresses = await running.start()
    try:
        assert addresses.others == {"waits": "test:waits"}
        assert (tmp_path / "logs" / "waits.log").read_text() == f"{database_url}\n"
        assert [each.name for each in await running.health()] == ["postgres", "temporal", "waits", "disk"]
        record = find_running(tmp_path)
        assert record is not None
        assert [process.component for process in record.living] == ["waits", "waits"]
    finally:
        await running.stop()
    assert record.living == ()


async def test_one_that_died_is_started_again_with_growing_pauses(
    stack: Stack, database_url: str, tmp_path: Path, wait_until: WaitUntil
) -> None:
    made: list[ProcessComponent] = []
    dies = extra(
        "dies",
        'date +%s.%N >> starts; touch "$READY"; [ "$(wc -l < starts)" -ge 4 ] || exit 9; exec sleep 600',
        restart=Restart(first_delay_s=0.1),
        made=made,
    )
    running = stack_with(tmp_path, stack, database_url, dies)
    await running.start()
    try:
        written = tmp_path / "starts"
        assert await wait_until(lambda: made[0].restarts == 3 and written.read_text().count("\n") == 4)
        starts = [float(line) for line in written.read_text().split()]
        pauses = [later - earlier for earlier, later in pairwise(starts)]
        assert pauses[0] >= 0.1
        assert pauses[1] >= 0.2
        assert pauses[2] >= 0.4
        health = (await running.health())[2]
        assert health.ok
        assert "started again 3 times (ended with exit code 9)" in health.detail
    finally:
        await running.stop()


async def test_one_that_answers_before_its_restart_is_counted_is_not_told_as_running(
    tmp_path: Path, wait_until: WaitUntil
) -> None:
    may_be_seen = asyncio.Event()
    asked = asyncio.Event()

    async def ready() -> bool:
        asked.set()
        await may_be_seen.wait()
        return True

    program = Program(
        argv=["/bin/sleep", "600"], environment={}, folder=tmp_path, log=tmp_path / "sleeps.log"
    )
    component = ProcessComponent("sleeps", program, ready=ready, restart=Restart(first_delay_s=0.0))
    may_be_seen.set()
    await component.start()
    try:
        may_be_seen.clear()
        asked.clear()
        os.kill(component.pid, signal.SIGKILL)
        async with asyncio.timeout(120):
            await asked.wait()
            health = await component.health()
        assert (health.ok, health.detail) == (False, "died and is starting again (ended with exit code -9)")
        may_be_seen.set()
        assert await wait_until(lambda: component.restarts == 1)
        health = await component.health()
        assert (health.ok, health.detail) == (
            True,
            "running, started again 1 times (ended with exit code -9)",
        )
    finally:
        may_be_seen.set()
        await component.stop()


async def test_one_that_may_not_be_started_again_is_told_as_ended(
    stack: Stack, database_url: str, tmp_path: Path, wait_until: WaitUntil
) -> None:
    made: list[ProcessComponent] = []
    once = extra("once", 'touch "$READY"; sleep 0.2; exit 5', made=made)
    running = stack_with(tmp_path, stack, database_url, once)
    await running.start()
    try:

        async def told() -> bool:
            health = (await running.health())[2]
            return (health.ok, health.detail) == (False, "ended with exit code 5")

        assert await wait_until(told)
    finally:
        await running.stop()


@pytest.mark.parametrize(
    ("script", "sentence"),
    [
        ("echo it broke; exit 5", "'bad' ended at once with exit code 5. Its last lines were:\nit broke"),
        ("echo thinking; exec sleep 600", "'bad' was not ready after 3 s. Its last lines were:\nthinking"),
    ],
)
async def test_one_that_does_not_become_ready_stops_the_start_and_shows_its_log(
    stack: Stack, database_url: str, tmp_path: Path, script: str, sentence: str
) -> None:
    running = stack_with(
        tmp_path,
        stack,
        database_url,
        extra("bad", script, ready_timeout_s=3.0 if "thinking" in script else 60.0),
    )
    with pytest.raises(ConfigurationError) as refusal:
        await running.start()
    assert sentence in refusal.value.message
    assert running.components == ()
    assert find_running(tmp_path) is None


async def test_two_components_of_one_name_are_refused(
    stack: Stack, database_url: str, tmp_path: Path
) -> None:
    waits = 'touch "$READY"; exec sleep 600'
    running = stack_with(tmp_path, stack, database_url, extra("same", waits), extra("same", waits))
    with pytest.raises(ConfigurationError, match="already has a component 'same'"):
        await running.start()


async def test_a_process_that_outlives_its_owner_keeps_the_folder_locked(
    stack: Stack, database_url: str, tmp_path: Path
) -> None:
    made: list[ProcessComponent] = []
    waits = extra("waits", 'touch "$READY"; exec sleep 600', made=made)
    running = stack_with(tmp_path, stack, database_url, waits)
    await running.start()
    record = read_record(tmp_path / "stack.json")
    assert record is not None
    pid = made[0].pid
    try:
        lock = (tmp_path / "stack.lock").resolve()
        held = [str(each.readlink()) for each in Path("/proc", str(pid), "fd").iterdir()]
        assert str(lock) in held
    finally:
        await running.stop()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, signal.SIGCONT)
