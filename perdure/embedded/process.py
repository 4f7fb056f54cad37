"""Programs that end with their owner: starting them under a guard, stopping them, and telling the living from zombies."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from perdure.contracts.errors import ConfigurationError

GUARD = Path(__file__).with_name("guard.py")
STOP_MARGIN_S = 5.0
LOG_LIMIT_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True)
class Program:
    """What to run and how to end it."""

    argv: Sequence[str]
    """The first is an absolute path."""
    environment: Mapping[str, str]
    """The whole environment: nothing is inherited."""
    folder: Path
    """Working directory."""
    log: Path
    """Takes standard output and error, appended."""
    stop_signal: int = signal.SIGTERM
    stop_timeout_s: float = 10.0
    """How long a stop may take before everything is killed."""
    user_namespace: bool = False
    """Run as an ordinary user in the program's own eyes, for servers that refuse to run as root."""


class GuardedProcess:
    """A running program under its guard; ``start_process`` makes it."""

    def __init__(self, program: Program, guard: asyncio.subprocess.Process, pid: int) -> None:
        self._program = program
        self._guard = guard
        self.pid = pid
        self.started = start_time(pid)
        self._ending = asyncio.create_task(self._follow())

    @property
    def running(self) -> bool:
        """Whether the program has not ended yet."""
        return not self._ending.done()

    @property
    def guard_pid(self) -> int:
        """Process id of the guard."""
        return self._guard.pid

    async def wait(self) -> int:
        """The program's exit code once it ended (negative: the signal that ended it)."""
        return await asyncio.shield(self._ending)

    async def stop(self) -> int:
        """End the program by its stop signal, or by force when it takes too long; gives the exit code."""
        if self.running:
            _signal(self._guard, signal.SIGTERM)
            done, _ = await asyncio.wait({self._ending}, timeout=self._program.stop_timeout_s + STOP_MARGIN_S)
            if not done:
                # The death of the guard kills the program, and the namespace or the server ends the rest.
                _signal(self._guard, signal.SIGKILL)
        return await self.wait()

    async def _follow(self) -> int:
        code = -signal.SIGKILL
        assert self._guard.stdout is not None
        async for line in self._guard.stdout:
            code = int(json.loads(line).get("exit", code))
        await self._guard.wait()
        return code


async def start_process(program: Program, *, keep: Sequence[int] = ()) -> GuardedProcess:
    """Start the program; descriptors in ``keep`` stay open in it for as long as any process of it lives."""
    order = {
        "owner": os.getpid(),
        "argv": list(program.argv),
        # Names only: a command line can be read by everybody, an environment cannot.
        "variables": list(program.environment),
        "stop_signal": int(program.stop_signal),
        "stop_timeout_s": program.stop_timeout_s,
        "user_namespace": program.user_namespace,
    }
    rotate(program.log)
    with program.log.open("ab") as log:
        # A session of its own keeps the terminal's Ctrl-C from reaching servers before their owner stops them in order.
        guard = await asyncio.create_subprocess_exec(
            sys.executable, "-I", "-S", str(GUARD), json.dumps(order),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
            cwd=program.folder,
            env=dict(program.environment),
            pass_fds=tuple(keep),
            start_new_session=True,
        )  # fmt: skip
    try:
        facts = await _first_announcement(guard)
    except asyncio.CancelledError:
        _signal(guard, signal.SIGTERM)
        raise
    if "pid" not in facts:
        await guard.wait()
        raise _could_not_start(program, facts)
    return GuardedProcess(program, guard, int(facts["pid"]))


async def _first_announcement(guard: asyncio.subprocess.Process) -> dict[str, Any]:
    assert guard.stdout is not None
    line = await guard.stdout.readline()
    return json.loads(line) if line else {}


def _could_not_start(program: Program, facts: Mapping[str, Any]) -> ConfigurationError:
    reason = facts.get("error", f"the guard ended early; its log is {str(program.log)!r}")
    if program.user_namespace and facts.get("error") == "user namespaces are not available":
        return ConfigurationError(
            f"{program.argv[0]!r} refuses to run as root, and this machine lets nobody make user namespaces.",
            "run as an ordinary user, or allow user namespaces (in a container: its seccomp profile).",
        )
    return ConfigurationError(
        f"{program.argv[0]!r} could not be started: {reason}.",
        "check that the file exists and may be executed.",
    )


def _signal(process: asyncio.subprocess.Process, number: int) -> None:
    if process.returncode is None:
        process.send_signal(number)


def rotate(log: Path) -> None:
    """Keep one older log beside a log that has grown too long."""
    if log.exists() and log.stat().st_size > LOG_LIMIT_BYTES:
        log.replace(log.with_suffix(f"{log.suffix}.1"))


def start_time(pid: int) -> int:
    """Clock ticks after boot at which the process started, 0 where there is none: tells a reused id from the process."""
    fields = _stat(pid)
    return int(fields[19]) if fields else 0


def is_alive(pid: int, started: int | None = None) -> bool:
    """Whether a process runs under this id: a zombie does not, nor another process that got the id later."""
    fields = _stat(pid)
    if not fields or fields[0] in {"Z", "X"}:
        return False
    return started is None or int(fields[19]) == started


def program_name(pid: int) -> str:
    """What the kernel calls the process, empty where there is none."""
    try:
        return Path("/proc", str(pid), "comm").read_text().strip()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def _stat(pid: int) -> list[str]:
    """The fields of the process's status line after its name, or none where there is no such process."""
    try:
        text = Path("/proc", str(pid), "stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return []
    return text.rpartition(")")[2].split()
