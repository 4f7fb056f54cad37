"""PostgreSQL as our own child process, reachable only through a socket in a private folder.

Only the wheel's binaries are used: its own launcher opens every parent folder to all users when it runs as root, and
leaves servers behind whose owner was killed.
"""

import os
import shutil
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from perdure.contracts.errors import ConfigurationError, StoreUnavailable
from perdure.embedded.database import connected
from perdure.embedded.postgres_binaries import PostgresBinaries, data_version, installed_binaries, pick
from perdure.embedded.process import Program, is_alive, program_name, start_process
from perdure.embedded.server import EmbeddedServer
from perdure.embedded.supervised import ProcessComponent, Restart, log_since
from perdure.embedded.troubles import explain_disk

NAME = "postgres"
USER = "perdure"
DATABASE = "perdure"
SOCKET_FILE = ".s.PGSQL.5432"
START_TIMEOUT_S = 60.0
"""Recovery after a crash may have much to replay."""


@dataclass(frozen=True)
class PostgresSettings:
    """How the embedded PostgreSQL runs."""

    durable: bool = True
    """False survives a killed server but not a power cut; right only for data that is thrown away."""
    max_connections: int = 100


class Postgres(EmbeddedServer):
    """The embedded PostgreSQL server as a component."""

    def __init__(
        self,
        folder: Path,
        *,
        sockets: Path,
        log: Path,
        settings: PostgresSettings | None = None,
        keep: Sequence[int] = (),
    ) -> None:
        """``folder`` takes the data; ``sockets`` is a private folder with a short path."""
        super().__init__(NAME, folder, log=log, keep=keep)
        self._data = folder / "data"
        self._sockets = sockets
        self._settings = settings if settings is not None else PostgresSettings()

    @property
    def address(self) -> str:
        """Database URL of the database for Perdure's own records."""
        return self.url(DATABASE)

    def url(self, database: str) -> str:
        """Database URL of one database of this server."""
        return f"postgresql://{USER}@/{database}?host={quote(str(self._sockets), safe='/')}"

    async def _make(self) -> ProcessComponent:
        require_ordinary_access(self._folder)
        version = data_version(self._data)
        binaries = pick(installed_binaries(), version)
        if version is None:
            await self._create_cluster(binaries)
        return self._component(binaries)

    async def _bring_up(self, server: ProcessComponent) -> None:
        await server.start()
        await self._create_database()

    async def _version(self) -> str:
        return await self._ask("SHOW server_version")

    def _component(self, binaries: PostgresBinaries) -> ProcessComponent:
        options = {
            "listen_addresses": "",
            "unix_socket_directories": str(self._sockets),
            "unix_socket_permissions": "0700",
            "max_connections": str(self._settings.max_connections),
            "log_destination": "stderr",
            "logging_collector": "off",
        }
        if not self._settings.durable:
            # Commits still wait for the write to the operating system, which outlives a killed server.
            options |= {"fsync": "off", "full_page_writes": "off"}
        arguments = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        return ProcessComponent(
            NAME,
            # An interrupt asks for the fast shutdown, a termination would wait for every session to end by itself.
            self._program([str(binaries.postgres), "-D", str(self._data), *arguments], signal.SIGINT),
            ready=self._answers,
            ready_timeout_s=START_TIMEOUT_S,
            address=self.address,
            restart=Restart(),
            keep=self._keep,
            explain=explain_disk,
            prepare=self._clear_stale_files,
        )

    def _program(self, argv: Sequence[str], stop_signal: int) -> Program:
        return Program(
            argv=argv,
            environment={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
            folder=self._folder,
            log=self._log,
            stop_signal=stop_signal,
            stop_timeout_s=20.0,
            user_namespace=os.geteuid() == 0,
        )

    async def _create_cluster(self, binaries: PostgresBinaries) -> None:
        """Made beside and renamed, so that a start that was cut short leaves nothing that looks like a cluster."""
        partial = self._folder / "data.partial"
        shutil.rmtree(partial, ignore_errors=True)
        argv = [
            str(binaries.initdb), "-D", str(partial), "-U", USER, "-A", "trust", "-E", "UTF8",
            *binaries.locale_arguments, "--no-instructions",
        ]  # fmt: skip
        if not self._settings.durable:
            argv.append("--no-sync")
        before = self._log.stat().st_size if self._log.exists() else 0
        process = await start_process(self._program(argv, signal.SIGTERM), keep=self._keep)
        try:
            code = await process.wait()
        finally:
            await process.stop()
        if code != 0:
            text = log_since(self._log, before)
            raise explain_disk(text) or ConfigurationError(
                f"PostgreSQL could not make its data folder {str(partial)!r}: {text.strip()[-800:]}",
                f"the whole log is {str(self._log)!r}.",
            )
        partial.rename(self._data)

    def _clear_stale_files(self) -> None:
        """Remove what a killed server left. PostgreSQL itself takes any process with the old id, even a zombie, for
        the old server and refuses to start; refused here is only a server that really runs on this data.
        """
        lock = self._data / "postmaster.pid"
        if lock.exists():
            first = (lock.read_text().split() or [""])[0]
            pid = int(first) if first.isdigit() else 0
            if is_alive(pid) and program_name(pid) == "postgres":
                raise ConfigurationError(
                    f"A PostgreSQL server that this stack did not start already uses {str(self._data)!r}: "
                    f"process {pid}.",
                    f"stop it, for example by 'kill -INT {pid}', and start again.",
                )
            lock.unlink()
        for name in (SOCKET_FILE, f"{SOCKET_FILE}.lock"):
            (self._sockets / name).unlink(missing_ok=True)

    async def _answers(self) -> bool:
        return bool(await self._ask("SELECT 1"))

    async def _ask(self, query: str) -> str:
        """The query's first value as text, or nothing where the server does not answer."""
        if not (self._sockets / SOCKET_FILE).exists():
            return ""
        try:
            async with connected(self.url("postgres")) as connection:
                return str(await connection.fetchval(query))
        except StoreUnavailable:
            return ""

    async def _create_database(self) -> None:
        async with connected(self.url("postgres")) as connection:
            if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", DATABASE):
                await connection.execute(f"CREATE DATABASE {DATABASE}")


def require_ordinary_access(folder: Path) -> None:
    """As root, the server keeps root's ownership but loses root's power to pass closed folders of other users."""
    if os.geteuid() != 0:
        return
    for part in (folder.resolve(), *folder.resolve().parents):
        status = part.stat()
        if status.st_uid != 0 and not status.st_mode & 0o001:
            raise ConfigurationError(
                f"PostgreSQL cannot reach {str(folder)!r}: {str(part)!r} belongs to another user and is closed to "
                "others, and the server runs without root's privileges.",
                "run as the user that owns the folder, or set PERDURE_HOME to a folder of root's own.",
            )
