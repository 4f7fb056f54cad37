"""A component that is one program: started, watched until it is ready, started again when it dies."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from perdure.contracts.errors import ConfigurationError, PerdureError
from perdure.embedded.component import Health, ProcessFacts
from perdure.embedded.process import GuardedProcess, Program, is_alive, start_process, start_time

READY_POLL_S = 0.02
SHOWN_LOG_LINES = 8
READ_LOG_BYTES = 64 * 1024

Check = Callable[[], Awaitable[bool]]
Explain = Callable[[str], PerdureError | None]


@dataclass(frozen=True)
class Restart:
    """How a program that died is started again: at once, then after pauses that double."""

    first_delay_s: float = 0.1
    longest_delay_s: float = 30.0
    steady_after_s: float = 60.0
    """A program that ran for so long starts with the first delay again."""


class ProcessComponent:
    """One program as a component of the stack."""

    def __init__(
        self,
        name: str,
        program: Program,
        *,
        ready: Check | None = None,
        ready_timeout_s: float = 30.0,
        address: str = "",
        restart: Restart | None = None,
        keep: Sequence[int] = (),
        explain: Explain | None = None,
        prepare: Callable[[], None] | None = None,
    ) -> None:
        """``ready`` is asked until it agrees; without ``restart`` a program that ends stays ended.

        ``explain`` turns the log of a failed start into an error for people, ``prepare`` runs before each start, and
        descriptors in ``keep`` stay open for as long as any process of the program lives.
        """
        self._name = name
        self._program = program
        self._ready = ready
        self._ready_timeout_s = ready_timeout_s
        self._address = address
        self._restart = restart
        self._keep = tuple(keep)
        self._explain = explain
        self._prepare = prepare
        self._process: GuardedProcess | None = None
        self._watch: asyncio.Task[None] | None = None
        self._on_restart: Callable[[], None] | None = None
        self._trouble = ""
        self._starting_again = False
        self.restarts = 0

    @property
    def name(self) -> str:
        """The component's name."""
        return self._name

    @property
    def address(self) -> str:
        """Where it is reached, empty where nobody connects to it."""
        return self._address

    @property
    def processes(self) -> tuple[ProcessFacts, ...]:
        """The program and its guard, while they run."""
        if self._process is None:
            return ()
        return tuple(
            ProcessFacts(self._name, pid, start_time(pid))
            for pid in (self._process.pid, self._process.guard_pid)
            if is_alive(pid)
        )

    @property
    def pid(self) -> int:
        """The program's process id, 0 while it does not run."""
        return self._process.pid if self._process is not None and self._process.running else 0

    def on_restart(self, notify: Callable[[], None]) -> None:
        """Call this after each start that follows a death."""
        self._on_restart = notify

    async def start(self) -> None:
        """Start the program, wait until it is ready, and keep it running if that was asked for."""
        if self._watch is not None:
            return
        await self._bring_up()
        self._watch = asyncio.create_task(self._keep_running(), name=f"keep {self._name} running")

    async def stop(self) -> None:
        """Stop watching, then stop the program."""
        if self._watch is not None:
            self._watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watch
            self._watch = None
        if self._process is not None:
            await self._process.stop()

    async def health(self) -> Health:
        """Whether the program runs and is ready."""
        if self.pid == 0:
            return Health(self._name, False, self._trouble or "does not run", address=self._address)
        if self._starting_again:
            # It may answer already; but until the restart is counted, "running" would hide that it had died.
            return Health(
                self._name, False, f"died and is starting again ({self._trouble})", address=self._address
            )
        ok = self._ready is None or await self._ready()
        detail = "running" if ok else "runs but does not answer"
        if self.restarts:
            detail += f", started again {self.restarts} times ({self._trouble})"
        return Health(self._name, ok, detail, address=self._address)

    async def _bring_up(self) -> None:
        if self._prepare is not None:
            self._prepare()
        log = self._program.log
        before = log.stat().st_size if log.exists() else 0
        process = await start_process(self._program, keep=self._keep)
        self._process = process
        try:
            await self._until_ready(process, before)
        except BaseException:
            # Whatever ends the wait, cancellation included, must not leave a half-started program behind.
            await process.stop()
            raise

    async def _until_ready(self, process: GuardedProcess, log_start: int) -> None:
        deadline = time.monotonic() + self._ready_timeout_s
        while self._ready is not None and not await self._ready():
            if not process.running:
                raise self._failure(f"ended at once with exit code {await process.wait()}", log_start)
            if time.monotonic() > deadline:
                raise self._failure(f"was not ready after {self._ready_timeout_s:g} s", log_start)
            await asyncio.sleep(READY_POLL_S)

    def _failure(self, what: str, log_start: int) -> PerdureError:
        text = log_since(self._program.log, log_start)
        explained = self._explain(text) if self._explain is not None else None
        if explained is not None:
            return explained
        lines = "\n".join(text.splitlines()[-SHOWN_LOG_LINES:])
        return ConfigurationError(
            f"{self._name!r} {what}. Its last lines were:\n{lines}\n",
            f"the whole log is {str(self._program.log)!r}.",
        )

    async def _keep_running(self) -> None:
        delay = 0.0
        while self._process is not None:
            since = time.monotonic()
            code = await self._process.wait()
            self._trouble = f"ended with exit code {code}"
            if self._restart is None:
                return
            steady = time.monotonic() - since >= self._restart.steady_after_s
            delay = self._restart.first_delay_s if steady or delay == 0.0 else delay * 2
            delay = min(delay, self._restart.longest_delay_s)
            await asyncio.sleep(delay)
            self._starting_again = True
            try:
                await self._bring_up()
            except (PerdureError, OSError) as error:
                self._trouble = f"ended with exit code {code} and did not start again: {error}"
                continue
            finally:
                self._starting_again = False
            self.restarts += 1
            if self._on_restart is not None:
                self._on_restart()


def log_since(log: Path, start: int) -> str:
    """What was written to the log after ``start``, its last part where that is much."""
    if not log.exists():
        return ""
    with log.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(min(start, size), size - READ_LOG_BYTES))
        return file.read().decode("utf-8", "replace")
