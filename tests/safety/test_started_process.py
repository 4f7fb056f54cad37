"""A process is started in a thread of its own, and what goes wrong there is told to whoever waits."""

import asyncio
import os
import signal
import subprocess
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path

import pytest

from perdure.contracts.errors import ConfigurationError
from perdure.safety.mount_points import MountPoints
from perdure.safety.staging import Staged
from perdure.safety.started_process import Beginning, StartedProcess


def beginning(*command: str, prepare: Callable[[], None] = lambda: None) -> Beginning:
    """Of a process that nobody listens to."""
    return Beginning(command, {"PATH": os.defpath}, subprocess.DEVNULL, subprocess.DEVNULL, prepare=prepare)


async def test_a_code_and_a_signal_are_told_as_they_were() -> None:
    ended = await StartedProcess.start(beginning("sh", "-c", "exit 7"))
    killed = await StartedProcess.start(beginning("sleep", "60"))
    os.kill(killed.pid, signal.SIGKILL)
    assert (await ended.wait(), ended.returncode, await killed.wait()) == (7, 7, -signal.SIGKILL)


async def test_what_refused_a_start_is_told() -> None:
    with pytest.raises(FileNotFoundError, match="no-such-program"):
        await StartedProcess.start(beginning("/no-such-program"))
    staged = Staged([], "true", [], MountPoints("/no/such/stage", []))
    with pytest.raises(ConfigurationError, match=r"could not be set up.*(mount tmpfs|unshare)"):
        await StartedProcess.start(beginning("true", prepare=staged.prepare))


async def test_what_was_cancelled_while_it_started_is_killed() -> None:
    begun: Future[threading.Thread] = Future()
    go_on = threading.Event()

    def hold() -> None:
        begun.set_result(threading.current_thread())
        go_on.wait()

    starting = asyncio.ensure_future(StartedProcess.start(beginning("sleep", "600", prepare=hold)))
    thread = await asyncio.wrap_future(begun)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    go_on.set()
    # It lives as long as the process that it started.
    await asyncio.to_thread(thread.join, 300)
    assert not thread.is_alive()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root needs mount points, and may make them")
async def test_mount_points_are_seen_by_the_process_alone(tmp_path: Path) -> None:
    (tmp_path / "found").write_text("here")
    points = MountPoints("/mnt", [str(tmp_path)])
    before = list(Path("/mnt").iterdir())
    process = await StartedProcess.start(
        beginning("grep", "-q", "here", "/mnt/0/found", prepare=points.set_up)
    )
    assert (await process.wait(), list(Path("/mnt").iterdir())) == (0, before)
