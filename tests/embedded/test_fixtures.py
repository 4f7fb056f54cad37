"""The servers of a test session end with it, also where it is interrupted or killed."""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
WaitUntil = Callable[..., Awaitable[bool]]

SESSION = """
import asyncio

async def test_waits(postgres_server):
    print("ready", postgres_server.pid, flush=True)
    await asyncio.sleep(600)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
async def test_a_session_that_is_ended_leaves_no_server(
    tmp_path: Path, wait_until: WaitUntil, number: signal.Signals
) -> None:
    (tmp_path / "test_session.py").write_text(SESSION)
    (tmp_path / "conftest.py").write_bytes((PROJECT / "tests" / "conftest.py").read_bytes())
    session = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "pytest", "-s", "-p", "no:cacheprovider", "-c", str(PROJECT / "pyproject.toml"),
        "--rootdir", str(tmp_path), "--basetemp", str(tmp_path / "t"), str(tmp_path / "test_session.py"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={"PYTHONPATH": str(PROJECT), "PATH": os.defpath},
        cwd=tmp_path,
    )  # fmt: skip
    assert session.stdout is not None
    server = 0
    told = b""
    while not server:
        line = await session.stdout.readline()
        told += line
        assert line, told.decode()
        if b"ready " in line:
            server = int(line.split()[-1])
    session.send_signal(number)
    await session.communicate()
    assert await wait_until(lambda: not Path("/proc", str(server), "cwd").exists())
