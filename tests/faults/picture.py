"""What a finished task left behind, read from every store that could tell of a thing done twice."""

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, cast

from temporalio.client import WorkflowHandle

from perdure.embedded.database import connected
from perdure.llm.scripted.server import LoggedRequest
from tests.faults.errand import COUNTER
from tests.workflows.conftest import git

Handle = WorkflowHandle[Any, Any]
TAKEOVER = "prepare_workspace takeover"

CALLS = """
SELECT coalesce(json_agg(json_build_array(step, call_index, result->>'tool', result->'ok', result->'changed')
                         ORDER BY step, call_index), '[]')::text
FROM calls WHERE task_id = $1
"""
ENTRIES = """
WITH RECURSIVE chain AS (
    SELECT * FROM entries WHERE task_id = $1 AND digest = $2
    UNION ALL
    SELECT e.* FROM entries e JOIN chain ON e.task_id = $1 AND e.digest = chain.parent
)
SELECT json_agg(json_build_array(step, kind) ORDER BY depth)::text FROM chain
"""
EFFECTS = """
SELECT coalesce(json_agg(json_build_array(kind, receipt IS NOT NULL) ORDER BY kind, key), '[]')::text
FROM effects WHERE task_id = $1
"""


#: What differs from task to task in what a model is asked.
TELLING = (
    (re.compile(r"(?<![0-9A-Za-z])[0-9a-f]{6,64}\b"), "<digest>"),
    (re.compile(r"\b\d+(\.\d+)? ?m?s\b"), "<time>"),
    (re.compile(r"[^\s\"'`]*errand-\d+-\w+"), "<folder>"),
)


@dataclass(frozen=True)
class Picture:
    """Everything that must not depend on whether a worker was killed on the way."""

    result: dict[str, Any]
    """The task's result without what differs from task to task."""
    files: str
    """The branch's tree at the remote, as ``ls-tree -r`` prints it."""
    commits: list[str]
    """Tree, number of parents and subject of each commit on the branch, oldest first."""
    branches: int
    """Branches at the remote."""
    pushes: int
    """Moves of the branch in the remote's log."""
    counted: str
    """What the approved command wrote, once for each time it ran."""
    calls: list[Any]
    """Step, index, tool and outcome of each recorded call."""
    entries: list[Any]
    """Step and kind of each entry of the transcript."""
    effects: list[Any]
    """Kind of each effect outside, and whether its receipt is there."""
    finished: dict[str, int]
    """How often each piece of work completed by the event history, takeovers left out."""
    decisions: int
    """Words of a person that the history holds."""

    def differences(self, other: "Picture") -> list[str]:
        """One line for each part that is not the same."""
        pairs = [(each.name, getattr(self, each.name), getattr(other, each.name)) for each in fields(self)]
        return [f"{name}: {mine!r} became {theirs!r}" for name, mine, theirs in pairs if mine != theirs]


@dataclass(frozen=True)
class Work:
    """One activity of the history."""

    name: str
    """What it was to do: equal for two activities that would do the same work."""
    scheduled: int
    completed: int | None
    attempt: int
    head: str


async def read_work(handle: Handle) -> tuple[list[Work], int]:
    """Every activity in the order in which it was scheduled, and the number of a person's decisions."""
    asked: dict[int, str] = {}
    attempts: Counter[int] = Counter()
    done: dict[int, tuple[int, str]] = {}
    decisions = 0
    async for event in handle.fetch_history_events():
        if event.HasField("activity_task_scheduled_event_attributes"):
            scheduled = event.activity_task_scheduled_event_attributes
            asked[event.event_id] = work_name(scheduled.activity_type.name, _json(scheduled.input.payloads))
        elif event.HasField("activity_task_started_event_attributes"):
            started = event.activity_task_started_event_attributes
            attempts[started.scheduled_event_id] = started.attempt
        elif event.HasField("activity_task_completed_event_attributes"):
            completed = event.activity_task_completed_event_attributes
            head = str(_json(completed.result.payloads).get("head", ""))
            done[completed.scheduled_event_id] = (event.event_id, head)
        elif event.HasField("workflow_execution_update_accepted_event_attributes"):
            decisions += 1
    work = [
        Work(name, number, done.get(number, (None, ""))[0], attempts[number], done.get(number, (None, ""))[1])
        for number, name in asked.items()
    ]
    return work, decisions


def work_name(activity: str, given: dict[str, Any]) -> str:
    """The work without what names a dispatch or the place where it runs."""
    indices = ",".join(str(call["index"]) for call in given.get("calls", ()))
    parts = [
        activity,
        given.get("step"),
        given.get("trigger"),
        given.get("reason"),
        given.get("index"),
        indices,
    ]
    return " ".join(str(part) for part in parts if part not in (None, ""))


async def take_picture(handle: Handle, database_url: str, remote: Path) -> Picture:
    """The picture of a task that has ended."""
    result: dict[str, Any] = await handle.result()
    branch = result["branch"]
    task_id = handle.first_execution_run_id
    assert task_id is not None, "the handle is one that was returned by a start"
    work, decisions = await read_work(handle)
    head = next(each.head for each in reversed(work) if each.head)
    finished = Counter(each.name for each in work if each.completed and each.name != TAKEOVER)
    commits = git(remote, "log", "--reverse", "--format=%T %P|%s", branch).splitlines()
    moves = remote / "logs" / "refs" / "heads" / branch
    async with connected(database_url) as connection:
        read = [
            json.loads(str(await connection.fetchval(query, *arguments)))
            for query, arguments in (
                (CALLS, (task_id,)),
                (ENTRIES, (task_id, head)),
                (EFFECTS, (task_id,)),
            )
        ]
    return Picture(
        result=_comparable(result),
        files=git(remote, "ls-tree", "-r", branch),
        commits=[_shape(line) for line in commits],
        branches=len(git(remote, "for-each-ref", "refs/heads").splitlines()),
        pushes=len(moves.read_text().splitlines()),
        counted=git(remote, "show", f"{branch}:{COUNTER}"),
        calls=read[0],
        entries=read[1],
        effects=read[2],
        finished=dict(finished),
        decisions=decisions,
    )


def repeated_questions(requests: Sequence[LoggedRequest]) -> int:
    """How many questions the model server answered more than once, counted each time."""
    answered = Counter((each.role, each.digest) for each in requests if each.status == 200)
    return sum(answered.values()) - len(answered)


def comparable_prompt(request: LoggedRequest) -> str:
    """A request to a model without ids, digests, durations and the folder of the run."""
    text = request.body.decode()
    for pattern, shown in TELLING:
        text = pattern.sub(shown, text)
    return text


def _comparable(result: dict[str, Any]) -> dict[str, Any]:
    """Numbers of tokens and texts depend on how long things took; commits are compared by their trees."""
    same = {name: result[name] for name in ("status", "summary", "pushed", "steps", "withheld", "evidence")}
    checks = [(check["name"], check["status"]) for check in result["checks"]]
    calls = result["cost"]["model_calls"]
    return {**same, "checks": checks, "commits": len(result["commits"]), "model_calls": calls}


def _shape(line: str) -> str:
    before, _, subject = line.partition("|")
    tree, *parents = before.split()
    return f"{tree} {len(parents)} {subject}"


def _json(payloads: Sequence[Any]) -> dict[str, Any]:
    if not payloads or payloads[0].metadata.get("encoding") != b"json/plain":
        return {}
    value = json.loads(payloads[0].data)
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}
