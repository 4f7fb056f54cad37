"""The way out of one sandboxed run: a proxy on a Unix socket that connects to named package hosts and nowhere else.

It looks at host and port alone, resolves once and connects to the address it checked; what goes through a tunnel it
does not read. It lives exactly as long as the run, and every request is reported.
"""

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncGenerator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

from perdure.safety.near_root import folder_near_root
from perdure.safety.package_hosts import SETTING, PackageHost, why_unreachable
from perdure.safety.proxy_requests import Malformed, Wanted, wanted
from perdure.safety.request_bodies import body_of
from perdure.safety.staging import Owner

SOCKET_NAME = "proxy"
CHUNK_BYTES = 64 * 1024
LOOKUPS_AT_ONCE = 4
HANG_UP_S = 2.0
"""How long a program may go on sending after the end of its answer."""

LookUp = Callable[..., Sequence[tuple[Any, ...]]]
"""As ``socket.getaddrinfo``."""

Verdict = Literal["allowed", "refused", "failed"]


@dataclass(frozen=True)
class EgressLimits:
    """Bounds of one run's way out."""

    connections: int = 64
    """At one time."""
    requests: int = 50_000
    received_bytes: int = 4 * 1024**3
    sent_bytes: int = 32 * 1024**2
    """Small, because fetching packages sends little."""
    head_bytes: int = 32 * 1024
    answer_s: float = 30.0
    """For the request's head to come, and for the host to be found and to take the connection."""
    idle_s: float = 120.0
    """Without a byte in either direction."""


@dataclass(frozen=True)
class PackageRequest:
    """One request that a sandboxed program made, and what became of it."""

    host: str
    """As asked for; empty where the request could not be read."""
    port: int
    verdict: Verdict
    why: str = ""
    """Why it was refused or failed; empty where it was answered."""
    sent_bytes: int = 0
    received_bytes: int = 0


class _Ended(Exception):
    """The proxy ends this request; the text says why."""

    def __init__(self, verdict: Verdict, why: str, status: str) -> None:
        super().__init__(why)
        self.verdict: Verdict = verdict
        self.why = why
        self.status = status


@dataclass
class _Traffic:
    """What one connection has moved so far."""

    sent: int = 0
    received: int = 0


class Egress:
    """One run's proxy."""

    def __init__(
        self,
        hosts: Sequence[PackageHost],
        *,
        on_request: Callable[[PackageRequest], None],
        limits: EgressLimits | None = None,
        look_up: LookUp = socket.getaddrinfo,
    ) -> None:
        self._hosts = {(host.name, host.port): host for host in hosts}
        self._on_request = on_request
        self._limits = limits or EgressLimits()
        self._look_up = look_up
        self._serving: set[asyncio.Task[None]] = set()
        self._total = _Traffic()
        self._requests = 0
        # A lookup that hangs holds its thread, and the event loop's own threads have other work to do.
        self._lookups = ThreadPoolExecutor(LOOKUPS_AT_ONCE, "perdure-lookup")

    @asynccontextmanager
    async def open(self, owner: Owner) -> AsyncGenerator[Path]:
        """Listen; gives the folder that holds the socket, which nobody but root and we can enter on the host."""
        # A socket's path may have few characters, so the folder is always near the root.
        with contextlib.ExitStack() as closing:
            closing.callback(self._lookups.shutdown, wait=False, cancel_futures=True)
            folder = closing.enter_context(folder_near_root()) / "way"
            folder.mkdir()
            folder.chmod(0o755)
            path = folder / SOCKET_NAME
            server = await asyncio.start_unix_server(self._accept, path, limit=self._limits.head_bytes)
            try:
                path.chmod(0o600)
                os.chown(path, owner.uid, owner.gid)
                yield folder
            finally:
                server.close()
                for task in self._serving:
                    task.cancel()
                await asyncio.gather(*self._serving, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(self._serve(reader, writer))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection, report it however it ends, and hang up."""
        try:
            self._on_request(await self._answered(reader, writer))
            await _hang_up(reader, writer)
        finally:
            writer.close()

    async def _answered(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> PackageRequest:
        """What became of one connection."""
        traffic = _Traffic()
        place: Wanted | None = None
        verdict: Verdict = "allowed"
        why = ""
        try:
            place = await self._read(reader)
            await self._pass_on(place, reader, writer, traffic)
        except _Ended as ended:
            verdict, why = ended.verdict, ended.why
            if not traffic.received:
                await _answer(writer, ended)
        except (OSError, asyncio.CancelledError):
            why = "the connection broke"
            verdict = "failed"
        return PackageRequest(
            place.host if place else "",
            place.port if place else 0,
            verdict,
            why,
            traffic.sent,
            traffic.received,
        )

    async def _read(self, reader: asyncio.StreamReader) -> Wanted:
        """Where the request wants to go, before anything is decided."""
        self._requests += 1
        if len(self._serving) > self._limits.connections or self._requests > self._limits.requests:
            raise _Ended("refused", "the limit of connections is reached", "503 Service Unavailable")
        try:
            async with asyncio.timeout(self._limits.answer_s):
                return wanted(await reader.readuntil(b"\r\n\r\n"))
        except Malformed as error:
            raise _Ended("refused", str(error), "400 Bad Request") from error
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError) as error:
            raise _Ended("refused", "no complete request came", "400 Bad Request") from error

    async def _pass_on(
        self,
        place: Wanted,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        traffic: _Traffic,
    ) -> None:
        """Connect to the host and move bytes until it has nothing more to say."""
        answers, server = await self._connect(place)
        try:
            if place.forwarded:
                self._count(traffic, sent=len(place.forwarded))
                server.write(place.forwarded)
            else:
                writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            async with asyncio.timeout(self._limits.idle_s) as idle:

                def moved(*, sent: int = 0, received: int = 0) -> None:
                    self._count(traffic, sent=sent, received=received)
                    idle.reschedule(asyncio.get_running_loop().time() + self._limits.idle_s)

                up = asyncio.ensure_future(_send(place, reader, server, lambda size: moved(sent=size)))
                down = asyncio.ensure_future(_pump(answers, writer, lambda size: moved(received=size)))
                await _until_answered(up, down)
        except Malformed as error:
            raise _Ended("refused", str(error), "400 Bad Request") from error
        except TimeoutError as error:
            raise _Ended("failed", "nothing came for too long", "504 Gateway Timeout") from error
        finally:
            server.close()

    def _count(self, traffic: _Traffic, *, sent: int = 0, received: int = 0) -> None:
        """Add to what was moved; ends the connection where all of the run together moved too much."""
        for each in (traffic, self._total):
            each.sent += sent
            each.received += received
        if self._total.sent > self._limits.sent_bytes or self._total.received > self._limits.received_bytes:
            raise _Ended("refused", "the run's limit of bytes is reached", "403 Forbidden")

    async def _connect(self, place: Wanted) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection to a checked address of an allowed host."""
        host = self._hosts.get((place.host, place.port))
        if host is None:
            raise _Ended(
                "refused", f"{place.host}:{place.port} is not one of the hosts in {SETTING}", "403 Forbidden"
            )
        try:
            async with asyncio.timeout(self._limits.answer_s):
                addresses = await _addresses(host, self._lookups, self._look_up)
                return await _first_connection(addresses, host.port)
        except (OSError, TimeoutError) as error:
            said = str(error) or "no answer in time"
            raise _Ended("failed", f"{host} cannot be reached: {said}", "502 Bad Gateway") from error


async def _addresses(host: PackageHost, lookups: ThreadPoolExecutor, look_up: LookUp) -> list[str]:
    """The host's addresses; each is asked for once, so that it cannot change afterwards.

    One that may not be connected to refuses them all: whoever answers with both a public and a private address, by
    mistake or by rebinding the name, is not to decide which of them is taken.
    """
    asking = partial(look_up, host.name, host.port, type=socket.SOCK_STREAM)
    found = await asyncio.get_running_loop().run_in_executor(lookups, asking)
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    refusals = [why for address in addresses if (why := why_unreachable(address, host))]
    if refusals or not addresses:
        raise _Ended("refused", next(iter(refusals), f"{host} has no address"), "403 Forbidden")
    return addresses


async def _first_connection(
    addresses: Sequence[str], port: int
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    problem = OSError("no address")
    for address in addresses:
        try:
            return await asyncio.open_connection(address, port)
        except OSError as error:
            problem = error
    raise problem


async def _send(
    place: Wanted, reader: asyncio.StreamReader, server: asyncio.StreamWriter, moved: Callable[[int], None]
) -> None:
    """Pass on all that comes through a tunnel, but of a plain request its own body alone; what follows is let go of."""
    if place.forwarded:
        async for piece in body_of(reader, place.body_bytes):
            moved(len(piece))
            server.write(piece)
            await server.drain()
        while await reader.read(CHUNK_BYTES):
            pass
    else:
        await _pump(reader, server, moved)


async def _pump(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, moved: Callable[[int], None]
) -> None:
    """Move bytes one way until they end, then say so to the other side."""
    while chunk := await reader.read(CHUNK_BYTES):
        moved(len(chunk))
        writer.write(chunk)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()


async def _until_answered(up: "asyncio.Future[None]", down: "asyncio.Future[None]") -> None:
    """Wait for the end of the answer; the request may end long before, but its failure ends both."""
    try:
        await asyncio.wait((up, down), return_when=asyncio.FIRST_COMPLETED)
        if not down.done():
            up.result()
        await down
    finally:
        for one in (up, down):
            one.cancel()
        await asyncio.gather(up, down, return_exceptions=True)


async def _hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Say at once that nothing more comes, and let go of what the program still sends.

    To close over bytes that nobody read would break the connection, and with it what the other side has not read yet.
    """
    with contextlib.suppress(OSError, TimeoutError):
        writer.write_eof()
        async with asyncio.timeout(HANG_UP_S):
            while await reader.read(CHUNK_BYTES):
                pass


async def _answer(writer: asyncio.StreamWriter, ended: _Ended) -> None:
    """Tell the program why it gets nothing."""
    body = f"{ended.why}\n".encode("ascii", "backslashreplace")
    head = f"HTTP/1.1 {ended.status}\r\nContent-Type: text/plain\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    with contextlib.suppress(OSError):
        writer.write(head.encode("ascii") + body)
        await writer.drain()
