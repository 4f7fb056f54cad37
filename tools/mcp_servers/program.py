"""A server that is a program: its messages are lines on its standard input and output, and it ends with the worker."""

import asyncio
import contextlib
import resource
import shutil
from collections.abc import AsyncGenerator, Mapping, Sequence
from pathlib import Path

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.client._transport import TransportStreams
from mcp.shared.message import SessionMessage
from mcp_types import jsonrpc_message_adapter

from perdure.contracts.errors import ConfigurationError
from perdure.safety.bubblewrap import Bubblewrap
from perdure.safety.process_tree import descendants, kill_tree, private_bytes_and_threads
from perdure.safety.secrets.cutting import ending

MEBIBYTE = 1024 * 1024
MESSAGE_BYTES = 16 * 1024 * 1024
"""A server that writes a longer line is ended."""
STOP_S = 2.0
"""What a server has to end by itself after its standard input was closed."""
SAID_BYTES = 2_000
LOOK_EVERY_S = 0.5
OPEN_FILES = 4096
"""Of each process: enough for any server, and too few to exhaust the machine's."""

BOUNDED = 'ulimit -c 0 && ulimit -d "$1" && ulimit -n "$2" || exit 125; shift 2; exec "$@"'
"""Takes on the limits before the program begins: whatever it starts has them as well."""

Incoming = MemoryObjectSendStream[SessionMessage | Exception]
Outgoing = MemoryObjectReceiveStream[SessionMessage]


class ServerProgram:
    """How to start one program, and what became of it."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        environment: Mapping[str, str],
        folder: Path,
        bubblewrap: Bubblewrap,
        memory_mb: int,
    ) -> None:
        self._command = list(command)
        self._environment = dict(environment)
        self._folder = folder
        self._bubblewrap = bubblewrap
        self._memory_mb = memory_mb
        self._said = bytearray()
        self.ended = asyncio.Event()
        """Set once nothing more comes from the program."""
        self.trouble = ""

    @property
    def said(self) -> str:
        """The end of what it wrote on standard error."""
        return ending(bytes(self._said).decode("utf-8", "replace").strip(), SAID_BYTES)

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncGenerator[TransportStreams]:
        """Start it, and give the streams of its messages; ConfigurationError where there is no such program.

        It runs in a process namespace of its own that dies with this process however that ends, so nothing of it is
        left behind, and it sees none of the worker's processes. It is no sandbox: files and network are the worker's;
        but it is ended when it holds more memory than it may.
        """
        program = shutil.which(self._command[0], path=self._environment["PATH"])
        if program is None:
            raise ConfigurationError(f"there is no program {self._command[0]!r}.")
        process = await asyncio.create_subprocess_exec(
            *("/bin/sh", "-c", BOUNDED, "sh", str(self._memory_mb * 1024), str(_open_files())),
            str(self._bubblewrap.program),
            *("--bind", "/", "/", "--dev-bind", "/dev", "/dev", "--proc", "/proc"),
            *("--unshare-pid", "--die-with-parent", "--", program, *self._command[1:]),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=self._environment,
            cwd=self._folder,
            start_new_session=True,
            limit=MESSAGE_BYTES,
        )
        incoming, read = anyio.create_memory_object_stream[SessionMessage | Exception](0)
        write, outgoing = anyio.create_memory_object_stream[SessionMessage](0)
        tasks = [
            asyncio.create_task(self._listen(process)),
            asyncio.create_task(self._read(process, incoming)),
            asyncio.create_task(_write(process, outgoing, incoming)),
            asyncio.create_task(self._watch(process)),
        ]
        try:
            yield read, write
        finally:
            for stream in (read, write):
                stream.close()
            await asyncio.shield(asyncio.create_task(_end(process, tasks)))

    async def _read(self, process: asyncio.subprocess.Process, incoming: Incoming) -> None:
        assert process.stdout is not None
        try:
            async with incoming:
                while line := await process.stdout.readline():
                    # Programs also print what is no message.
                    with contextlib.suppress(ValueError):
                        message = jsonrpc_message_adapter.validate_json(line, by_name=False)
                        await incoming.send(SessionMessage(message))
        except ValueError:
            self.trouble = f"it wrote a message of more than {MESSAGE_BYTES} bytes"
        except (anyio.BrokenResourceError, anyio.ClosedResourceError):
            # Nobody reads any more: the session is over.
            pass
        finally:
            self.ended.set()

    async def _watch(self, process: asyncio.subprocess.Process) -> None:
        """End it when the whole of it holds too much: the kernel bounds each of its processes alone."""
        while process.returncode is None:
            await asyncio.sleep(LOOK_EVERY_S)
            held = sum(private_bytes_and_threads(pid)[0] for pid in descendants(process.pid))
            if held > self._memory_mb * MEBIBYTE:
                self.trouble = f"it held more than {self._memory_mb} MiB of memory"
                await kill_tree(process)

    async def _listen(self, process: asyncio.subprocess.Process) -> None:
        assert process.stderr is not None
        while chunk := await process.stderr.read(SAID_BYTES):
            self._said = (self._said + chunk)[-2 * SAID_BYTES :]


def _open_files() -> int:
    """As many as it may have, or the worker's own hard limit where that is lower."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)


async def _write(process: asyncio.subprocess.Process, outgoing: Outgoing, incoming: Incoming) -> None:
    assert process.stdin is not None
    try:
        async with outgoing:
            async for each in outgoing:
                line = each.message.model_dump_json(by_alias=True, exclude_unset=True)
                process.stdin.write(line.encode() + b"\n")
                await process.stdin.drain()
    except (BrokenPipeError, ConnectionResetError):
        # The session sees the end instead of waiting for an answer for ever.
        await incoming.aclose()


async def _end(process: asyncio.subprocess.Process, tasks: Sequence[asyncio.Task[None]]) -> None:
    """Ask it to end by closing its input, then kill all of it."""
    assert process.stdin is not None
    process.stdin.close()
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(process.wait(), timeout=STOP_S)
    if process.returncode is None:
        await kill_tree(process)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
