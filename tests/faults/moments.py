"""When to kill: after a time, at a piece of work, or as soon as an effect can be seen in the world."""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from temporalio.api.enums.v1 import PendingActivityState

from perdure.embedded.database import connected
from tests.faults.errand import COUNTER, STEP_OF_COMMIT, STEP_OF_TWO_CHANGES
from tests.faults.picture import Handle, read_work

SCHEDULED = PendingActivityState.PENDING_ACTIVITY_STATE_SCHEDULED
STARTED = PendingActivityState.PENDING_ACTIVITY_STATE_STARTED
LOOK_EVERY_S = 0.005


@dataclass(frozen=True)
class Scene:
    """Where a moment can be seen from."""

    handle: Handle
    database_url: str
    home: Path
    remote: Path


@dataclass(frozen=True)
class Moment:
    """A point of a task's life, by its name and by how to wait for it."""

    name: str
    arrives: Callable[[Scene], Awaitable[None]]


def after(seconds: float) -> Moment:
    """So long after the start."""

    async def arrives(_: Scene) -> None:
        await asyncio.sleep(seconds)

    return Moment(f"{seconds:.2f} s after the start", arrives)


def while_running(work: str, *, pause_s: float = 0.0) -> Moment:
    """As soon as a worker holds this piece of work, and a moment longer."""

    async def arrives(scene: Scene) -> None:
        await _until(lambda: _is_open(scene, work, {STARTED}))
        await asyncio.sleep(pause_s)

    wait = f" for {pause_s:g} s" if pause_s else ""
    return Moment(f"`{work}` runs{wait}", arrives)


def once_scheduled(work: str) -> Moment:
    """As soon as the server knows of this piece of work, whether a worker has it already or not."""
    return Moment(
        f"`{work}` is scheduled",
        lambda scene: _until(lambda: _is_open(scene, work, {SCHEDULED, STARTED})),
    )


async def _is_open(scene: Scene, work: str, states: Collection[PendingActivityState.ValueType]) -> bool:
    activity, _, rest = work.partition(" ")
    described = await scene.handle.describe()
    pending = [each for each in described.raw_description.pending_activities if each.state in states]
    if not any(each.activity_type.name == activity for each in pending):
        return False
    if not rest:
        return True
    names = [each.name for each in (await read_work(scene.handle))[0] if each.completed is None]
    return any(f"{name} ".startswith(f"{work} ") for name in names)


def after_counting() -> Moment:
    """The approved command has written its line and has not ended."""

    async def counted(scene: Scene) -> bool:
        found = scene.home.glob(f"workspaces/*/*/tree/{COUNTER}")
        return any(path.stat().st_size for path in found)

    return Moment(
        "the approved command wrote, its result is not recorded", lambda s: _until(lambda: counted(s))
    )


def after_pushing() -> Moment:
    """The remote has the branch; whether the worker knows is anybody's guess."""

    async def pushed(scene: Scene) -> bool:
        return any((scene.remote / "refs" / "heads" / "perdure").glob("*"))

    return Moment("the push reached the remote", lambda scene: _until(lambda: pushed(scene)))


def while_asking() -> Moment:
    """An approval waits for a person."""

    async def asked(scene: Scene) -> bool:
        done = [each.name for each in (await read_work(scene.handle))[0] if each.completed]
        return any(name.startswith("preview_call") for name in done)

    return Moment("an approval waits", lambda scene: _until(lambda: asked(scene)))


def _rows(name: str, query: str, *arguments: object) -> Moment:
    """The record holds a row of the task, seen within a few milliseconds."""

    async def arrives(scene: Scene) -> None:
        task = scene.handle.first_execution_run_id
        async with connected(scene.database_url) as connection:

            async def found() -> bool:
                return bool(await connection.fetchval(query, task, *arguments))

            await _until(found)

    return Moment(name, arrives)


def between_two_calls() -> Moment:
    """The first of a decision's two changes is recorded, the second is not or just about to be."""
    query = "SELECT count(*) FROM calls WHERE task_id = $1 AND step = $2"
    return _rows("the first of two changes is recorded", query, STEP_OF_TWO_CHANGES)


def after_committing() -> Moment:
    """The commit's result is recorded, its activity may not have completed."""
    query = "SELECT count(*) FROM calls WHERE task_id = $1 AND step = $2"
    return _rows("the commit is recorded", query, STEP_OF_COMMIT)


def after_answering(step: int) -> Moment:
    """The model's decision is stored, its activity may not have completed."""
    query = "SELECT count(*) FROM answers WHERE task_id = $1 AND step = $2 AND purpose = 'decide'"
    return _rows(f"the decision of step {step} is stored", query, step)


def intending_to_push() -> Moment:
    """The ledger says that a push is about to happen."""
    return _rows("the push is intended", "SELECT count(*) FROM effects WHERE task_id = $1")


TARGETED: tuple[Moment, ...] = (
    after_counting(),
    after_pushing(),
    between_two_calls(),
    intending_to_push(),
    after_answering(4),
    while_asking(),
    after_committing(),
    while_running("prepare_workspace"),
    while_running("execute_calls 4", pause_s=0.5),
    while_running("check_work", pause_s=0.5),
    while_running("reflect", pause_s=0.05),
    once_scheduled("execute_calls 2"),
    once_scheduled("propose_publication"),
    once_scheduled("open_task"),
    once_scheduled("close_task"),
)
"""The most telling first: who kills few times takes these."""


async def _until(holds: Callable[[], Awaitable[bool]]) -> None:
    while True:
        if await holds():
            return
        await asyncio.sleep(LOOK_EVERY_S)
