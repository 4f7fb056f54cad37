"""What a process tree is and holds, read from /proc, and how a sandbox's tree is killed."""

import asyncio
import contextlib
import os
import signal
import time
from pathlib import Path
from typing import Protocol

END_PATIENCE_S = 2.0
PASSES = 20
"""Looks for what is left when the outermost process does not end; what is started between two is found by the next."""


class Process(Protocol):
    """What is known of a process that was started."""

    @property
    def pid(self) -> int:
        """Its number, which is nobody else's before its end is known here."""
        ...

    @property
    def returncode(self) -> int | None:
        """How it ended; None before."""
        ...

    async def wait(self) -> int:
        """Wait for its end."""
        ...


def children(pid: int) -> list[int]:
    """Direct children of a process, of all its threads; empty once it is gone."""
    found: list[int] = []
    try:
        for thread in Path(f"/proc/{pid}/task").iterdir():
            found += map(int, (thread / "children").read_text().split())
    except (FileNotFoundError, ProcessLookupError):
        return found
    return found


def descendants(pid: int) -> list[int]:
    """All processes below one, parents before their children."""
    found: list[int] = []
    level = children(pid)
    while level:
        found += level
        level = [grandchild for child in level for grandchild in children(child)]
    return found


def private_bytes_and_threads(pid: int) -> tuple[int, int]:
    """Resident memory that is no file's (anonymous and shared-anonymous pages), and threads; zeros once it is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0, 0
    used = sum(int(line.split()[1]) * 1024 for line in lines if line.startswith(("RssAnon:", "RssShmem:")))
    return used, sum(int(line.split()[1]) for line in lines if line.startswith("Threads:"))


def file_system_bytes(pid: int, path: str) -> int:
    """Bytes used in the file system that a process sees at ``path``; 0 while it cannot be looked into."""
    try:
        facts = os.statvfs(f"/proc/{pid}/root{path}")
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return 0
    return (facts.f_blocks - facts.f_bfree) * facts.f_frsize


async def kill_tree(process: Process) -> None:
    """Kill a sandbox from the inside out and wait until all of it is gone.

    The child of the outermost process is init of the sandbox's pid namespace: killing it kills every process inside,
    and the kernel reports its end only when all are gone. Where there is no such namespace, the outermost process is a
    guard that kills what its child leaves. It then reaps it and ends by itself, so
    no zombie is left to a system whose own first process does not reap. Only one that does not end is killed itself.
    """
    deadline = time.monotonic() + END_PATIENCE_S
    pause_s = 0.002
    while process.returncode is None and time.monotonic() < deadline:
        for child in children(process.pid):
            _send(child, signal.SIGKILL)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), timeout=pause_s)
        pause_s = min(pause_s * 2, 0.1)
    if process.returncode is None:
        # Held still, so that it starts nothing between the look at its children and its own end.
        _send(process.pid, signal.SIGSTOP)
        for _ in range(PASSES):
            for child in descendants(process.pid):
                _send(child, signal.SIGKILL)
        _send(process.pid, signal.SIGKILL)
        await process.wait()


def _send(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
