"""Runs the reference task once, with a worker in a process of its own that is killed on the way or not."""

import asyncio
import itertools
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from temporalio.client import WorkflowExecutionStatus

from perdure.embedded.database import connected
from tests.faults.errand import make_script
from tests.faults.installation import Installation, Servers, installed
from tests.faults.moments import Moment, Scene
from tests.faults.person import approving
from tests.faults.picture import (
    Handle,
    Picture,
    comparable_prompt,
    read_work,
    repeated_questions,
    take_picture,
)

WORKER = "worker"
PRIMARY = ("temporal", "postgres")
SERVERS = (*PRIMARY, "valkey", "chroma")
THINKING_MS = 120
ENDS_WITHIN_S = 180.0
MODEL_STEPS = ("plan", "decide", "reflect", "synthesize")

numbers = itertools.count(1)

Meanwhile = Callable[[Installation, Handle], Awaitable[None]]
"""What happens while a server is away: it is stopped before and started after. Any other victim is harmed by this itself."""


@dataclass(frozen=True)
class Death:
    """The state at the moment of the kill."""

    moment: str
    victim: str
    pause_s: float
    event: int
    """Length of the history then."""
    running: tuple[str, ...]
    """The pieces of work that were open."""
    finished: frozenset[str]
    """The pieces of work that had completed."""
    asking: bool
    """Whether a model was being asked whose answer was not stored yet."""


@dataclass
class Outcome:
    """What came of one run."""

    picture: Picture
    took_s: float
    death: Death | None = None
    resumed: str = ""
    """How the interrupted work went on."""
    repeated_questions: int = 0
    prompts: tuple[str, ...] = ()
    """What the models were asked, without what differs from task to task."""
    faults: list[str] = field(default_factory=list[str])


class Errand:
    """One run of the reference task."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        self._worker = installation.worker()

    async def run(
        self,
        moment: Moment | None = None,
        *,
        pause_s: float = 0.0,
        victim: str = WORKER,
        meanwhile: Meanwhile | None = None,
    ) -> Outcome:
        """Run the task to its end, killing the victim once at the moment; with ``meanwhile`` a server is away for so long."""
        installation = self._installation
        database_url = installation.servers.database_url
        await self._worker.start()
        await self._worker.ready()
        handle = await installation.start()
        began = time.monotonic()
        async with approving(handle), asyncio.timeout(ENDS_WITHIN_S):
            death = await self._interrupt(handle, moment, pause_s, victim, meanwhile) if moment else None
            await handle.result()
        took_s = time.monotonic() - began
        await self._worker.stop()
        outcome = Outcome(await take_picture(handle, database_url, installation.remote), took_s, death)
        outcome.prompts = tuple(comparable_prompt(each) for each in installation.models.requests)
        outcome.repeated_questions = repeated_questions(installation.models.requests)
        await self._judge(outcome, handle)
        return outcome

    async def _interrupt(
        self, handle: Handle, moment: Moment, pause_s: float, victim: str, meanwhile: Meanwhile | None
    ) -> Death | None:
        """None where the task had ended before the moment came."""
        at = self._installation
        scene = Scene(handle, at.servers.database_url, at.home(), at.remote, at.database)
        if not await _first(moment.arrives(scene), handle.result()):
            return None
        if meanwhile is None:
            await self._kill(victim)
        else:
            await self._take_away(victim, handle, meanwhile)
        described = await handle.describe()
        if described.status is not WorkflowExecutionStatus.RUNNING:
            return None
        work, _ = await read_work(handle)
        death = Death(
            moment=moment.name,
            victim=victim,
            pause_s=pause_s,
            event=described.history_length,
            running=tuple(each.name for each in work if each.completed is None),
            finished=frozenset(each.name for each in work if each.completed is not None),
            asking=await self._asking(handle, [each.name for each in work if each.completed is None]),
        )
        if victim == WORKER:
            await asyncio.sleep(pause_s)
            await self._worker.start()
        return death

    async def _kill(self, victim: str) -> None:
        at = self._installation
        if victim == WORKER:
            await self._worker.kill()
            at.database.pass_again()
            return
        at.servers.kill(victim)
        # What follows asks the servers, so they must be there again.
        while True:
            if all(each.ok for each in await at.servers.health()):
                return
            await asyncio.sleep(0.05)

    async def _take_away(self, victim: str, handle: Handle, meanwhile: Meanwhile) -> None:
        servers = self._installation.servers
        if victim not in SERVERS:
            await meanwhile(self._installation, handle)
            return
        await servers.stop(victim)
        try:
            await meanwhile(self._installation, handle)
        finally:
            await servers.start(victim)

    async def _asking(self, handle: Handle, running: Sequence[str]) -> bool:
        query = "SELECT count(*) FROM answers WHERE task_id = $1 AND step = $2 AND purpose = $3"
        for name in running:
            activity, _, rest = name.partition(" ")
            step, _, trigger = rest.partition(" ")
            if activity not in MODEL_STEPS:
                continue
            purpose = f"{activity}:{trigger}" if trigger else activity
            async with connected(self._installation.servers.database_url) as connection:
                key = (handle.first_execution_run_id, int(step), purpose)
                if not await connection.fetchval(query, *key):
                    return True
        return False

    async def _judge(self, outcome: Outcome, handle: Handle) -> None:
        """What can be told without another run."""
        twice = [name for name, count in outcome.picture.finished.items() if count > 1]
        outcome.faults += [f"completed twice: {name}" for name in twice]
        death = outcome.death
        # An answer that came while the record was away could not be stored.
        asking = death is not None and (death.asking or death.victim in PRIMARY)
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
    servers: Servers,
    folder: Path,
    moment: Moment | None = None,
    *,
    pause_s: float = 0.0,
    victim: str = WORKER,
    meanwhile: Meanwhile | None = None,
) -> Outcome:
    """One run in a folder of its own, which is removed afterwards."""
    with tempfile.TemporaryDirectory(dir=folder, prefix=f"errand-{next(numbers)}-") as own:
        async with installed(servers, Path(own), make_script(delay_ms=THINKING_MS)) as installation:
            try:
                return await Errand(installation).run(
                    moment, pause_s=pause_s, victim=victim, meanwhile=meanwhile
                )
            except (TimeoutError, AssertionError) as error:
                error.add_note(f"killed at: {moment.name if moment else 'never'}\n{installation.written()}")
                raise
