"""The product's own ``worker.py`` in a process of its own, which can be killed, frozen and woken."""

import asyncio
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from perdure.embedded.process import GuardedProcess, Program, start_process
from perdure.settings import PROJECT_FOLDER

READY = "worker is ready"
START_WITHIN_S = 120.0


@dataclass
class WorkerProcess:
    """Started as often as wanted; each process ends with the test that started it, whatever ends the test."""

    environment: Mapping[str, str]
    log: Path
    before: Sequence[str] = ()
    """A command that takes the worker's own as its last arguments and becomes it."""
    _process: GuardedProcess | None = None
    _read_from: int = 0

    @property
    def pid(self) -> int:
        """Process id of the worker that was started last."""
        return self._running.pid

    @property
    def _running(self) -> GuardedProcess:
        assert self._process is not None, "the worker was not started"
        return self._process

    @property
    def running(self) -> bool:
        """Whether the worker that was started last has not ended."""
        return self._running.running

    async def start(self) -> None:
        """Start a worker; does not wait until it polls."""
        self._read_from = self.log.stat().st_size if self.log.exists() else 0
        own = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG"}}
        self._process = await start_process(
            Program(
                argv=[*self.before, sys.executable, str(PROJECT_FOLDER / "worker.py")],
                environment={**own, **self.environment},
                folder=PROJECT_FOLDER,
                log=self.log,
            )
        )

    async def ready(self) -> None:
        """Wait until the worker polls; AssertionError with its log where it ends instead."""
        async with asyncio.timeout(START_WITHIN_S):
            while READY not in self.written():
                assert self._running.running, f"the worker ended by itself:\n{self.written()}"
                await asyncio.sleep(0.02)

    async def kill(self) -> None:
        """SIGKILL: nothing of the worker runs after this, no handler and no clean-up."""
        os.kill(self.pid, signal.SIGKILL)
        await self._running.wait()

    def freeze(self) -> None:
        """SIGSTOP: the process stands still and keeps its connections, as on a machine that hangs."""
        os.kill(self.pid, signal.SIGSTOP)

    def wake(self) -> None:
        """SIGCONT: the process goes on where it stood still."""
        os.kill(self.pid, signal.SIGCONT)

    async def stop(self) -> None:
        """End the worker in order; one that was killed has nothing left to stop."""
        if self._process is not None:
            await self._process.stop()

    def written(self) -> str:
        """What the last worker has logged."""
        if not self.log.exists():
            return ""
        with self.log.open("rb") as log:
            log.seek(self._read_from)
            return log.read().decode(errors="replace")
