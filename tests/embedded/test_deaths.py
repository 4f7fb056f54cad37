"""Nothing that runs outlives its owner, and nothing that was written is lost, whoever is killed."""

import asyncio
import os
import shutil
import signal
import stat
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from temporalio.client import Client

from perdure.embedded.database import connected
from perdure.embedded.process import is_alive
from perdure.embedded.record import Addresses, RecordedProcess, find_running, read_record
from perdure.embedded.stack import Stack

StartOwner = Callable[..., Awaitable[tuple[asyncio.subprocess.Process, Addresses]]]
StartStack = Callable[..., Awaitable[Stack]]
WaitUntil = Callable[..., Awaitable[bool]]

NOBODY = 65_534


def alive(processes: tuple[RecordedProcess, ...]) -> list[RecordedProcess]:
    """Those that still run; zombies do not."""
    return [process for process in processes if is_alive(process.pid, process.started)]


def processes_that_use(folder: Path) -> list[int]:
    """Every living process whose working directory is in the folder, backends of servers included."""
    found: list[int] = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and is_alive(int(process.name)):
            try:
                if str((process / "cwd").readlink()).startswith(str(folder)):
                    found.append(int(process.name))
            except OSError:
                continue
    return found


async def write(addresses: Addresses) -> None:
    """Something into both servers."""
    async with connected(addresses.database_url) as connection:
        await connection.execute("CREATE TABLE kept AS SELECT 'still here' AS value")
    client = await Client.connect(addresses.temporal)
    await client.start_workflow("NobodyRunsThis", id="kept", task_queue="nobody")


async def assert_written(addresses: Addresses) -> None:
    """What ``write`` wrote is there."""
    async with connected(addresses.database_url) as connection:
        assert await connection.fetchval("SELECT value FROM kept") == "still here"
    client = await Client.connect(addresses.temporal)
    assert (await client.get_workflow_handle("kept").describe()).workflow_type == "NobodyRunsThis"


async def test_killing_the_owner_ends_every_process_and_loses_nothing(
    start_owner: StartOwner, start_stack: StartStack, wait_until: WaitUntil, tmp_path: Path
) -> None:
    owner, addresses = await start_owner(tmp_path)
    await write(addresses)
    record = read_record(tmp_path / "stack.json")
    assert record is not None
    assert len(alive(record.processes)) == 6
    owner.kill()
    await owner.wait()
    assert find_running(tmp_path) is None

    stack = await start_stack(tmp_path)
    assert alive(record.processes) == []
    await assert_written(stack.addresses)
    await stack.stop()
    assert await wait_until(lambda: processes_that_use(tmp_path) == [])


async def test_killing_the_owner_and_the_guards_at_once_leaves_nothing_either(
    start_owner: StartOwner, start_stack: StartStack, wait_until: WaitUntil, tmp_path: Path
) -> None:
    owner, addresses = await start_owner(tmp_path)
    await write(addresses)
    record = read_record(tmp_path / "stack.json")
    assert record is not None
    guards = list(alive_guards(record.processes))
    assert len(guards) == 3
    for pid in (owner.pid, *guards):
        os.kill(pid, signal.SIGKILL)
    await owner.wait()
    assert await wait_until(lambda: processes_that_use(tmp_path) == [])

    stack = await start_stack(tmp_path)
    await assert_written(stack.addresses)


def alive_guards(processes: tuple[RecordedProcess, ...]) -> Iterator[int]:
    """The process ids of the guards among them."""
    for process in alive(processes):
        if b"guard.py" in Path("/proc", str(process.pid), "cmdline").read_bytes():
            yield process.pid


async def test_killed_servers_are_started_again_and_lose_nothing(
    start_stack: StartStack, wait_until: WaitUntil, tmp_path: Path
) -> None:
    stack = await start_stack(tmp_path)
    await write(stack.addresses)
    record = read_record(tmp_path / "stack.json")
    assert record is not None
    for component in ("postgres", "temporal"):
        server = next(process for process in record.processes if process.component == component)
        os.kill(server.pid, signal.SIGKILL)

    async def started_again() -> bool:
        now = read_record(tmp_path / "stack.json")
        new = now is not None and not set(now.processes) & set(record.processes)
        return new and all(each.ok for each in await stack.health())

    assert await wait_until(started_again)
    for health in (await stack.health())[:2]:
        assert "started again 1 times (ended with exit code -9)" in health.detail
    await assert_written(stack.addresses)


async def test_a_stale_lock_of_a_reused_process_id_does_not_hold_up_the_next_start(
    stack: Stack, start_stack: StartStack, tmp_path: Path
) -> None:
    first = await start_stack(tmp_path, temporal=stack.addresses.temporal)
    await first.stop()
    # The id of this very test process: alive, but no PostgreSQL.
    (tmp_path / "postgres" / "data" / "postmaster.pid").write_text(f"{os.getpid()}\n/elsewhere\n")
    (tmp_path / "run").mkdir(exist_ok=True, mode=0o700)
    (tmp_path / "run" / ".s.PGSQL.5432.lock").write_text(f"{os.getpid()}\n")
    second = await start_stack(tmp_path, temporal=stack.addresses.temporal)
    assert all(health.ok for health in await second.health())


async def test_an_owner_that_is_asked_to_end_stops_everything_and_leaves_closed_folders_closed(
    start_owner: StartOwner, tmp_path: Path
) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    above = [closed, *closed.parents]
    before = [stat.S_IMODE(folder.stat().st_mode) for folder in above]
    users = Path("/etc/passwd").read_bytes()
    home = closed / "home"
    owner, addresses = await start_owner(home)
    await write(addresses)
    owner.send_signal(signal.SIGTERM)
    assert await owner.wait() == 0
    assert processes_that_use(home) == []
    assert "database system is shut down" in (home / "logs" / "postgres.log").read_text()
    assert not (home / "stack.json").exists()
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert [stat.S_IMODE(folder.stat().st_mode) for folder in above] == before
    assert Path("/etc/passwd").read_bytes() == users


def interpreter_for_everybody() -> str | None:
    """A Python of this version that other users may run, None where there is none."""
    own = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for candidate in (sys.executable, shutil.which(own, path=os.defpath)):
        if candidate is not None:
            parents = Path(candidate).resolve().parents
            if all(folder.stat().st_mode & 0o001 for folder in parents):
                return candidate
    return None


@pytest.fixture
def folder_of_nobody() -> Iterator[Path]:
    """A folder that an unprivileged user owns, below folders that everybody may pass."""
    if os.geteuid() != 0:
        pytest.skip("only root can become another user; the other tests run as an ordinary one already")
    if interpreter_for_everybody() is None:
        pytest.skip("there is no Python of this version that other users may run")
    folder = Path(tempfile.mkdtemp(prefix="perdure-test-"))
    os.chown(folder, NOBODY, NOBODY)
    yield folder
    shutil.rmtree(folder)


async def test_works_for_an_ordinary_user(start_owner: StartOwner, folder_of_nobody: Path) -> None:
    owner, addresses = await start_owner(
        folder_of_nobody / "home",
        user=NOBODY,
        interpreter=interpreter_for_everybody(),
        # What their programs and clients need may be missing beside another interpreter than ours.
        without=("valkey", "chroma"),
    )
    await write(addresses)
    owner.send_signal(signal.SIGTERM)
    assert await owner.wait() == 0
