"""Stacks that end with the test, and what tests ask of processes."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path

import pytest
import pytest_asyncio

from perdure.embedded.postgres import PostgresSettings
from perdure.embedded.record import Addresses
from perdure.embedded.stack import Stack
from perdure.embedded.temporal import TemporalSettings

PROJECT = Path(__file__).parents[2]

StartStack = Callable[..., Awaitable[Stack]]


@pytest_asyncio.fixture(loop_scope="session")
async def start_stack() -> AsyncIterator[StartStack]:
    """Starts a stack on a folder, with a given Temporal server if one is; stopped after the test."""
    started: list[Stack] = []

    async def start(home: Path, *, temporal: str | None = None) -> Stack:
        stack = Stack(
            home,
            temporal=TemporalSettings(address=temporal, port=0, web_ui_port=0),
            postgres=PostgresSettings(durable=False),
            # Tests of their own are about these two.
            without={"valkey", "chroma"},
        )
        started.append(stack)
        await stack.start()
        return stack

    yield start
    for stack in started:
        await stack.stop()


Owner = tuple[asyncio.subprocess.Process, Addresses]
"""A process that owns a stack, and where that stack is."""

StartOwner = Callable[..., Awaitable[Owner]]


@pytest_asyncio.fixture(loop_scope="session")
async def start_owner() -> AsyncIterator[StartOwner]:
    """Starts a process that owns a stack on a folder, as another user if one is given."""
    started: list[asyncio.subprocess.Process] = []

    async def start(
        home: Path,
        *,
        user: int | None = None,
        interpreter: str | None = None,
        without: Sequence[str] = ("chroma",),
    ) -> Owner:
        script = str(Path(__file__).with_name("stack_owner.py"))
        process = await asyncio.create_subprocess_exec(
            interpreter or sys.executable, "-B", script, str(home), *without,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env={"PYTHONPATH": os.pathsep.join([str(PROJECT), *sys.path]), "PATH": os.defpath},
            cwd="/",
            user=user,
            group=user,
            extra_groups=None if user is None else [],
        )  # fmt: skip
        started.append(process)
        assert process.stdout is not None
        line = await process.stdout.readline()
        if not line.startswith(b"{"):
            pytest.fail((line + await process.stdout.read()).decode())
        return process, Addresses.model_validate_json(line)

    yield start
    for process in started:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        await process.communicate()


async def eventually(holds: Callable[[], bool | Awaitable[bool]], *, within_s: float = 120.0) -> bool:
    """Whether it holds at some moment of the given time."""
    deadline = time.monotonic() + within_s
    while True:
        answer = holds()
        if answer if isinstance(answer, bool) else await answer:
            return True
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(0.02)


@pytest.fixture
def wait_until() -> Callable[..., Awaitable[bool]]:
    """Waits until something holds."""
    return eventually
