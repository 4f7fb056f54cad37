"""The server of ``mcp_server.py`` as tests name it: by its program, and by an address while it runs there."""

import asyncio
import contextlib
import json
import socket
import sys
from collections.abc import AsyncGenerator, Mapping
from pathlib import Path
from typing import Any

SERVER = Path(__file__).with_name("mcp_server.py")


def program(folder: Path) -> dict[str, Any]:
    """The entry of a server that is started."""
    return {"command": sys.executable, "args": [str(SERVER), str(folder)]}


def write_servers(folder: Path, **servers: Mapping[str, Any]) -> Path:
    """The file that names them."""
    file = folder / "servers.json"
    file.write_text(json.dumps({"mcpServers": servers}))
    return file


def lines_of(folder: Path, name: str) -> int:
    """How often the server noted something."""
    file = folder / name
    return len(file.read_text().splitlines()) if file.exists() else 0


@contextlib.asynccontextmanager
async def serving(folder: Path, *, port: int = 0) -> AsyncGenerator[str]:
    """The server at an address of this machine, until the end."""
    if not port:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = int(free.getsockname()[1])
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(SERVER),
        str(folder),
        str(port),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(60):
            while True:
                with contextlib.suppress(ConnectionRefusedError):
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                    writer.close()
                    await writer.wait_closed()
                    break
                await asyncio.sleep(0.05)
        yield f"http://127.0.0.1:{port}/mcp"
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
