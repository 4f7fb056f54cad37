"""All MCP servers: asked for their tools when the worker starts, there while it runs, ended with it."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Collection, Mapping
from pathlib import Path
from typing import Any

from perdure.contracts.errors import ConfigurationError
from perdure.safety.bubblewrap import SYSTEM_PATH, Bubblewrap
from tools.mcp_servers.configuration import ServerSettings, read_servers
from tools.mcp_servers.connection import START_S, Connection, Unreachable
from tools.mcp_servers.known_tools import KnownTools
from tools.mcp_servers.offered_tools import tools_of
from tools.mcp_servers.program import ServerProgram
from tools.tool_schemas import Tool

PASSED_ON = ("PATH", "LANG", "TZ", "TMPDIR")
"""All that a server's program gets of the worker's environment."""
WAIT_S = 25.0
"""The longest that servers may keep a worker from starting."""


@contextlib.asynccontextmanager
async def mcp_tools(
    file: Path | None,
    *,
    home: Path,
    environment: Mapping[str, str],
    taken: Collection[str],
    start_s: float = START_S,
) -> AsyncGenerator[tuple[list[Tool[Any]], list[str]]]:
    """The tools of all servers that the file names, and a sentence for each server and tool that is left out."""
    try:
        servers, problems = await asyncio.to_thread(read_servers, file)
        known = await asyncio.to_thread(KnownTools, home / "mcp")
    except ConfigurationError as error:
        yield [], [str(error)]
        return
    connections = [_connection(name, one, home, environment, start_s) for name, one in servers.items()]
    try:
        found: dict[str, Tool[Any]] = {}
        offered = await asyncio.gather(*(_offered_by(each, known) for each in connections))
        if connections:
            await asyncio.to_thread(known.save)
        for connection, (tools, troubles) in zip(connections, offered, strict=True):
            problems += troubles
            for one in tools:
                if one.name in taken or one.name in found:
                    problems.append(
                        f"The tool {one.name!r} of the MCP server {connection.name!r} is left out: the name is taken."
                    )
                else:
                    found[one.name] = one
        yield list(found.values()), problems
    finally:
        await asyncio.gather(*(connection.close() for connection in connections))


def _connection(
    name: str, settings: ServerSettings, home: Path, environment: Mapping[str, str], start_s: float
) -> Connection:
    if not settings.command:
        return Connection(name, settings, None, start_s=start_s)
    # A home of its own: the worker's holds credentials of Git, npm and others.
    folder = home / "mcp" / name
    variables = {
        "PATH": SYSTEM_PATH,
        **{each: environment[each] for each in PASSED_ON if each in environment},
    }
    variables |= {"HOME": str(folder), **settings.env}

    def program() -> ServerProgram:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return ServerProgram(
            [settings.command, *settings.args],
            environment=variables,
            folder=settings.cwd or folder,
            memory_mb=settings.memory_mb,
            bubblewrap=Bubblewrap.find(SYSTEM_PATH),
        )

    return Connection(name, settings, program, start_s=start_s)


async def _offered_by(connection: Connection, known: KnownTools) -> tuple[list[Tool[Any]], list[str]]:
    try:
        async with asyncio.timeout(WAIT_S):
            offered = await connection.tools()
    except TimeoutError:
        await connection.close()
        why = f"did not list its tools within {WAIT_S:g} s"
    except Unreachable as error:
        await connection.close()
        why = str(error)
    else:
        return tools_of(connection, offered, known)
    return [], [f"The MCP server {connection.name!r} is left out, because it {why}."]
