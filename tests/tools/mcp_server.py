"""A real MCP server for tests: ``python mcp_server.py FOLDER`` on standard input and output, with a port over HTTP."""

import asyncio
import base64
import os
import sys
from pathlib import Path

from mcp.server.mcpserver import Image, MCPServer

FOLDER = Path(sys.argv[1])
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)
server = MCPServer("things")


def note(name: str) -> int:
    """Add a line to a file, so that tests see what happened; gives how many there are."""
    with (FOLDER / name).open("a") as file:
        file.write(f"{os.getpid()}\n")
    return len((FOLDER / name).read_text().splitlines())


@server.tool()
def count_words(text: str, least: int = 1) -> str:
    """Count the words of a text."""
    return f"{len([word for word in text.split() if len(word) >= least])} words counted by the server"


@server.tool()
def record(what: str) -> dict[str, object]:
    """Write a line somewhere else, which cannot be taken back."""
    return {"recorded": what, "lines": note("recorded")}


@server.tool()
def draw() -> Image:
    """A picture."""
    return Image(data=PIXEL, format="png")


@server.tool()
def fail() -> str:
    """Always fails."""
    raise ValueError("the thing is broken")


@server.tool()
def environment() -> str:
    """The names of the environment's variables, and the processes that it sees."""
    seen = [name for name in os.listdir("/proc") if name.isdigit()]  # noqa: PTH208 (numbers only)
    return f"{' '.join(sorted(os.environ))} | {len(seen)} processes"


@server.tool()
def die(after_recording: bool = False) -> str:
    """Ends the server before it answers."""
    if after_recording:
        note("recorded")
    os._exit(3)


@server.tool()
async def wait(name: str = "waiting") -> str:
    """Never answers."""
    note(name)
    await asyncio.sleep(3600)
    return "late"


@server.tool()
def hold(mebibytes: int) -> str:
    """Takes memory."""
    return f"held {len(b'x' * (mebibytes << 20)) >> 20} MiB"


@server.tool()
async def spread(mebibytes: int, processes: int) -> str:
    """Takes memory in processes of its own, for a minute."""
    program = f"held = b'x' * ({mebibytes} << 20); import time; time.sleep(60)"
    started = [await asyncio.create_subprocess_exec(sys.executable, "-c", program) for _ in range(processes)]
    await asyncio.gather(*(each.wait() for each in started))
    return "spread"


@server.tool()
def flood(characters: int) -> str:
    """Answers with much."""
    return "x" * characters


if __name__ == "__main__":
    note("started")
    if len(sys.argv) > 2:
        server.run("streamable-http", port=int(sys.argv[2]))
    else:
        server.run("stdio")
