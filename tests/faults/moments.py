"""When to kill: after a time, at a piece of work, or as soon as an effect can be seen in the world."""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from temporalio.api.enums.v1 import PendingActivityState

from perdure.embedded.database import connected
from tests.faults.errand import (
    COUNTER,
    STEP_OF_COMMIT,
    STEP_OF_COUNTING,
    STEP_OF_PUBLISHING,
    STEP_OF_TWO_CHANGES,
)
from tests.faults.lost_answers import LosingAnswers
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
    database: LosingAnswers


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
    """What the approved command did ahead is being done: its line is in the workspace."""

    async def counted(scene: Scene) -> bool:
        found = scene.home.glob(f"workspaces/*/*/tree/{COUNTER}")
        return any(path.stat().st_size for path in found)

    return Moment(
        "the approved change is made, its result is not recorded", lambda s: _until(lambda: counted(s))
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


def _unheard(name: str, query: str, *arguments: object) -> Moment:
    """PostgreSQL has committed what the query finds, and the worker never hears of it."""

    async def arrives(scene: Scene) -> None:
        task = scene.handle.first_execution_run_id
        async with connected(scene.database_url) as connection:
            asking = asyncio.Lock()

            async def committed() -> bool:
                async with asking:
                    return bool(await connection.fetchval(query, task, *arguments))

            await scene.database.lose_once(committed)

    return Moment(f"{name}, and the worker does not know", arrives)


def result_unheard(what: str, step: int, index: int = 0) -> Moment:
    """The result of a call is recorded."""
    query = "SELECT count(*) FROM calls WHERE task_id = $1 AND step = $2 AND call_index = $3"
    return _unheard(f"{what} is recorded", query, step, index)


def answer_unheard(purpose: str, step: int) -> Moment:
    """The answer of a model, or the outcome of another step, is stored."""
    query = "SELECT count(*) FROM answers WHERE task_id = $1 AND step = $2 AND purpose = $3"
    return _unheard(f"the answer to {purpose!r} of step {step} is stored", query, step, purpose)


def claim_unheard(step: int) -> Moment:
    """The workspace is claimed for a change."""
    query = (
        "SELECT count(*) FROM workspaces w WHERE task_id = $1 AND busy "
        "AND EXISTS (SELECT 1 FROM answers WHERE task_id = $1 AND step = $2 AND purpose = 'decide')"
    )
    return _unheard(f"the workspace is claimed for step {step}", query, step)


def preparation_unheard() -> Moment:
    """The workspace is prepared and open for steps."""
    query = "SELECT count(*) FROM workspaces WHERE task_id = $1 AND ready"
    return _unheard("the workspace is ready", query)


def effect_unheard(column: str, what: str) -> Moment:
    """The ledger holds the push's intent or its receipt."""
    query = f"SELECT count(*) FROM effects WHERE task_id = $1 AND {column} IS NOT NULL"
    return _unheard(f"the push's {what} is in the ledger", query)


def decision_unheard() -> Moment:
    """What became of an approval is in the table of approvals."""
    query = "SELECT count(*) FROM approvals WHERE task_id = $1"
    return _unheard("the decision is recorded", query)


def closing_unheard() -> Moment:
    """The task is closed in the record."""
    query = "SELECT count(*) FROM tasks WHERE task_id = $1 AND closed_at IS NOT NULL"
    return _unheard("the task is closed", query)


TARGETED: tuple[Moment, ...] = (
    after_counting(),
    after_pushing(),
    result_unheard("the counted command", STEP_OF_COUNTING),
    result_unheard("the push", STEP_OF_PUBLISHING, 1),
    result_unheard("the first of two changes", STEP_OF_TWO_CHANGES),
    result_unheard("the second of two changes", STEP_OF_TWO_CHANGES, 1),
    result_unheard("the commit", STEP_OF_COMMIT),
    effect_unheard("intent", "intent"),
    effect_unheard("receipt", "receipt"),
    answer_unheard("decide", 4),
    answer_unheard("publication", STEP_OF_PUBLISHING),
    claim_unheard(STEP_OF_COUNTING),
    while_running(f"preview_call {STEP_OF_COUNTING} 0", pause_s=0.6),
    preparation_unheard(),
    closing_unheard(),
    while_asking(),
    decision_unheard(),
    while_running("record_decision"),
    while_running("prepare_workspace"),
    while_running("execute_calls 4", pause_s=0.2),
    while_running("check_work", pause_s=0.2),
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
