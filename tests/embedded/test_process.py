"""A program under its guard ends with its owner, takes its descendants along and leaves no zombie."""

import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from perdure.contracts.errors import ConfigurationError
from perdure.embedded.process import GuardedProcess, Program, is_alive, start_process, start_time

WaitUntil = Callable[..., Awaitable[bool]]
Start = Callable[..., Awaitable[GuardedProcess]]


@pytest_asyncio.fixture(loop_scope="session")
async def start(tmp_path: Path) -> AsyncIterator[Start]:
    """Starts a shell script under a guard; it is ended after the test."""
    started: list[GuardedProcess] = []

    async def run(
        script: str, *, stop_timeout_s: float = 60.0, environment: dict[str, str] | None = None
    ) -> GuardedProcess:
        program = Program(
            argv=["/bin/sh", "-c", script],
            environment={"PATH": os.defpath, **(environment or {})},
            folder=tmp_path,
            log=tmp_path / "log",
            stop_timeout_s=stop_timeout_s,
        )
        process = await start_process(program)
        started.append(process)
        return process

    yield run
    for process in started:
        await process.stop()


def numbers(file: Path) -> list[int]:
    """The numbers a script wrote, none while it has not."""
    return [int(word) for word in file.read_text().split()] if file.exists() else []


async def test_its_exit_code_and_everything_it_wrote_are_kept(start: Start, tmp_path: Path) -> None:
    process = await start("echo said; echo complained >&2; exit 7")
    assert await process.wait() == 7
    assert (tmp_path / "log").read_text() == "said\ncomplained\n"
    assert not process.running


async def test_it_sees_only_the_environment_it_was_given(start: Start, tmp_path: Path) -> None:
    process = await start("env > seen", environment={"GIVEN": "yes"})
    await process.wait()
    names = {line.partition("=")[0] for line in (tmp_path / "seen").read_text().splitlines()}
    assert names - {"PWD", "OLDPWD", "SHLVL", "_"} == {"GIVEN", "PATH"}


async def test_a_stop_lets_it_clean_up(start: Start, tmp_path: Path, wait_until: WaitUntil) -> None:
    process = await start(
        "trap 'echo clean > end; exit 3' TERM; echo $$ > ready; while :; do sleep 0.05; done"
    )
    assert await wait_until(lambda: bool(numbers(tmp_path / "ready")))
    assert await process.stop() == 3
    assert (tmp_path / "end").read_text() == "clean\n"


async def test_one_that_ignores_the_stop_is_killed_after_its_time(
    start: Start, tmp_path: Path, wait_until: WaitUntil
) -> None:
    process = await start("trap '' TERM; echo $$ > ready; while :; do sleep 0.05; done", stop_timeout_s=0.3)
    assert await wait_until(lambda: bool(numbers(tmp_path / "ready")))
    assert await process.stop() == -signal.SIGKILL


async def test_descendants_that_left_its_session_end_with_it(
    start: Start, tmp_path: Path, wait_until: WaitUntil
) -> None:
    process = await start(
        "setsid sh -c 'echo $$ > left; exec sleep 600' & while [ ! -s left ]; do sleep 0.05; done; exit 0"
    )
    assert await process.wait() == 0
    (orphan,) = numbers(tmp_path / "left")
    assert await wait_until(lambda: not is_alive(orphan))
    assert start_time(orphan) == 0, "the orphan was reaped and is no zombie"


async def test_it_ends_when_its_guard_is_killed(start: Start, wait_until: WaitUntil) -> None:
    process = await start("exec sleep 600")
    os.kill(process.guard_pid, signal.SIGKILL)
    assert await process.wait() == -signal.SIGKILL
    assert await wait_until(lambda: not is_alive(process.pid))


async def test_a_program_that_is_not_there_is_named(tmp_path: Path) -> None:
    program = Program(argv=["/nowhere/server"], environment={}, folder=tmp_path, log=tmp_path / "log")
    with pytest.raises(ConfigurationError, match="'/nowhere/server' could not be started: No such file"):
        await start_process(program)


def test_a_zombie_and_a_reused_id_are_not_alive() -> None:
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
    assert not is_alive(child)
    os.waitpid(child, 0)
    assert not is_alive(child)
    assert is_alive(os.getpid(), start_time(os.getpid()))
    assert not is_alive(os.getpid(), start_time(os.getpid()) + 1)
