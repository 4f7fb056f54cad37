"""Runs one process tree within limits: reads what it writes, watches its memory, and ends all of it."""

import asyncio
import contextlib
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from perdure.contracts.errors import PerdureError
from perdure.safety.process_tree import descendants, kill_tree, private_bytes
from perdure.safety.started_process import Beginning, StartedProcess
from perdure.safety.views import KilledFor, SandboxLimits

READ_BYTES = 64 * 1024
WATCH_EVERY_S = 0.2
FIRST_WATCH_S = 0.02
"""The first looks come sooner, so that something is known of a short run as well."""


@dataclass(frozen=True)
class Ended:
    """How the outermost process ended, before anybody judges whether the sandbox itself came up."""

    exit_code: int
    output: bytes
    killed_for: KilledFor
    duration_s: float
    peak_bytes: int = 0


@dataclass
class Peak:
    """The most memory that was seen."""

    bytes: int = 0


class OutputPipe:
    """Collects what is written into a pipe, up to a limit; ``filled`` holds whether the limit was exceeded."""

    def __init__(self, limit: int, on_output: Callable[[int], None] | None) -> None:
        self.collected = bytearray()
        self.filled: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._limit = limit
        self._on_output = on_output
        self._read_end, self.write_end = os.pipe()
        os.set_blocking(self._read_end, False)

    def start(self) -> None:
        """Begin to read; the write end now belongs to the started process alone."""
        self.close_write_end()
        asyncio.get_running_loop().add_reader(self._read_end, self._read)

    def _read(self) -> None:
        try:
            chunk = os.read(self._read_end, READ_BYTES)
        except BlockingIOError:
            return
        room = self._limit - len(self.collected)
        self.collected += chunk[:room]
        if chunk and self._on_output is not None:
            self._on_output(len(self.collected))
        if not chunk or len(chunk) > room:
            asyncio.get_running_loop().remove_reader(self._read_end)
            if not self.filled.done():
                self.filled.set_result(bool(chunk))

    def close_write_end(self) -> None:
        """Close our copy of the write end, once."""
        if self.write_end >= 0:
            os.close(self.write_end)
            self.write_end = -1

    def close(self) -> None:
        """Stop reading and give back both ends."""
        self.close_write_end()
        asyncio.get_running_loop().remove_reader(self._read_end)
        os.close(self._read_end)


async def supervise(
    command: Sequence[str],
    *,
    environment: Mapping[str, str],
    limits: SandboxLimits,
    stdin: int,
    descriptors: Sequence[int],
    held_in_files: Callable[[Sequence[int]], int],
    on_output: Callable[[int], None] | None,
    prepare: Callable[[], None],
) -> Ended:
    """Run the command to its end or to the first limit it exceeds; cancellation ends the tree and is passed on.

    ``held_in_files`` gives the bytes of files that count as memory, of the tree's processes. ``prepare`` runs in the
    thread that starts the tree and belongs to it alone.
    """
    started = time.monotonic()
    with contextlib.ExitStack() as resources:
        pipe = OutputPipe(limits.output_bytes, on_output)
        resources.callback(pipe.close)
        beginning = Beginning(command, environment, stdin, pipe.write_end, descriptors, prepare)
        starting = asyncio.ensure_future(StartedProcess.start(beginning))
        try:
            process = await asyncio.shield(starting)
            pipe.start()
            peak = Peak()
            killed_for = await _until_the_first_limit(process, pipe, limits, held_in_files, peak)
        finally:
            # What the tree was given (pipes, folders, the way out) is there until it is gone: bubblewrap that loses
            # its status pipe while it sets up dies, and leaves a first process that waits for it for ever.
            await _to_the_end(asyncio.ensure_future(_kill(starting)))
        assert process.returncode is not None
        return Ended(
            process.returncode, bytes(pipe.collected), killed_for, time.monotonic() - started, peak.bytes
        )


async def _kill(starting: asyncio.Future[StartedProcess]) -> None:
    """Kill the tree, also one whose start nobody waited for."""
    with contextlib.suppress(OSError, PerdureError):
        await kill_tree(await starting)


async def _to_the_end(task: asyncio.Future[None]) -> None:
    """Await the task to its end; cancellations meanwhile are passed on afterwards."""
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError as error:
            cancelled = error
    task.result()
    if cancelled is not None:
        raise cancelled


async def _until_the_first_limit(
    process: StartedProcess,
    pipe: OutputPipe,
    limits: SandboxLimits,
    held_in_files: Callable[[Sequence[int]], int],
    peak: Peak,
) -> KilledFor:
    """Which limit was exceeded first; '' where the program ended by itself."""
    ending = asyncio.ensure_future(_until_it_ends(process, pipe))
    watching = asyncio.ensure_future(
        _until_memory_exceeds(process.pid, limits.memory_bytes, held_in_files, peak)
    )
    try:
        await asyncio.wait((ending, watching), timeout=limits.time_s, return_when=asyncio.FIRST_COMPLETED)
        if ending.done():
            return ending.result()
        return watching.result() if watching.done() else "time"
    finally:
        ending.cancel()
        watching.cancel()


async def _until_it_ends(process: StartedProcess, pipe: OutputPipe) -> KilledFor:
    """Return '' when the program ended by itself, 'output' when it wrote more than the limit."""
    if await pipe.filled:
        return "output"
    await process.wait()
    return ""


async def _until_memory_exceeds(
    pid: int, limit: int, held_in_files: Callable[[Sequence[int]], int], peak: Peak
) -> KilledFor:
    """Return 'memory' once the tree below ``pid`` holds more than the limit; otherwise never return."""
    pause_s = FIRST_WATCH_S
    while True:
        await asyncio.sleep(pause_s)
        pause_s = min(pause_s * 2, WATCH_EVERY_S)
        tree = descendants(pid)
        used = sum(private_bytes(member) for member in tree) + held_in_files(tree)
        peak.bytes = max(peak.bytes, used)
        if used > limit:
            return "memory"
