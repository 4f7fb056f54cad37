"""A worker of the demo: the product's own ``worker.py`` in a process of its own, which can be killed and moved.

Each host of the demo is a folder with an identity and workspaces of its own, as two machines would have them.
"""

import asyncio
import itertools
import os
import shutil
import signal
import sys
from collections.abc import Coroutine, Mapping
from pathlib import Path
from typing import Any, TypeVar

from perdure.contracts.errors import ConfigurationError
from perdure.embedded.process import GuardedProcess, Program, start_process

PROJECT = Path(__file__).resolve().parents[1]

Outcome = TypeVar("Outcome")


class DemoWorker:
    """Starts, kills and starts again. The process ends with the demo, whatever ends the demo."""

    def __init__(self, environment: Mapping[str, str], log: Path, hosts: Path) -> None:
        self._environment = environment
        self._log = log
        self._hosts = hosts
        self._numbers = itertools.count(2)
        self._home = hosts / "host-1"
        self._process: GuardedProcess | None = None
        self._killed = False

    @property
    def pid(self) -> int:
        """Process id of the running worker."""
        assert self._process is not None, "the worker was not started"
        return self._process.pid

    async def start(self) -> int:
        """Start a worker; gives its process id."""
        self._process = await start_process(
            Program(
                argv=[sys.executable, str(PROJECT / "worker.py")],
                environment={**os.environ, **self._environment, "PERDURE_HOME": str(self._home)},
                folder=PROJECT,
                log=self._log,
            )
        )
        self._killed = False
        return self.pid

    async def kill(self) -> None:
        """SIGKILL: nothing in the worker runs after this, no handler and no clean-up."""
        assert self._process is not None, "the worker was not started"
        self._killed = True
        os.kill(self._process.pid, signal.SIGKILL)
        await self._process.wait()

    async def lose_host(self) -> None:
        """Remove every workspace of the host whose worker was killed; the next worker starts on another host."""
        await asyncio.to_thread(shutil.rmtree, self._home / "workspaces")
        self._home = self._hosts / f"host-{next(self._numbers)}"

    async def unexpected_end(self) -> int:
        """Wait until a worker ends that nobody killed; gives its exit code."""
        while True:
            process = self._process
            assert process is not None, "the worker was not started"
            code = await process.wait()
            if process is self._process and not self._killed:
                return code
            await asyncio.sleep(0.1)

    async def needed_by(self, work: Coroutine[Any, Any, Outcome]) -> Outcome:
        """The outcome of the work; raises ConfigurationError where the worker ends by itself before."""
        working = asyncio.create_task(work)
        ending = asyncio.create_task(self.unexpected_end())
        try:
            await asyncio.wait({working, ending}, return_when=asyncio.FIRST_COMPLETED)
            if not working.done():
                raise ConfigurationError(
                    f"The worker ended by itself with exit code {ending.result()}:\n{self.last_lines()}",
                    "mend what its log says, then run `make demo` again.",
                )
            return await working
        finally:
            working.cancel()
            ending.cancel()
            await asyncio.gather(working, ending, return_exceptions=True)

    async def stop(self) -> None:
        """End the worker in good order."""
        if self._process is not None:
            await self._process.stop()

    def last_lines(self, count: int = 15) -> str:
        """The end of its log."""
        if not self._log.exists():
            return "(the worker wrote nothing)"
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-count:])
