"""A way to PostgreSQL that can lose answers: what was committed stays so, and the worker never hears of it."""

import asyncio
import contextlib
import shutil
import tempfile
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

SOCKET = ".s.PGSQL.5432"
READ_BYTES = 64 * 1024

Seen = Callable[[], Awaitable[bool]]


@dataclass
class LosingAnswers:
    """A socket in front of the database. ``lose_once`` makes it fall silent; everything before passes through."""

    url: str
    _server_socket: Path
    _committed: Seen | None = None
    _lost: asyncio.Event = field(default_factory=asyncio.Event)
    _connections: set[asyncio.Task[None]] = field(default_factory=set[asyncio.Task[None]])

    async def lose_once(self, committed: Seen) -> None:
        """From the first answer on that comes when ``committed`` holds no answer passes; returns at that moment."""
        self._committed = committed
        await self._lost.wait()

    def pass_again(self) -> None:
        """Let answers through again, for workers that come later."""
        self._committed = None
        self._lost.clear()

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection of the worker's."""
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            from_server, to_server = await asyncio.open_unix_connection(self._server_socket)
            ways = [
                asyncio.create_task(self._ask(reader, to_server)),
                asyncio.create_task(self._answer(from_server, writer)),
            ]
            try:
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            finally:
                to_server.close()
                for way in ways:
                    way.cancel()
                await asyncio.gather(*ways, return_exceptions=True)
        except (OSError, asyncio.CancelledError):
            # The worker or the server was killed, or the test is over: nothing of that is to be reported.
            pass
        finally:
            self._connections.discard(task)
            writer.close()

    async def close(self) -> None:
        """End all connections."""
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _ask(self, reader: asyncio.StreamReader, to_server: asyncio.StreamWriter) -> None:
        while data := await reader.read(READ_BYTES):
            to_server.write(data)
            await to_server.drain()

    async def _answer(self, from_server: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await from_server.read(READ_BYTES):
            if self._committed is not None and (self._lost.is_set() or await self._committed()):
                self._lost.set()
                continue
            writer.write(data)
            await writer.drain()


@contextlib.asynccontextmanager
async def losing_answers(database_url: str) -> AsyncGenerator[LosingAnswers]:
    """A second way to the database of the URL, which is reached by a socket in a folder."""
    parts = urlsplit(database_url)
    sockets = Path(parse_qs(parts.query)["host"][0])
    # A socket's path may be 107 bytes long, which a test's own folder can exceed.
    folder = Path(tempfile.mkdtemp(prefix="perdure-"))
    made = LosingAnswers(parts._replace(query=f"host={quote(str(folder))}").geturl(), sockets / SOCKET)
    server = await asyncio.start_unix_server(made.connected, folder / SOCKET)
    try:
        yield made
    finally:
        server.close()
        await made.close()
        await server.wait_closed()
        shutil.rmtree(folder, ignore_errors=True)
