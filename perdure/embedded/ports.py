"""TCP ports on loopback: free ones, taken ones, and who holds them."""

import asyncio
import contextlib
import errno
import socket
from collections.abc import Iterator
from pathlib import Path

from perdure.contracts.errors import ConfigurationError
from perdure.embedded.process import program_name

LOOPBACK = "127.0.0.1"
LISTENING = "0A"
"""The kernel's number of the state in its table of connections."""


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def chosen_port(port: int, *, what: str, setting: str) -> int:
    """The port itself where it is free, any free one for 0; raises ConfigurationError naming who holds a taken one."""
    if port == 0:
        return free_port()
    with socket.socket() as probe:
        # Servers set it too: connections that still wait for their end do not count as holders.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError as error:
            raise _unusable(port, what, setting, error) from error
    return port


def _unusable(port: int, what: str, setting: str, error: OSError) -> ConfigurationError:
    if error.errno == errno.EADDRINUSE:
        return ConfigurationError(
            f"Port {port} for {what} is taken{holder_of(port)}.",
            f"stop that program, or set {setting} to another port (0 takes any free one).",
        )
    return ConfigurationError(
        f"Port {port} for {what} cannot be used: {error.strerror}.",
        f"set {setting} to another port (0 takes any free one).",
    )


def holder_of(port: int) -> str:
    """`` by process 12 ('temporal')``, or nothing where the holder cannot be seen."""
    sockets = {f"socket:[{inode}]" for inode in _listening_inodes(port)}
    for process in Path("/proc").iterdir():
        if not process.name.isdigit():
            continue
        # Processes of other users and processes that end meanwhile cannot be looked into.
        with contextlib.suppress(OSError):
            for descriptor in (process / "fd").iterdir():
                if str(descriptor.readlink()) in sockets:
                    return f" by process {process.name} ({program_name(int(process.name))!r})"
    return ""


def _listening_inodes(port: int) -> Iterator[str]:
    for table in ("tcp", "tcp6"):
        with contextlib.suppress(FileNotFoundError):
            for line in Path("/proc/net", table).read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] == LISTENING and int(fields[1].rpartition(":")[2], 16) == port:
                    yield fields[9]


async def answers(address: str, timeout_s: float = 2.0) -> bool:
    """Whether something accepts connections at ``host:port``."""
    host, _, port = address.rpartition(":")
    try:
        _, writer = await asyncio.wait_for(asyncio.open_connection(host.strip("[]"), int(port)), timeout_s)
    except (OSError, TimeoutError):
        return False
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return True
