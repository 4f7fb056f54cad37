"""One MCP server: connected when it is needed, again after it ended, and ended with the worker."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Any, cast

import anyio
import httpx2
from mcp.client._transport import TransportStreams
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError
from mcp_types import CONNECTION_CLOSED, INTERNAL_ERROR, REQUEST_TIMEOUT, CallToolResult, Implementation, Tool
from pydantic import ValidationError

from perdure.contracts.errors import ConfigurationError
from perdure.safety.secrets.cutting import beginning
from tools.mcp_servers.configuration import ServerSettings
from tools.mcp_servers.program import MESSAGE_BYTES, ServerProgram

logger = logging.getLogger("perdure.mcp")

START_S = 15.0
"""What a server has to come up, and for each page of its list of tools."""
CLOSE_S = 10.0
MOST_TOOLS = 200
MOST_PAGES = 20
UNANSWERED = frozenset({CONNECTION_CLOSED, REQUEST_TIMEOUT, INTERNAL_ERROR})
"""Codes after which nobody knows whether the call was carried out."""


class Unreachable(Exception):
    """There is no connection, so nothing was sent."""


class Unanswered(Exception):
    """The call was sent and no answer came."""


class BadAnswer(Exception):
    """The server answered with an error of the protocol, or with what is no answer."""


class Connection:
    """Holds the connection in a task of its own, since what opens it must be what closes it."""

    def __init__(
        self,
        name: str,
        settings: ServerSettings,
        program: Callable[[], ServerProgram] | None,
        *,
        start_s: float = START_S,
    ) -> None:
        self.name, self.settings = name, settings
        self._make_program = program
        self._start_s = start_s
        self._program: ServerProgram | None = None
        self._client: Client | None = None
        self._holder: asyncio.Task[None] | None = None
        self._stop = asyncio.Event()
        self._starting = asyncio.Lock()

    async def tools(self) -> list[Tool]:
        """What the server offers, the first ones where there are very many; Unreachable where it cannot be asked."""
        found: list[Tool] = []
        cursor: str | None = None
        client = await self._connected()
        for _ in range(MOST_PAGES):
            page = await self._asked(client, cursor)
            found += page.tools
            cursor = page.next_cursor
            if not cursor or len(found) >= MOST_TOOLS:
                break
        return found[:MOST_TOOLS]

    async def _asked(self, client: Client, cursor: str | None) -> Any:
        try:
            async with asyncio.timeout(self._start_s):
                return await client.list_tools(cursor=cursor, cache_mode="refresh")
        except TimeoutError as error:
            raise Unreachable(f"did not list its tools within {self._start_s:g} s") from error
        except (MCPError, ValidationError, anyio.ClosedResourceError, anyio.BrokenResourceError) as error:
            raise Unreachable(f"did not list its tools: {error}") from error

    async def call(self, tool: str, arguments: dict[str, Any]) -> CallToolResult:
        """Call a tool once. A server that ended before is started again; the call itself is never sent twice."""
        client = await self._answering()
        limit_s = self.settings.timeout_s
        try:
            async with asyncio.timeout(limit_s):
                return await client.call_tool(tool, arguments, read_timeout_seconds=limit_s)
        except TimeoutError as error:
            raise Unanswered(f"did not answer within {limit_s:g} s") from error
        except MCPError as error:
            if error.code not in UNANSWERED:
                raise BadAnswer(error.message) from error
            await self.close()
            why = self._program.trouble if self._program is not None else ""
            raise Unanswered(f"ended or failed before it answered ({why or error.message})") from error
        except (anyio.ClosedResourceError, anyio.BrokenResourceError) as error:
            await self.close()
            raise Unanswered("ended before it answered") from error
        except (ValidationError, RuntimeError) as error:
            raise BadAnswer(
                f"the answer is not of the form that the protocol or the tool asks for: {error}"
            ) from error

    async def close(self) -> None:
        """End the connection, and the program where it is one of ours."""
        holder, self._holder = self._holder, None
        client, self._client = self._client, None
        self._stop.set()
        if holder is not None:
            # One that is still coming up looks at nothing but its server.
            await asyncio.wait([holder], timeout=0 if client is None else CLOSE_S)
            holder.cancel()
            await asyncio.gather(holder, return_exceptions=True)

    async def _answering(self) -> Client:
        """A client whose server is there: one at an address may have been started anew and have forgotten us."""
        client = await self._connected()
        if self._make_program is None:
            try:
                await self._asked(client, None)
            except Unreachable:
                await self.close()
                client = await self._connected()
        return client

    async def _connected(self) -> Client:
        async with self._starting:
            if self._client is None or self._holder is None or self._holder.done():
                self._client = None
                self._stop = asyncio.Event()
                ready: asyncio.Future[Client] = asyncio.get_running_loop().create_future()
                self._holder = asyncio.create_task(self._hold(ready, self._stop))
                try:
                    async with asyncio.timeout(self._start_s):
                        self._client = await ready
                except TimeoutError as error:
                    await self.close()
                    raise Unreachable(f"did not come up within {self._start_s:g} s") from error
            return self._client

    async def _hold(self, ready: "asyncio.Future[Client]", stop: asyncio.Event) -> None:
        """Open, hand over, wait until nobody needs it or it ended, close."""
        program = self._program = self._make_program() if self._make_program else None
        opened = program.open() if program else _at_address(self.settings)
        try:
            async with Client(opened, client_info=Implementation(name="perdure", version="1")) as client:
                if not ready.done():
                    ready.set_result(client)
                waiting = [asyncio.create_task(event.wait()) for event in _events(stop, program)]
                await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                for task in waiting:
                    task.cancel()
        # What a server sends can break its connection in any way, and groups of errors have no common class.
        except Exception as error:
            why = _reason(error, program)
            if ready.done():
                logger.warning("an MCP server ended", extra={"server": self.name, "reason": why})
            else:
                ready.set_exception(Unreachable(why))


def _first(error: BaseException) -> BaseException:
    """The error itself, or the first one of a group of groups."""
    if isinstance(error, BaseExceptionGroup):
        return _first(cast("BaseExceptionGroup[BaseException]", error).exceptions[0])
    return error


def _events(stop: asyncio.Event, program: ServerProgram | None) -> list[asyncio.Event]:
    return [stop] if program is None else [stop, program.ended]


def _reason(error: BaseException, program: ServerProgram | None) -> str:
    """Why there is no connection, in one sentence's end."""
    if program is not None and program.trouble:
        return program.trouble
    error = _first(error)
    if isinstance(error, ConfigurationError):
        return f"could not be started: {error.message.rstrip('.')}"
    said = f"; it said: {program.said!r}" if program is not None and program.said else ""
    return f"could not be connected ({type(error).__name__}: {beginning(str(error), 300)}){said}"


@contextlib.asynccontextmanager
async def _at_address(settings: ServerSettings) -> AsyncGenerator[TransportStreams]:
    """The streams of a server that runs elsewhere."""
    timeout = httpx2.Timeout(START_S, read=settings.timeout_s)
    async with (
        httpx2.AsyncClient(
            headers=settings.headers, timeout=timeout, event_hooks={"response": [_limited]}
        ) as http,
        streamable_http_client(settings.url, http_client=http, max_sse_event_size=MESSAGE_BYTES) as streams,
    ):
        yield streams


async def _limited(response: httpx2.Response) -> None:
    """Bound what is read of an answer; the library bounds each event of a stream of events."""
    if "text/event-stream" not in response.headers.get("content-type", ""):
        assert isinstance(response.stream, httpx2.AsyncByteStream)
        response.stream = _LimitedStream(response.stream)


class _LimitedStream(httpx2.AsyncByteStream):
    def __init__(self, inner: httpx2.AsyncByteStream) -> None:
        self._inner = inner

    async def __aiter__(self) -> AsyncIterator[bytes]:
        left = MESSAGE_BYTES
        async for chunk in self._inner:
            left -= len(chunk)
            if left < 0:
                raise httpx2.ReadError(f"The answer is longer than {MESSAGE_BYTES} bytes.")
            yield chunk

    async def aclose(self) -> None:
        await self._inner.aclose()
