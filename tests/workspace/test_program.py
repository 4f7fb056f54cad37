"""Git commands: how many run at once, and what waits for none of them."""

import asyncio
import os
import threading
from pathlib import Path

import pytest

from perdure.workspace.program import GitProgram, OutputTooLarge
from perdure.workspace.storage import in_thread

LIMIT_S = 60


def shell(script: str) -> tuple[str, str]:
    """Arguments that make git run a shell script."""
    return f"alias.script=!{script}", "script"


async def test_no_more_commands_run_at_once_than_there_are_places(tmp_path: Path) -> None:
    program, log = GitProgram(tmp_path / "home", at_once=2), tmp_path / "log"
    # The first two wait for each other, so fewer places than two would be noticed as well.
    script = f'echo begin >>{log}; until [ "$(grep -c begin {log})" -ge 2 ]; do :; done; echo end >>{log}'
    setting, name = shell(script)
    async with asyncio.timeout(LIMIT_S):
        await asyncio.gather(*(program.run("-c", setting, name) for _ in range(6)))
    lines = log.read_text().split()
    running = [
        lines[: index + 1].count("begin") - lines[: index + 1].count("end") for index in range(len(lines))
    ]
    assert (len(lines), max(running)) == (12, 2)


async def test_a_command_that_talks_to_a_remote_neither_waits_nor_is_waited_for(tmp_path: Path) -> None:
    program, go = GitProgram(tmp_path / "home", at_once=1), tmp_path / "go"
    setting, name = shell(f"until [ -e {go} ]; do sleep 0.01; done")
    async with asyncio.timeout(LIMIT_S), asyncio.TaskGroup() as group:
        group.create_task(program.run("-c", setting, name, online=True))
        assert (await program.run("version")).code == 0
        group.create_task(program.run("-c", setting, name))
        assert (await program.run("version", online=True)).code == 0
        go.touch()


async def test_git_is_bounded_in_memory_and_open_files(tmp_path: Path) -> None:
    program = GitProgram(tmp_path / "home", at_once=1)
    bounds = "Max data size *4294967296 |Max core file size *0 |Max open files *(1024|[0-9]{1,3}) "
    # The shell may have begun before git was bounded, so git itself is looked at.
    setting, name = shell(f"until [ $(grep -Ec '{bounds}' /proc/$PPID/limits) = 3 ]; do :; done")
    async with asyncio.timeout(LIMIT_S):
        assert (await program.run("-c", setting, name)).code == 0


async def test_a_command_that_writes_too_much_is_stopped_although_nobody_reads_on(tmp_path: Path) -> None:
    program = GitProgram(tmp_path / "home", at_once=1)
    setting, name = shell("yes words | tee /dev/stderr")
    for _ in range(3):
        async with asyncio.timeout(LIMIT_S):
            with pytest.raises(OutputTooLarge, match="git wrote more than"):
                await program.run("-c", setting, name)
    assert (await program.run("version")).code == 0


async def test_a_cancelled_command_gives_its_place_back(tmp_path: Path) -> None:
    program, begun = GitProgram(tmp_path / "home", at_once=1), tmp_path / "begun"
    os.mkfifo(begun)
    setting, name = shell(f"echo >{begun}; exec sleep 600")
    running = asyncio.create_task(program.run("-c", setting, name))
    waiting = asyncio.create_task(program.run("version"))
    async with asyncio.timeout(LIMIT_S):
        await asyncio.to_thread(begun.read_bytes)
        for each in (waiting, running):
            each.cancel()
            with pytest.raises(asyncio.CancelledError):
                await each
        assert (await program.run("version")).code == 0


async def test_a_cancellation_is_passed_on_once_the_work_in_the_thread_has_ended() -> None:
    begun, go, ended = asyncio.Event(), threading.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def work() -> None:
        loop.call_soon_threadsafe(begun.set)
        go.wait(LIMIT_S)
        ended.set()

    running = asyncio.create_task(in_thread(work))
    await begun.wait()
    running.cancel()
    await asyncio.wait([running], timeout=0.1)
    assert not running.done()
    go.set()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert ended.is_set()
