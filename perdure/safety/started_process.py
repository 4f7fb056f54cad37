"""A process that is started and waited for in a thread of its own, and ends with the program that started it."""

import asyncio
import os
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Self

from perdure.contracts.errors import PerdureError


@dataclass(frozen=True)
class Beginning:
    """What a process is started with: its command, its environment and the descriptors that it inherits."""

    command: Sequence[str]
    environment: Mapping[str, str]
    stdin: int
    output: int
    """Standard output and standard error."""
    descriptors: Sequence[int] = ()
    """Those beside the standard ones, under the same numbers."""
    prepare: Callable[[], None] = field(default=lambda: None)
    """Runs in the process's thread before the start, and may change what only that thread has."""


class StartedProcess:
    """A process in a session of its own.

    Its thread lives as long as it does. Linux tells a process that its parent died as soon as the very thread ends that
    started it, so nothing shorter-lived may start what is to end with the whole program.
    """

    def __init__(self, process: subprocess.Popen[bytes], ended: asyncio.Future[int]) -> None:
        self.pid = process.pid
        self._ended = ended

    @property
    def returncode(self) -> int | None:
        """The exit code, or the negative number of the signal that ended it; None before."""
        return self._ended.result() if self._ended.done() else None

    async def wait(self) -> int:
        """Wait for its end and give the exit code."""
        return await asyncio.shield(self._ended)

    @classmethod
    async def start(cls, beginning: Beginning) -> Self:
        """Start it; OSError where the operating system refuses, and what ``prepare`` raises of our own errors."""
        errand = _Errand(beginning)
        threading.Thread(target=errand.run, name=f"runs {beginning.command[0]}", daemon=True).start()
        return cls(await errand.started, errand.ended)


class _Errand:
    """What the thread does, and what it tells the event loop."""

    def __init__(self, beginning: Beginning) -> None:
        self._beginning = beginning
        self._loop = asyncio.get_running_loop()
        self.started: asyncio.Future[subprocess.Popen[bytes]] = self._loop.create_future()
        self.ended: asyncio.Future[int] = self._loop.create_future()

    def run(self) -> None:
        """Prepare, start, and wait for the end."""
        try:
            self._beginning.prepare()
            process = _popen(self._beginning)
        except (OSError, PerdureError) as error:
            self._tell(partial(self._refused, error))
            return
        self._tell(partial(self._has_started, process))
        # It stays a zombie, so that nobody else gets its number, until the loop knows of its end.
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        if not self._tell(partial(self._has_ended, process)):
            process.wait()

    def _tell(self, what: Callable[[], None]) -> bool:
        """Whether there still is a loop to be told."""
        try:
            self._loop.call_soon_threadsafe(what)
        except RuntimeError:
            # The loop was closed meanwhile.
            return False
        return True

    def _refused(self, error: OSError | PerdureError) -> None:
        if not self.started.done():
            self.started.set_exception(error)

    def _has_started(self, process: subprocess.Popen[bytes]) -> None:
        if self.started.done():
            # Whoever wanted it was cancelled.
            process.kill()
        else:
            self.started.set_result(process)

    def _has_ended(self, process: subprocess.Popen[bytes]) -> None:
        self.ended.set_result(process.wait())


def _popen(beginning: Beginning) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        list(beginning.command),
        stdin=beginning.stdin,
        stdout=beginning.output,
        stderr=beginning.output,
        env=dict(beginning.environment),
        cwd="/",
        pass_fds=tuple(beginning.descriptors),
        start_new_session=True,
    )
