"""Shows from four independent sources that a killed worker made nothing happen twice."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from temporalio.client import Client

from examples.sample_repository import git
from perdure.contracts.maintenance import MaintenanceResult
from perdure.contracts.task import TaskResult
from perdure.contracts.transcript import Entry, EntryKind
from perdure.llm.scripted.server import LoggedRequest


@dataclass(frozen=True)
class Fact:
    """One thing that was checked, and how it came out."""

    ok: bool
    source: str
    text: str


@dataclass(frozen=True)
class Activity:
    """One activity as Temporal's history has it."""

    name: str
    work: str
    """What it was to do: equal for two activities that would do the same work."""
    step: int | None
    head: str
    """The transcript's head that its result names."""
    scheduled: int
    completed: int | None
    """Event ids; None where it never completed."""
    attempt: int
    host: str = ""
    """Where it made the workspace."""
    tree: str = ""
    """Git's digest of all files after it, where it says one."""


@dataclass(frozen=True)
class Kill:
    """When the worker was killed: the last event of the history then, and the activity that was running."""

    after_event: int
    scheduled: int = 0
    name: str = ""
    """Empty where it died between two activities."""
    step: int | None = None
    attempt: int = 0


async def read_activities(client: Client, workflow_id: str) -> list[Activity]:
    """Every activity of the task's run, in the order in which they were scheduled."""
    scheduled: dict[int, tuple[str, dict[str, Any]]] = {}
    attempts: Counter[int] = Counter()
    completed: dict[int, tuple[int, dict[str, Any]]] = {}
    async for event in client.get_workflow_handle(workflow_id).fetch_history_events():
        if event.HasField("activity_task_scheduled_event_attributes"):
            asked = event.activity_task_scheduled_event_attributes
            scheduled[event.event_id] = (asked.activity_type.name, _json(asked.input.payloads))
        elif event.HasField("activity_task_started_event_attributes"):
            started = event.activity_task_started_event_attributes
            attempts[started.scheduled_event_id] = started.attempt
        elif event.HasField("activity_task_completed_event_attributes"):
            done = event.activity_task_completed_event_attributes
            completed[done.scheduled_event_id] = (event.event_id, _json(done.result.payloads))
    return [
        Activity(
            name=name,
            work=_work(name, given),
            step=given.get("step"),
            head=completed[number][1].get("head", "") if number in completed else "",
            scheduled=number,
            completed=completed[number][0] if number in completed else None,
            attempt=attempts[number],
            host=_workspace(completed.get(number)).get("host_id", ""),
            tree=_tree(completed.get(number)),
        )
        for number, (name, given) in scheduled.items()
    ]


@dataclass(frozen=True)
class Move:
    """How the task went on where the killed worker's files are gone."""

    old_host: str
    new_host: str
    tree: str
    """Of the files as the last finished step left them."""
    new_tree: str
    """Of the files that the other host made."""
    repeated: tuple[str, ...]
    """Work that had finished before the kill and was scheduled again."""

    @property
    def is_identical(self) -> bool:
        """Whether the other host has the same files, to the byte."""
        return self.tree == self.new_tree != ""

    @property
    def text(self) -> str:
        """Such as ``on another host, tree identical, 0 repeated``."""
        where = "on another host" if self.new_host not in ("", self.old_host) else "on the same host"
        return f"{where}, tree {'identical' if self.is_identical else 'DIFFERENT'}, {len(self.repeated)} repeated"


def move_of(activities: Sequence[Activity], kill: Kill) -> Move:
    """What the history says of the time before and after the kill."""
    before = [a for a in activities if a.completed is not None and a.completed <= kill.after_event]
    after = [a for a in activities if a.scheduled > kill.after_event and a.completed is not None and a.host]
    return Move(
        old_host=next((a.host for a in reversed(before) if a.host), ""),
        new_host=after[0].host if after else "",
        tree=next((a.tree for a in reversed(before) if a.tree), ""),
        new_tree=after[0].tree if after else "",
        repeated=_again(activities, kill),
    )


def from_move(move: Move) -> list[Fact]:
    """Whether another host went on, with the very same files."""
    moved = move.new_host not in ("", move.old_host)
    hosts = f"{move.old_host} was lost with its files; " + (
        f"{move.new_host} went on" if moved else "no other host went on"
    )
    trees = f"tree {move.tree[:12]} before the kill, tree {move.new_tree[:12] or '(none)'} rebuilt from the store"
    return [Fact(moved, "event history", hosts), Fact(move.is_identical, "files", trees)]


def _again(activities: Sequence[Activity], kill: Kill) -> tuple[str, ...]:
    before = {a.work for a in activities if a.completed is not None and a.completed <= kill.after_event}
    return tuple(a.work for a in activities if a.scheduled > kill.after_event and a.work in before)


def from_history(activities: Sequence[Activity], kill: Kill | None) -> list[Fact]:
    """What the event history says."""
    done = Counter(activity.work for activity in activities if activity.completed is not None)
    twice = [work for work, count in done.items() if count > 1]
    facts = [
        Fact(
            not twice,
            "event history",
            f"{len(done)} pieces of work finished, each exactly once"
            if not twice
            else f"finished twice: {twice}",
        )
    ]
    if kill is None:
        return facts
    before = {a.work for a in activities if a.completed is not None and a.completed <= kill.after_event}
    again = _again(activities, kill)
    facts.append(
        Fact(
            not again,
            "event history",
            f"{len(before)} had finished before the kill, none of them was scheduled again"
            if not again
            else f"scheduled again after the kill: {again}",
        )
    )
    if not kill.name:
        return [
            *facts,
            Fact(True, "event history", "the worker died between two steps, so none was interrupted"),
        ]
    later = [a for a in activities if a.name == kill.name and a.step == kill.step and a.completed is not None]
    attempt = max((a.attempt for a in later), default=0)
    where = f"step {kill.step}" if kill.step is not None else kill.name
    fresh = any(a.scheduled > kill.scheduled for a in later)
    if fresh:
        text = f"{where} was interrupted and went to the new worker as a fresh dispatch, which finished it"
    elif attempt > kill.attempt:
        text = f"{where} was interrupted in attempt {kill.attempt}; attempt {attempt} finished it"
    else:
        text = f"{where} was interrupted, and no later attempt finished it"
    return [*facts, Fact(fresh or attempt > kill.attempt, "event history", text)]


def from_database(entries: Sequence[Entry]) -> list[Fact]:
    """What the transcript in PostgreSQL says: each call of each decision has one result."""
    results = Counter(
        (e.step, str(e.body["decision"]), int(e.body["index"])) for e in entries if e.kind is EntryKind.RESULT
    )
    decided = sum(len(e.body["calls"]) for e in entries if e.kind is EntryKind.DECISION)
    twice = [f"step {step}, call {index}" for (step, _, index), count in results.items() if count > 1]
    text = f"{decided} calls were decided, {sum(results.values())} results recorded"
    if twice:
        return [Fact(False, "PostgreSQL", f"{text}, more than one for {', '.join(twice)}")]
    left_out = decided - len(results)
    return [
        Fact(
            left_out >= 0,
            "PostgreSQL",
            f"{text}, {f'{left_out} did not run' if left_out else 'one for each'}",
        )
    ]


def from_model_log(requests: Sequence[LoggedRequest], kill: Kill | None) -> list[Fact]:
    """What the scripted model server was asked: no conversation twice, but for an answer that the kill cut off."""
    asked = Counter(request.digest for request in requests)
    repeated = sum(count - 1 for count in asked.values())
    allowed = 1 if kill is not None and kill.name in {"plan", "decide", "reflect", "synthesize"} else 0
    text = f"{len(requests)} questions, " + (
        "none asked twice" if not repeated else f"{repeated} asked twice (the kill cut off the answer)"
    )
    return [Fact(repeated <= allowed, "model's log", text)]


def from_remote(origin: Path, result: TaskResult | MaintenanceResult, base: str) -> list[Fact]:
    """What the bare repository holds: the commits that the result names, once and in their order, or none at all."""
    if not result.pushed or result.branch is None:
        return [
            Fact(not _has_branch(origin, result.branch), "remote", "nothing was pushed, and nothing is there")
        ]
    there = git_list(origin, f"{base}..{result.branch}")
    whose = "the task's" if isinstance(result, TaskResult) else "the run's"
    return [
        Fact(
            there == list(result.commits),
            "remote",
            f"{result.branch} holds {len(there)} commit{'s' * (len(there) != 1)}, {whose} own and each once",
        )
    ]


def git_list(repository: Path, span: str) -> list[str]:
    """Commit ids of a span, oldest first."""
    return git(repository, "rev-list", "--reverse", span).split()


def _has_branch(origin: Path, branch: str | None) -> bool:
    return branch is not None and bool(git(origin, "branch", "--list", branch))


def _json(payloads: Sequence[Any]) -> dict[str, Any]:
    if not payloads or payloads[0].metadata.get("encoding") != b"json/plain":
        return {}
    value = json.loads(payloads[0].data)
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _workspace(completed: tuple[int, dict[str, Any]] | None) -> dict[str, Any]:
    """The workspace that a result names."""
    return {} if completed is None else completed[1].get("workspace") or {}


def _tree(completed: tuple[int, dict[str, Any]] | None) -> str:
    """The tree of the checkpoint that a result names, its own or its workspace's."""
    if completed is None:
        return ""
    checkpoint = completed[1].get("checkpoint") or _workspace(completed).get("checkpoint") or {}
    return str(checkpoint.get("tree", ""))


def _work(name: str, given: dict[str, Any]) -> str:
    """The work that an activity was asked for, without what names a dispatch or the place where it runs."""
    calls = ",".join(str(call["index"]) for call in given.get("calls", ()))
    parts = [name, given.get("step"), given.get("trigger"), given.get("reason"), given.get("index"), calls]
    return " ".join(str(part) for part in parts if part not in (None, ""))
