"""Doing harm to an installation: to its workers, their workspaces, its servers, a disk and a clock."""

import asyncio
import contextlib
import os
import shutil
import tempfile
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.faults.installation import Installation
from tests.faults.seeds.clock import Clock
from tests.faults.seeds.faults import CLOCK, SERVERS, Fault, Kind
from tests.faults.worker_process import WorkerProcess

SMALL_DISK = Path(__file__).parents[1] / "small_disk.sh"
HEALTH_EVERY_S = 0.05
DISK_FILLS_WITHIN_S = 10.0


@dataclass
class Harm:
    """The workers of one run and what may be done to them. One thing at a time."""

    at: Installation
    settings: dict[str, object]
    kinds: frozenset[Kind]
    """Everything that will be done, since some of it must be prepared before a worker starts."""
    clock: Clock | None = None
    alive: list[WorkerProcess] = field(default_factory=list[WorkerProcess])
    frozen: list[WorkerProcess] = field(default_factory=list[WorkerProcess])
    host: str = "host"
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    _hosts: int = 1
    _over: bool = False

    async def start_worker(self) -> WorkerProcess:
        """A worker on the present host."""
        self.at.before = self._before()
        worker = self.at.worker(self.host, self.settings)
        if self.clock is not None:
            worker.environment = {**worker.environment, **self.clock.variables}
        await worker.start()
        self.alive.append(worker)
        return worker

    async def do(self, fault: Fault, told: Callable[[], None]) -> None:
        """Do what the fault says, and mend what does not mend itself; ``told`` is called at the very moment."""
        async with self._turn:
            if self._over:
                return
            told()
            await self._ways(fault)

    async def finished(self, aimed: Sequence[asyncio.Task[None]]) -> None:
        """Give up what has not begun; what is under way is brought to its end, so that everything runs again."""
        self._over = True
        async with self._turn:
            for task in aimed:
                task.cancel()
        await asyncio.gather(*aimed, return_exceptions=True)

    def _ways(self, fault: Fault) -> Coroutine[Any, Any, None]:
        if fault.kind in SERVERS:
            return self._kill_server(SERVERS[fault.kind])
        if fault.kind in CLOCK:
            return self._jump(3_600 if fault.kind is Kind.CLOCK_FORWARD else -3_600)
        ways: dict[Kind, Callable[[Fault], Coroutine[Any, Any, None]]] = {
            Kind.KILL: self._kill_and_start,
            Kind.KILL_LATE: self._kill_late,
            Kind.MOVE: self._move,
            Kind.FREEZE: self._freeze,
            Kind.FREEZE_STAND_IN: self._freeze_and_replace,
            Kind.FOLDER: self._delete_folder,
            Kind.FILES: self._delete_files,
            Kind.DISK: self._fill,
        }
        return ways[fault.kind](fault)

    # Workers

    async def kill(self) -> None:
        """SIGKILL for every worker, also the frozen ones."""
        workers, self.alive, self.frozen = [*self.alive, *self.frozen], [], []
        for worker in workers:
            await worker.kill()

    async def _kill_and_start(self, fault: Fault) -> None:
        await self.kill()
        await self.start_worker()

    async def _kill_late(self, fault: Fault) -> None:
        await self.kill()
        await asyncio.sleep(fault.holds_s)
        await self.start_worker()

    async def _move(self, fault: Fault) -> None:
        await self.kill()
        for workspaces in self.at.folder.glob("host*/workspaces"):
            shutil.rmtree(workspaces)
        self._hosts += 1
        self.host = f"host-{self._hosts}"
        await self.start_worker()

    async def _freeze(self, fault: Fault) -> None:
        self._stop_time()
        await asyncio.sleep(fault.holds_s)
        self.wake()

    async def _freeze_and_replace(self, fault: Fault) -> None:
        self._stop_time()
        if fault.part < 0.5:
            self._hosts += 1
            self.host = f"host-{self._hosts}"
        await self.start_worker()
        await asyncio.sleep(fault.holds_s)
        self.wake()

    def _stop_time(self) -> None:
        for worker in self.alive:
            worker.freeze()
        self.frozen += self.alive
        self.alive = []

    def wake(self) -> None:
        """SIGCONT for every frozen worker."""
        for worker in self.frozen:
            worker.wake()
        self.alive, self.frozen = [*self.frozen, *self.alive], []

    def ended(self) -> list[str]:
        """The ends of the logs of workers that ended without being killed."""
        return [worker.written()[-2_000:] for worker in self.alive if not worker.running]

    # Workspaces

    async def _delete_folder(self, fault: Fault) -> None:
        self._delete(self._folders("*/workspace.json", up=1))

    async def _delete_files(self, fault: Fault) -> None:
        self._delete(self._folders("*/*/tree"))

    def _folders(self, pattern: str, *, up: int = 0) -> list[Path]:
        found: list[Path] = []
        for worker in [*self.alive, *self.frozen]:
            # A small disk is seen by its worker alone.
            root = Path(f"/proc/{worker.pid}/root") if Kind.DISK in self.kinds else Path("/")
            home = Path(worker.environment["PERDURE_HOME"])
            workspaces = root / home.relative_to("/") / "workspaces"
            found += [[path, *path.parents][up] for path in workspaces.glob(pattern)]
        return sorted(set(found))

    def _delete(self, folders: Sequence[Path]) -> None:
        for folder in folders:
            # Gone at once, as a disk that is lost, and not file by file.
            gone = folder.with_name(f".gone-{os.urandom(4).hex()}")
            with contextlib.suppress(FileNotFoundError):
                folder.rename(gone)
                shutil.rmtree(gone, ignore_errors=True)

    # Servers, disk, clock

    async def _kill_server(self, name: str) -> None:
        servers = self.at.servers
        servers.kill(name)
        # Another process starts it again.
        while not all(each.ok for each in await servers.health()):  # noqa: ASYNC110
            await asyncio.sleep(HEALTH_EVERY_S)

    async def _fill(self, fault: Fault) -> None:
        switch = self._switch
        switch.touch()
        full = switch.with_name(f"{switch.name}.full")
        try:
            async with asyncio.timeout(DISK_FILLS_WITHIN_S):
                # Another process fills it.
                while not full.exists():  # noqa: ASYNC110
                    await asyncio.sleep(0.02)
            await asyncio.sleep(fault.holds_s / 2)
        finally:
            switch.unlink()

    @property
    def _switch(self) -> Path:
        return self.at.home(self.host) / "full"

    def _before(self) -> Sequence[str]:
        if Kind.DISK not in self.kinds:
            return ()
        home = self.at.home(self.host)
        home.mkdir(exist_ok=True, mode=0o700)
        return (str(SMALL_DISK), str(home / "workspaces"), str(self._switch))

    async def _jump(self, seconds: int) -> None:
        assert self.clock is not None, "the clock was prepared with the worker"
        self.clock.jump(seconds)


def new_folder(parent: Path, seed: int) -> Path:
    """A folder for one run, with a name that no other has."""
    return Path(tempfile.mkdtemp(dir=parent, prefix=f"seed-{seed}-"))
