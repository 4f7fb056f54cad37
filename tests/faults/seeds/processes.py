"""Which processes of a run are still there."""

import asyncio
import os
import time
from collections.abc import Sequence
from pathlib import Path

GONE_WITHIN_S = 8.0


async def left_behind(marks: Sequence[str]) -> list[str]:
    """Processes that hold on to a run after a while: sandboxed ones by their mounts, others by what they were given.

    ``marks`` are texts that stand in nothing but this run's paths.
    """
    deadline = time.monotonic() + GONE_WITHIN_S
    while found := await asyncio.to_thread(_marked, [mark.encode() for mark in marks]):
        if time.monotonic() > deadline:
            return found
        await asyncio.sleep(0.1)
    return []


def _marked(marks: Sequence[bytes]) -> list[str]:
    found: list[str] = []
    for process in Path("/proc").iterdir():
        if not process.name.isdigit() or int(process.name) == os.getpid():
            continue
        told = b"".join(_read(process / part) for part in ("cmdline", "environ", "mountinfo"))
        if any(mark in told for mark in marks):
            command = _read(process / "cmdline").replace(b"\0", b" ").decode(errors="replace")
            found.append(f"{process.name}: {command[:200]}")
    return found


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        # It ended, or it belongs to somebody else.
        return b""
