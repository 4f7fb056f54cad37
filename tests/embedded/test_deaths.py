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
StartStack = Callable[[Path], Awaitable[Stack]]
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
    assert len(alive(record.processes)) == 4
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
    assert len(guards) == 2
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


@pytest.mark.parametrize("component", ["postgres", "temporal"])
async def test_a_killed_server_is_started_again_and_loses_nothing(
    start_stack: StartStack, wait_until: WaitUntil, tmp_path: Path, component: str
) -> None:
    stack = await start_stack(tmp_path)
    await write(stack.addresses)
    record = read_record(tmp_path / "stack.json")
    assert record is not None
    server = next(process for process in record.processes if process.component == component)
    os.kill(server.pid, signal.SIGKILL)

    def started_again() -> bool:
        now = read_record(tmp_path / "stack.json")
        return (
            now is not None
            and component in {each.component for each in alive(now.processes)}
            and now != record
        )

    assert await wait_until(started_again)
    assert all(health.ok for health in await stack.health())
    assert "started again 1 times (ended with exit code -9)" in next(
        health.detail for health in await stack.health() if health.name == component
    )
    await assert_written(stack.addresses)


async def test_a_stale_lock_of_a_reused_process_id_does_not_hold_up_the_next_start(
    start_stack: StartStack, tmp_path: Path
) -> None:
    stack = await start_stack(tmp_path)
    await stack.stop()
    # The id of this very test process: alive, but no PostgreSQL.
    (tmp_path / "postgres" / "data" / "postmaster.pid").write_text(f"{os.getpid()}\n/elsewhere\n")
    (tmp_path / "run").mkdir(exist_ok=True, mode=0o700)
    (tmp_path / "run" / ".s.PGSQL.5432.lock").write_text(f"{os.getpid()}\n")
    stack = await start_stack(tmp_path)
    assert all(health.ok for health in await stack.health())


async def test_asking_the_owner_to_end_stops_everything_in_order(
    start_owner: StartOwner, wait_until: WaitUntil, tmp_path: Path
) -> None:
    owner, _ = await start_owner(tmp_path)
    owner.send_signal(signal.SIGTERM)
    assert await owner.wait() == 0
    assert processes_that_use(tmp_path) == []
    assert "database system is shut down" in (tmp_path / "logs" / "postgres.log").read_text()
    assert not (tmp_path / "stack.json").exists()


async def test_closed_folders_stay_closed_and_no_user_is_made(
    start_owner: StartOwner, tmp_path: Path
) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    above = [tmp_path, *tmp_path.parents]
    before = [stat.S_IMODE(folder.stat().st_mode) for folder in above]
    users = Path("/etc/passwd").read_bytes()
    _, addresses = await start_owner(closed / "home")
    await write(addresses)
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700
    assert stat.S_IMODE((closed / "home").stat().st_mode) == 0o700
    assert [stat.S_IMODE(folder.stat().st_mode) for folder in above] == before
    assert Path("/etc/passwd").read_bytes() == users


@pytest.fixture
def folder_of_nobody() -> Iterator[Path]:
    """A folder that an unprivileged user owns, below folders that everybody may pass."""
    if os.geteuid() != 0:
        pytest.skip("only root can become another user; the other tests run as an ordinary one already")
    if any(not folder.stat().st_mode & 0o001 for folder in Path(sys.executable).resolve().parents):
        pytest.skip("the interpreter is in a folder that other users cannot pass")
    folder = Path(tempfile.mkdtemp(prefix="perdure-test-"))
    os.chown(folder, NOBODY, NOBODY)
    yield folder
    shutil.rmtree(folder)


async def test_works_for_an_ordinary_user(start_owner: StartOwner, folder_of_nobody: Path) -> None:
    owner, addresses = await start_owner(folder_of_nobody / "home", user=NOBODY)
    await write(addresses)
    owner.send_signal(signal.SIGTERM)
    assert await owner.wait() == 0
