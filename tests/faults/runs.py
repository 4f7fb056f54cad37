"""Runs the reference task once, with a worker in a process of its own that is killed on the way or not."""

import asyncio
import itertools
import secrets
import tempfile
import time
from collections.abc import Awaitable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from temporalio.client import Client

from perdure.llm.scripted.server import ScriptedServer
from tests.faults.errand import REQUEST, make_errand, make_script
from tests.faults.moments import Moment, Scene
from tests.faults.person import approving
from tests.faults.picture import Handle, Picture, read_work, repeated_questions, take_picture
from tests.faults.worker_process import WorkerProcess

THINKING_MS = 120
HEARTBEAT_S = 2
HOST_ANSWER_S = 3
ENDS_WITHIN_S = 180.0
MODEL_STEPS = ("plan", "decide", "reflect", "synthesize")

numbers = itertools.count(1)


@dataclass(frozen=True)
class Servers:
    """Where the servers are."""

    client: Client
    temporal: str
    database_url: str


@dataclass(frozen=True)
class Death:
    """The state at the moment of the kill."""

    moment: str
    pause_s: float
    event: int
    """Length of the history then."""
    running: tuple[str, ...]
    """The pieces of work that were open."""
    finished: frozenset[str]
    """The pieces of work that had completed."""


@dataclass
class Outcome:
    """What came of one run."""

    picture: Picture
    took_s: float
    death: Death | None = None
    resumed: str = ""
    """How the interrupted work went on."""
    repeated_questions: int = 0
    faults: list[str] = field(default_factory=list[str])


class Errand:
    """One run of the reference task with a home, a queue and a model server of its own."""

    def __init__(self, servers: Servers, folder: Path, models: ScriptedServer) -> None:
        self._servers = servers
        self._models = models
        self._queue = f"perdure-faults-{secrets.token_hex(4)}"
        self.home = folder / "home"
        self.repository, self.remote = make_errand(folder / "user")
        self.worker = WorkerProcess(self._environment(self.home), folder / "worker.log")

    def _environment(self, home: Path) -> dict[str, str]:
        return {
            "PERDURE_HOME": str(home),
            "PERDURE_DATABASE_URL": self._servers.database_url,
            "PERDURE_TASK_QUEUE": self._queue,
            "PERDURE_MODEL_SCRIPT": "played-by-the-test.json",
            "PERDURE_HEARTBEAT_S": str(HEARTBEAT_S),
            "PERDURE_HOST_ANSWER_S": str(HOST_ANSWER_S),
            "TEMPORAL_ADDRESS": self._servers.temporal,
            "TEMPORAL_NAMESPACE": self._servers.client.namespace,
            "GROQ_BASE_URL": self._models.url,
        }

    async def run(self, moment: Moment | None = None, *, pause_s: float = 0.0) -> Outcome:
        """Run the task to its end, killing the worker once at the moment."""
        await self.worker.start()
        await self.worker.ready()
        handle = await self._servers.client.start_workflow(
            "CodingTask",
            {"request": REQUEST, "repository": str(self.repository)},
            id=f"errand-{self._queue}",
            task_queue=self._queue,
        )
        began = time.monotonic()
        async with approving(handle), asyncio.timeout(ENDS_WITHIN_S):
            death = await self._interrupt(handle, moment, pause_s) if moment else None
            await handle.result()
        took_s = time.monotonic() - began
        await self.worker.stop()
        outcome = Outcome(await take_picture(handle, self._servers.database_url, self.remote), took_s, death)
        outcome.repeated_questions = repeated_questions(self._models.requests)
        await self._judge(outcome, handle)
        return outcome

    async def _interrupt(self, handle: Handle, moment: Moment, pause_s: float) -> Death | None:
        """None where the task had ended before the moment came."""
        scene = Scene(handle, self._servers.database_url, self.home, self.remote)
        if not await _first(moment.arrives(scene), handle.result()):
            return None
        await self.worker.kill()
        described = await handle.describe()
        work, _ = await read_work(handle)
        death = Death(
            moment=moment.name,
            pause_s=pause_s,
            event=described.history_length,
            running=tuple(each.name for each in work if each.completed is None),
            finished=frozenset(each.name for each in work if each.completed is not None),
        )
        await asyncio.sleep(pause_s)
        await self.worker.start()
        return death

    async def _judge(self, outcome: Outcome, handle: Handle) -> None:
        """What can be told without another run."""
        twice = [name for name, count in outcome.picture.finished.items() if count > 1]
        outcome.faults += [f"completed twice: {name}" for name in twice]
        death = outcome.death
        asking = death is not None and any(name.split(" ")[0] in MODEL_STEPS for name in death.running)
        if outcome.repeated_questions > int(asking):
            outcome.faults.append(f"the model was asked {outcome.repeated_questions} questions twice")
        if death is None:
            return
        work, _ = await read_work(handle)
        again = [each.name for each in work if each.scheduled > death.event and each.name in death.finished]
        outcome.faults += [f"scheduled again after it had completed: {name}" for name in again]
        later = [each for each in work if each.name in death.running and each.completed is not None]
        ways = [
            f"attempt {each.attempt}" if each.scheduled <= death.event else "a new dispatch" for each in later
        ]
        outcome.resumed = ", ".join(ways) or "between two steps"


async def _first(awaited: Awaitable[Any], other: Awaitable[Any]) -> bool:
    """Whether the first of the two was ready first; the one that was not is cancelled."""
    tasks = [asyncio.ensure_future(awaited), asyncio.ensure_future(other)]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        if tasks[0].done():
            tasks[0].result()
        return tasks[0].done()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def run_errand(
    servers: Servers, folder: Path, moment: Moment | None = None, *, pause_s: float = 0.0
) -> Outcome:
    """One run in a folder of its own, which is removed afterwards."""
    with tempfile.TemporaryDirectory(dir=folder, prefix=f"errand-{next(numbers)}-") as own:
        models = await ScriptedServer().start(make_script(delay_ms=THINKING_MS))
        errand = Errand(servers, Path(own), models)
        try:
            return await errand.run(moment, pause_s=pause_s)
        except (TimeoutError, AssertionError) as error:
            error.add_note(
                f"killed at: {moment.name if moment else 'never'}\n{errand.worker.written()[-4_000:]}"
            )
            raise
        finally:
            await errand.worker.stop()
            await models.stop()
