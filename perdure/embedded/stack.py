"""The whole one-machine stack: started with one call, found by other processes, gone with its owner."""

import asyncio
import os
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from perdure.contracts.errors import ConfigurationError
from perdure.embedded.chroma import Chroma
from perdure.embedded.component import Component, Health, ProcessFacts
from perdure.embedded.given import GivenPostgres, GivenTemporal, given_chroma, given_valkey
from perdure.embedded.home import Home
from perdure.embedded.postgres import Postgres, PostgresSettings
from perdure.embedded.record import Addresses, read_record, record_of, write_record
from perdure.embedded.temporal import Temporal, TemporalSettings
from perdure.embedded.troubles import disk_health, explain_os_error
from perdure.embedded.valkey import Valkey, ValkeySettings

FREE_BYTES = 256 * 2**20
"""An empty stack needs about 60 MiB; the rest is room to work and to shut down cleanly."""
PREDECESSOR_TIMEOUT_S = 45.0
"""How long the servers of an owner that was killed may take to shut down."""
POLL_S = 0.05


@dataclass(frozen=True)
class Surroundings:
    """What a further component is made from."""

    addresses: Addresses
    folder: Path
    """The home folder."""
    logs: Path
    keep: tuple[int, ...]
    """Descriptors that its processes keep open, so that the home stays locked until all of them have ended."""


Extra = Callable[[Surroundings], Component]
"""Makes a further component, such as a worker, once the servers run."""


@runtime_checkable
class Restarting(Protocol):
    """A component that is started again by itself and can tell of it."""

    def on_restart(self, notify: Callable[[], None]) -> None:
        """Call this after each start that follows a death."""
        ...


class Stack:
    """Temporal, PostgreSQL, Valkey and Chroma on one machine, and whatever the caller adds."""

    def __init__(
        self,
        home: Path,
        *,
        temporal: TemporalSettings | None = None,
        postgres: PostgresSettings | None = None,
        valkey: ValkeySettings | None = None,
        chroma_port: int = 0,
        database_url: str | None = None,
        redis_url: str | None = None,
        chroma_url: str | None = None,
        without: Collection[str] = (),
        extra: Sequence[Extra] = (),
        runtime: Path = Path("/tmp"),
        minimum_free_bytes: int = FREE_BYTES,
    ) -> None:
        """With a URL or ``temporal.address`` that server is used and none of ours is started.

        ``without`` names parts to leave out: ``valkey``, ``chroma``. Everything works without them, some of it slower.
        ``extra`` components are started in order after the servers and stopped before them. ``runtime`` takes the
        folder for sockets where the home's own path is too long.
        """
        self._home = Home(home, runtime=runtime)
        self._temporal_settings = temporal if temporal is not None else TemporalSettings()
        self._postgres_settings = postgres if postgres is not None else PostgresSettings()
        self._valkey_settings = valkey
        self._chroma_port = chroma_port
        self._database_url = database_url
        self._redis_url = redis_url
        self._chroma_url = chroma_url
        self._without = frozenset(without)
        self._servers = 0
        self._extra = tuple(extra)
        self._minimum_free_bytes = minimum_free_bytes
        self._lock: int | None = None
        self._components: list[Component] = []
        self._addresses: Addresses | None = None

    @property
    def components(self) -> tuple[Component, ...]:
        """The components in the order of their start, none while the stack does not run."""
        return tuple(self._components)

    @property
    def addresses(self) -> Addresses:
        """Where everything is; raises ConfigurationError before the start."""
        if self._addresses is None:
            raise ConfigurationError("The embedded stack does not run.", "start it first.")
        return self._addresses

    async def start(self) -> Addresses:
        """Start everything; what had started is stopped again when something cannot be."""
        if self._addresses is not None:
            return self._addresses
        try:
            self._home.prepare(minimum_free_bytes=self._minimum_free_bytes)
            self._lock = await self._take_lock()
            self._home.record.unlink(missing_ok=True)
            await self._start_servers()
            for make in self._extra:
                await self.add(make)
            self._write_record()
        except OSError as error:
            await self.stop()
            raise explain_os_error(error) from error
        except BaseException:
            # Cancellation included: a half-started stack would hold ports and the lock.
            await self.stop()
            raise
        return self.addresses

    async def add(self, make: Extra) -> Component:
        """Start a further component; it is stopped with the stack, before the servers."""
        surroundings = Surroundings(self.addresses, self._home.folder, self._home.logs, self._kept())
        component = make(surroundings)
        if component.name in {each.name for each in self._components}:
            raise ConfigurationError(
                f"The stack already has a component {component.name!r}.", "name it differently."
            )
        self._components.append(component)
        self._follow(component)
        try:
            await component.start()
        except BaseException:
            # Cancellation included: what did not start is no part of the stack.
            await component.stop()
            self._components.remove(component)
            raise
        if component.address:
            others = {**self.addresses.others, component.name: component.address}
            self._addresses = self.addresses.model_copy(update={"others": others})
        self._write_record()
        return component

    async def stop(self) -> None:
        """Stop everything in reverse order and free the home folder."""
        servers, further = self._components[: self._servers], self._components[self._servers :]
        try:
            for component in reversed(further):
                await component.stop()
        finally:
            try:
                await asyncio.gather(*(component.stop() for component in servers))
            finally:
                self._components = []
                self._addresses = None
                self._release()

    async def health(self) -> list[Health]:
        """How every component is, in the order of their start, and then the disk under them."""
        components = await asyncio.gather(*(component.health() for component in self._components))
        return [*components, disk_health(self._home.folder, self._minimum_free_bytes)]

    async def _start_servers(self) -> None:
        postgres = self._postgres()
        temporal = self._temporal()
        stores = [store for store in (self._valkey(), self._chroma()) if store.name not in self._without]
        self._components = [postgres, temporal, *stores]
        self._servers = len(self._components)
        for component in self._components:
            self._follow(component)
        # All are awaited to their end before any failure is raised, so that stopping finds what really runs.
        starting = [component.start() for component in self._components]
        outcomes = await asyncio.gather(*starting, return_exceptions=True)
        for outcome in outcomes:
            if outcome is not None:
                raise outcome
        self._addresses = Addresses(
            temporal=temporal.address,
            namespace=self._temporal_settings.namespace,
            web_ui=temporal.web_ui if isinstance(temporal, Temporal) else "",
            database_url=postgres.address,
            others={store.name: store.address for store in stores},
        )

    def _postgres(self) -> Postgres | GivenPostgres:
        if self._database_url is not None:
            return GivenPostgres(self._database_url)
        return Postgres(
            self._home.folder / "postgres",
            sockets=self._home.sockets(),
            log=self._home.logs / "postgres.log",
            settings=self._postgres_settings,
            keep=self._kept(),
        )

    def _valkey(self) -> Component:
        if self._redis_url is not None:
            return given_valkey(self._redis_url)
        return Valkey(
            self._home.folder / "valkey",
            sockets=self._home.sockets(),
            log=self._home.logs / "valkey.log",
            settings=self._valkey_settings,
            keep=self._kept(),
        )

    def _chroma(self) -> Component:
        if self._chroma_url is not None:
            return given_chroma(self._chroma_url)
        return Chroma(
            self._home.folder / "chroma",
            log=self._home.logs / "chroma.log",
            port=self._chroma_port,
            keep=self._kept(),
        )

    def _temporal(self) -> Temporal | GivenTemporal:
        if self._temporal_settings.address is not None:
            return GivenTemporal(self._temporal_settings.address)
        return Temporal(
            self._home.folder / "temporal",
            log=self._home.logs / "temporal.log",
            settings=self._temporal_settings,
            keep=self._kept(),
        )

    def _follow(self, component: Component) -> None:
        if isinstance(component, Restarting):
            component.on_restart(self._write_record)

    def _write_record(self) -> None:
        if self._addresses is None:
            return
        processes: list[ProcessFacts] = [
            process for component in self._components for process in component.processes
        ]
        write_record(
            self._home.record, record_of(owner=os.getpid(), addresses=self._addresses, processes=processes)
        )

    def _kept(self) -> tuple[int, ...]:
        return (self._lock,) if self._lock is not None else ()

    async def _take_lock(self) -> int:
        """The home's lock; waits for the servers of an owner that was killed, refuses beside one that lives."""
        deadline = time.monotonic() + PREDECESSOR_TIMEOUT_S
        while (descriptor := self._home.try_lock()) is None:
            record = read_record(self._home.record)
            if record is not None and record.owner_lives:
                raise ConfigurationError(
                    f"A stack already runs on {str(self._home.folder)!r}: process {record.owner.pid} owns it, and its "
                    f"Temporal server is at {record.addresses.temporal}.",
                    f"use that one, stop it ('kill {record.owner.pid}'), or set PERDURE_HOME to another folder.",
                )
            if time.monotonic() > deadline:
                left = ", ".join(f"{each.component} {each.pid}" for each in record.living) if record else ""
                raise ConfigurationError(
                    f"The folder {str(self._home.folder)!r} is still in use by processes of an earlier stack"
                    f"{f' ({left})' if left else ''}.",
                    "wait for them to end or stop them, then start again.",
                )
            await asyncio.sleep(POLL_S)
        return descriptor

    def _release(self) -> None:
        if self._lock is None:
            return
        self._home.record.unlink(missing_ok=True)
        self._home.remove_sockets()
        os.close(self._lock)
        self._lock = None
