"""The demo does not wait for ever for a worker that is gone."""

import asyncio
from pathlib import Path

import pytest

from examples.demo_worker import DemoWorker
from perdure.contracts.errors import ConfigurationError


async def test_work_that_needs_a_worker_ends_when_the_worker_ends_by_itself(tmp_path: Path) -> None:
    worker = DemoWorker({"PERDURE_HEARTBEAT_S": "soon"}, tmp_path / "worker.log", tmp_path)
    await worker.start()
    with pytest.raises(
        ConfigurationError,
        match="The worker ended by itself with exit code 7:\nPERDURE_HEARTBEAT_S cannot be used",
    ):
        await worker.needed_by(asyncio.sleep(200))


async def test_work_that_fails_says_so_itself(tmp_path: Path) -> None:
    async def fail() -> None:
        raise LookupError("nothing there")

    worker = DemoWorker({"PERDURE_HEARTBEAT_S": "soon"}, tmp_path / "worker.log", tmp_path)
    await worker.start()
    with pytest.raises(LookupError, match="nothing there"):
        await worker.needed_by(fail())
    await worker.stop()
