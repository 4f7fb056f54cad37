"""Runs one process tree within limits: reads what it writes, watches its memory, and ends all of it."""

import asyncio
import contextlib
import os
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass

from perdure.contracts.errors import PerdureError
from perdure.safety.disk_watch import DiskWatch
from perdure.safety.process_tree import descendants, kill_tree, private_bytes_and_threads
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
    peak_processes: int = 0


@dataclass
class Peak:
    """The most memory, and the most processes and threads, that were seen at one time."""

    bytes: int = 0
    processes: int = 0


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
    writable: Sequence[str],
    on_output: Callable[[int], None] | None,
    prepare: Callable[[], None],
) -> Ended:
    """Run the command to its end or to the first limit it exceeds; cancellation ends the tree and is passed on.

    ``held_in_files`` gives the bytes of files that count as memory, of the tree's processes; ``writable`` are the
    folders of the disk that it may write. ``prepare`` runs in the
    thread that starts the tree and belongs to it alone.
    """
    started = time.monotonic()
    with contextlib.ExitStack() as resources:
        pipe = OutputPipe(limits.output_bytes, on_output)
        resources.callback(pipe.close)
        disk = DiskWatch(writable, most_bytes=limits.disk_bytes, most_files=limits.disk_files)
        beginning = Beginning(command, environment, stdin, pipe.write_end, descriptors, prepare)
        starting = asyncio.ensure_future(StartedProcess.start(beginning))
        try:
            process = await asyncio.shield(starting)
            pipe.start()
            peak = Peak()
            watching = _until_too_much_is_held(process.pid, limits, held_in_files, disk, peak)
            killed_for = await _until_the_first_limit(process, pipe, limits, watching)
        finally:
            # What the tree was given (pipes, folders, the way out) is there until it is gone: bubblewrap that loses
            # its status pipe while it sets up dies, and leaves a first process that waits for it for ever.
            await _to_the_end(asyncio.ensure_future(_kill(starting)))
        assert process.returncode is not None
        return Ended(
            process.returncode,
            bytes(pipe.collected),
            killed_for,
            time.monotonic() - started,
            peak.bytes,
            peak.processes,
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
    until_too_much_is_held: Coroutine[None, None, KilledFor],
) -> KilledFor:
    """Which limit was exceeded first; '' where the program ended by itself."""
    ending = asyncio.ensure_future(_until_it_ends(process, pipe))
    watching = asyncio.ensure_future(until_too_much_is_held)
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


async def _until_too_much_is_held(
    pid: int,
    limits: SandboxLimits,
    held_in_files: Callable[[Sequence[int]], int],
    disk: DiskWatch,
    peak: Peak,
) -> KilledFor:
    """Return 'memory' or 'disk' once the tree below ``pid`` holds more than its limit; otherwise never return."""
    pause_s = FIRST_WATCH_S
    while True:
        await asyncio.sleep(pause_s)
        pause_s = min(pause_s * 2, WATCH_EVERY_S)
        tree = descendants(pid)
        held = [private_bytes_and_threads(member) for member in tree]
        used = sum(memory for memory, _ in held) + held_in_files(tree)
        peak.bytes = max(peak.bytes, used)
        peak.processes = max(peak.processes, sum(threads for _, threads in held))
        if used > limits.memory_bytes:
            return "memory"
        if disk.suspects() and await asyncio.to_thread(disk.is_exceeded, tree):
            return "disk"
