"""What a run left behind, and what of it an undisturbed run would not have left."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, cast

from perdure.contracts.calls import CallResult
from perdure.contracts.task import Cost
from perdure.contracts.transcript import Entry
from perdure.embedded.database import connected
from perdure.llm.scripted.server import LoggedRequest
from tests.faults.picture import Handle, Picture, read_work, repeated_questions, take_picture, work_name
from tests.faults.seeds.faults import ASKS_A_MODEL
from tests.faults.seeds.following import given
from tests.faults.seeds.outside import Outside
from tests.faults.seeds.task import LABELS, TURNS, counting

CHAIN = """
WITH RECURSIVE chain AS (
    SELECT * FROM entries WHERE task_id = $1 AND digest = $2
    UNION ALL
    SELECT e.* FROM entries e JOIN chain ON e.task_id = $1 AND e.digest = chain.parent
)
SELECT json_agg(chain ORDER BY depth)::text FROM chain
"""
CALLS = """
SELECT json_agg(json_build_array(step, call_index, result, checkpoint->>'tree') ORDER BY step, call_index)::text
FROM calls WHERE task_id = $1
"""
COSTS = "SELECT json_agg(body->'cost')::text FROM answers WHERE task_id = $1 AND body->'cost' IS NOT NULL"
CLOSED = "SELECT status FROM tasks WHERE task_id = $1 AND closed_at IS NOT NULL"

COUNTING_WORK = {
    f"preview_call {TURNS.index(turn) + 1} 0": label
    for label in LABELS
    for turn in TURNS
    if counting(label) in turn
}
"""The pieces of work that count, since the commands run ahead in them and never again, and what they write."""
COUNTED_COSTS = ("model_calls", "input_tokens", "output_tokens")


@dataclass(frozen=True)
class Evidence:
    """Everything that can be compared once a run is over."""

    picture: Picture
    trees: list[tuple[int, int, str]]
    """Step, index and the workspace's tree after each recorded call."""
    outside: Counter[str]
    """How often each counting command was heard of outside."""
    attempts: Counter[str]
    """How often each piece of work was begun, by the history."""
    repeated_questions: int
    faults: list[str]
    """What contradicts itself, without any other run."""


async def gather(
    handle: Handle, database_url: str, remote: Any, outside: Outside, requests: Sequence[LoggedRequest]
) -> Evidence:
    """Read everything of a task that has ended."""
    picture = await take_picture(handle, database_url, remote)
    attempts: Counter[str] = Counter()
    for work in (await read_work(handle))[0]:
        attempts[work.name] += max(work.attempt, 1)
    told = await _read_history(handle)
    task_id = str(handle.first_execution_run_id)
    async with connected(database_url) as connection:
        calls, chain, costs = [
            json.loads(str(await connection.fetchval(query, *arguments)))
            for query, arguments in (
                (CALLS, (task_id,)),
                (CHAIN, (task_id, told.head)),
                (COSTS, (task_id,)),
            )
        ]
        closed = await connection.fetchval(CLOSED, task_id)
    result: dict[str, Any] = await handle.result()
    faults = [
        *_faults_of_chain(chain),
        *_faults_of_calls(
            told.results, {(step, index): CallResult.model_validate(call) for step, index, call, _ in calls}
        ),
        *_faults_of_costs(
            Cost.model_validate(result["cost"]), told.costs, [Cost.model_validate(cost) for cost in costs]
        ),
    ]
    if closed != result["status"]:
        faults.append(f"the record closed the task as {closed!r}, the history as {result['status']!r}")
    return Evidence(
        picture=picture,
        trees=[(step, index, tree) for step, index, _, tree in calls],
        outside=outside.counted(),
        attempts=attempts,
        repeated_questions=repeated_questions(requests),
        faults=faults,
    )


def differences(usual: Evidence, found: Evidence, *, corrections: int = 0) -> list[str]:
    """What a run has lost, done twice or changed, one line each; nothing where all is as it must be.

    ``corrections`` is how many answers were refused and asked for again, which are rightly paid for.
    """
    result = usual.picture.result
    expected = replace(usual.picture, result={**result, "model_calls": result["model_calls"] + corrections})
    lines = list(found.faults)
    for part in fields(expected):
        lines += _changed(part.name, getattr(expected, part.name), getattr(found.picture, part.name))
    lines += [
        f"the tree after step {mine[0]}, call {mine[1]} differs: {mine[2]} became {theirs}"
        for mine, theirs in zip(usual.trees, found.trees, strict=False)
        if mine != theirs
    ]
    if len(usual.trees) != len(found.trees):
        lines.append(f"{len(found.trees)} calls are recorded, not {len(usual.trees)}")
    lines += [
        f"completed {count} times: {name}" for name, count in found.picture.finished.items() if count > 1
    ]
    for work, label in COUNTING_WORK.items():
        heard, begun = found.outside[label], found.attempts[work]
        if not 1 <= heard <= begun:
            lines.append(f"{label!r} was heard {heard} times outside, and its step was begun {begun} times")
    again = sum(count - 1 for name, count in found.attempts.items() if name.partition(" ")[0] in ASKS_A_MODEL)
    if found.repeated_questions > again:
        lines.append(
            f"{found.repeated_questions} questions to models were asked again in {again} further attempts"
        )
    return lines


def _changed(name: str, mine: Any, theirs: Any) -> list[str]:
    """Where two parts of a picture differ, without all that is the same."""
    if mine == theirs:
        return []
    if isinstance(mine, dict):
        before, after = cast("dict[str, Any]", mine), cast("dict[str, Any]", theirs)
        keys = [key for key in {**before, **after} if before.get(key) != after.get(key)]
        mine, theirs = {key: before.get(key) for key in keys}, {key: after.get(key) for key in keys}
    elif isinstance(mine, list):
        before, after = cast("list[Any]", mine), cast("list[Any]", theirs)
        mine = [each for each in before if each not in after]
        theirs = [each for each in after if each not in before] or f"{len(after)} instead of {len(before)}"
    return [f"{name}: {mine!r} became {theirs!r}"]


@dataclass
class _Told:
    """What the history says."""

    head: str
    results: dict[tuple[int, int], CallResult]
    costs: list[Cost]


async def _read_history(handle: Handle) -> _Told:
    told = _Told("", {}, [])
    asked: dict[int, tuple[str, dict[str, Any]]] = {}
    async for event in handle.fetch_history_events():
        if event.HasField("activity_task_scheduled_event_attributes"):
            scheduled = event.activity_task_scheduled_event_attributes
            arguments = given(scheduled.input.payloads)
            asked[event.event_id] = (work_name(scheduled.activity_type.name, arguments), arguments)
        elif event.HasField("activity_task_completed_event_attributes"):
            completed = event.activity_task_completed_event_attributes
            name, arguments = asked[completed.scheduled_event_id]
            result = given(completed.result.payloads)
            told.head = str(result.get("head") or told.head)
            if name.partition(" ")[0] in ASKS_A_MODEL:
                told.costs.append(Cost.model_validate(result.get("cost", {})))
            for call in result.get("results", ()):
                told.results[arguments["step"], call["index"]] = CallResult.model_validate(call)
    return told


def _faults_of_chain(rows: Sequence[dict[str, Any]]) -> list[str]:
    """A transcript is one chain from its first entry to its head, each entry what its digest says."""
    faults: list[str] = []
    parent, step = "", 0
    for depth, row in enumerate(rows):
        entry = Entry.model_validate(row)
        if (entry.depth, entry.parent) != (depth, parent):
            faults.append(f"entry {depth} of the transcript is out of place")
        if entry.sealed().digest != entry.digest:
            faults.append(f"entry {depth} of the transcript is not what its digest says")
        if entry.step < step:
            faults.append(f"entry {depth} of step {entry.step} comes after step {step}")
        parent, step = entry.digest, entry.step
    return faults or ([] if rows else ["the transcript is empty"])


def _faults_of_calls(
    told: Mapping[tuple[int, int], CallResult], stored: Mapping[tuple[int, int], CallResult]
) -> list[str]:
    faults = [
        f"call {key} is in {'the history' if key in told else 'the record'} alone"
        for key in sorted(told.keys() ^ stored.keys())
    ]
    for key in sorted(told.keys() & stored.keys()):
        if told[key].model_copy(update={"repeated": False}) != stored[key]:
            faults.append(f"call {key} differs between history and record: {told[key]} and {stored[key]}")
    return faults


def _faults_of_costs(result: Cost, told: Sequence[Cost], stored: Sequence[Cost]) -> list[str]:
    faults: list[str] = []
    for part in COUNTED_COSTS:
        charged, *sums = (
            sum(int(getattr(each, part)) for each in costs) for costs in ([result], told, stored)
        )
        if sums != [charged, charged]:
            faults.append(f"{part}: {charged} charged, {sums[0]} by the history and {sums[1]} by the record")
    return faults
