"""What the embedded servers have in common: one supervised program each, made anew at every start."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path

from perdure.embedded.component import Health, ProcessFacts
from perdure.embedded.supervised import ProcessComponent


class EmbeddedServer(ABC):
    """A server of ours as a component of the stack."""

    def __init__(self, name: str, folder: Path, *, log: Path, keep: Sequence[int]) -> None:
        """``folder`` takes its data; descriptors in ``keep`` stay open for as long as it runs."""
        self._name = name
        self._folder = folder
        self._log = log
        self._keep = tuple(keep)
        self._server: ProcessComponent | None = None
        self._on_restart: Callable[[], None] | None = None

    @property
    def name(self) -> str:
        """The component's name."""
        return self._name

    @property
    @abstractmethod
    def address(self) -> str:
        """Where it is reached."""

    @property
    def processes(self) -> tuple[ProcessFacts, ...]:
        """The server and its guard, while they run."""
        return self._server.processes if self._server is not None else ()

    @property
    def pid(self) -> int:
        """The server's process id, 0 while it does not run."""
        return self._server.pid if self._server is not None else 0

    def on_restart(self, notify: Callable[[], None]) -> None:
        """Call this after each start that follows a death."""
        self._on_restart = notify

    async def start(self) -> None:
        """Run the server on its data until ``stop``; raises ConfigurationError with what to do when it cannot be."""
        if self._server is not None:
            return
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._log.parent.mkdir(parents=True, exist_ok=True)
        server = await self._make()
        if self._on_restart is not None:
            server.on_restart(self._on_restart)
        self._server = server
        try:
            await self._bring_up(server)
        except BaseException:
            # Cancellation included: what did not start whole must not count as started.
            await self.stop()
            raise

    async def stop(self) -> None:
        """Stop the server; what it holds stays in its folder."""
        if self._server is not None:
            await self._server.stop()
            self._server = None

    async def health(self) -> Health:
        """Whether it answers, its version, and what else people should know of it."""
        if self._server is None:
            return Health(self._name, False, "does not run", address=self.address)
        health = await self._server.health()
        version = await self._version() if health.ok else ""
        return Health(self._name, health.ok, health.detail + self._remark(), version, self.address)

    @abstractmethod
    async def _make(self) -> ProcessComponent:
        """Find or prepare what the server needs, and give the program that is to run."""

    async def _bring_up(self, server: ProcessComponent) -> None:
        """Start the program and make it fit for use."""
        await server.start()

    @abstractmethod
    async def _version(self) -> str:
        """The version of the server that runs, empty where it does not tell."""

    def _remark(self) -> str:
        """What is added to its health."""
        return ""
