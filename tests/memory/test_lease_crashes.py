"""Whatever dies, and wherever: each call's effect is in the surviving files exactly once.

The folder of a generation is a list of the calls that changed it; a checkpoint is such a list at one moment, named by
its content. The workers below do what an activity does, and die at a point drawn by chance. Some of them are not dead:
they stand still there and go on later, when others own the workspace.
"""

import random
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field

import pytest

from perdure.contracts.errors import Fenced, WorkspaceLost
from perdure.contracts.transcript import EntryKind
from perdure.contracts.workspace import Checkpoint
from perdure.memory.record import Record
from tests.memory.samples import TASK, Step, Writer, checkpoint, result, token

HOSTS = ("host-a", "host-b")
CALLS = (0, 1, 2)


@dataclass
class World:
    """Disks of the hosts: the folder of each generation, and the checkpoints, which every host can reach."""

    folders: dict[tuple[str, int], list[str]] = field(default_factory=dict[tuple[str, int], list[str]])
    checkpoints: dict[str, tuple[str, ...]] = field(default_factory=lambda: {"": ()})

    def checkpoint(self, effects: Sequence[str]) -> Checkpoint:
        name = "+".join(effects)
        self.checkpoints[name] = tuple(effects)
        return checkpoint(name)

    def materialise(self, host: str, generation: int, source: Checkpoint) -> None:
        self.folders[host, generation] = list(self.checkpoints[source.commit])


@dataclass(frozen=True)
class Dispatch:
    """One activity as the workflow sends it."""

    step: int
    head: str
    checkpoint: Checkpoint
    dispatch: int
    epoch: int
    attempt: int
    host: str


@dataclass(frozen=True)
class Done:
    """What the activity tells the workflow."""

    head: str
    checkpoint: Checkpoint


async def execute(record: Record, world: World, sent: Dispatch) -> AsyncGenerator[Done | None, None]:
    """The activity ``execute``; it may be left at each ``yield None`` and never come back, or come back late."""
    yield None
    key, owner = Step(sent.step), token(sent.dispatch, sent.attempt, sent.epoch)
    claim = await record.claim(
        key=key, token=owner, host_id=sent.host, checkpoint=sent.checkpoint, changing=True, calls=CALLS
    )
    yield None
    head, at = claim.head or sent.head, claim.checkpoint
    missing = [index for index in CALLS if index not in claim.stored]
    if claim.fresh:
        world.materialise(sent.host, claim.generation, at)
        yield None
    for index in missing:
        folder = world.folders[sent.host, claim.generation]
        folder.append(f"{sent.step}.{index}")
        yield None
        at = world.checkpoint(folder)
        writer = Writer()
        writer.entries = await record.entries(TASK, head)
        entry = writer.add(EntryKind.RESULT, step=sent.step, index=index, dispatch=sent.dispatch)
        yield None
        await record.record_results(
            key=key,
            token=owner,
            entries=[entry],
            results=[result(index)],
            checkpoint=at,
            more_changes=index != missing[-1],
        )
        head = entry.digest
        yield None
    yield Done(head, at)


class Workflow:
    """Sends each step until one attempt comes back, as Temporal does; prepares anew when a host is given up."""

    def __init__(self, records: Sequence[Record], chance: random.Random) -> None:
        self.records = records
        self.chance = chance
        self.world = World()
        self.asleep: list[AsyncGenerator[Done | None, None]] = []
        self.dispatch = 0
        self.epoch = 0
        self.host = HOSTS[0]
        self.checkpoint = self.world.checkpoint([])
        self.head = ""

    async def start(self) -> None:
        writer = Writer()
        writer.add(EntryKind.REQUEST, request="x")
        self.head = await self.records[0].append(writer.entries)
        await self.prepare()

    async def prepare(self) -> None:
        self.dispatch += 1
        record = self.chance.choice(self.records)
        prepared = await record.prepare(
            task_id=TASK, host_id=self.host, dispatch=self.dispatch, attempt=1, run_id="run-1"
        )
        self.world.materialise(self.host, prepared.generation, self.checkpoint)
        await record.ready(task_id=TASK, epoch=prepared.epoch, checkpoint=self.checkpoint)
        self.epoch = prepared.epoch

    async def run(self, step: int) -> None:
        """One step, to its end."""
        self.dispatch += 1
        attempt = 0
        while True:
            attempt += 1
            sent = Dispatch(step, self.head, self.checkpoint, self.dispatch, self.epoch, attempt, self.host)
            # After some attempts nothing dies any more, so that every step ends.
            lives = self.chance.randrange(1, 12) if attempt < 8 else 99
            done = await self.attempt(sent, lives)
            if done is not None:
                self.head, self.checkpoint = done.head, done.checkpoint
                return
            await self.wake_some()
            if self.chance.random() < 0.2:
                self.host = self.chance.choice(HOSTS)
                await self.prepare()
                self.dispatch += 1
                attempt = 0 if attempt < 8 else attempt

    async def attempt(self, sent: Dispatch, lives: int) -> Done | None:
        activity = execute(self.chance.choice(self.records), self.world, sent)
        async for done in activity:
            lives -= 1
            if done is not None:
                # The completion itself may be lost as well.
                return done if lives > 0 else None
            if lives <= 0:
                break
        if self.chance.random() < 0.5:
            self.asleep.append(activity)
        else:
            await activity.aclose()
        return None

    async def wake_some(self) -> None:
        """Those that stood still go on, some steps further or to their end."""
        for activity in list(self.asleep):
            for _ in range(self.chance.randrange(3)):
                try:
                    await anext(activity)
                except (Fenced, WorkspaceLost, StopAsyncIteration):
                    self.asleep.remove(activity)
                    break

    async def close(self) -> None:
        for activity in self.asleep:
            await activity.aclose()


@pytest.mark.parametrize("seed", range(8))
async def test_each_effect_survives_exactly_once(record: Record, other: Record, seed: int) -> None:
    workflow = Workflow([record, other], random.Random(seed))
    await workflow.start()
    for step in range(6):
        await workflow.run(step)
    expected = [f"{step}.{index}" for step in range(6) for index in CALLS]
    found = await record.claim(
        key=Step(99),
        token=token(workflow.dispatch + 1, 1, workflow.epoch),
        host_id=workflow.host,
        checkpoint=workflow.checkpoint,
        changing=False,
    )
    if found.fresh:
        workflow.world.materialise(workflow.host, found.generation, found.checkpoint)
    assert workflow.world.folders[workflow.host, found.generation] == expected
    assert workflow.world.checkpoints[workflow.checkpoint.commit] == tuple(expected)
    transcript = await other.entries(TASK, workflow.head)
    told = [(entry.step, entry.body["index"]) for entry in transcript[1:]]
    assert told == [(step, index) for step in range(6) for index in CALLS]
    await workflow.close()
