"""What can go wrong, where in a task, and how a seed chooses among all of it."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from perdure.llm.scripted.script import Reply


class Kind(StrEnum):
    """What goes wrong."""

    KILL = "worker killed"
    KILL_LATE = "worker killed, the next one comes late"
    FREEZE = "worker frozen, then woken"
    FREEZE_STAND_IN = "worker frozen and replaced, then woken"
    MOVE = "worker killed, its workspaces deleted, another host goes on"
    FOLDER = "workspace's folder deleted"
    FILES = "workspace's files deleted"
    TEMPORAL = "Temporal killed"
    POSTGRES = "PostgreSQL killed"
    VALKEY = "Valkey killed"
    CHROMA = "Chroma killed"
    DISK = "disk of the workspaces full"
    CLOCK_FORWARD = "worker's clock jumps an hour ahead"
    CLOCK_BACK = "worker's clock jumps an hour back"
    HANG = "model hangs"
    CUT = "model closes in the middle of its answer"
    LIMIT = "model answers 429 with retry-after"
    ERROR = "model answers 500"
    MALFORMED = "model answers malformed JSON"
    TRUNCATED = "model truncates a call's arguments"


SERVERS: Mapping[Kind, str] = {
    Kind.TEMPORAL: "temporal",
    Kind.POSTGRES: "postgres",
    Kind.VALKEY: "valkey",
    Kind.CHROMA: "chroma",
}
MODEL = frozenset({Kind.HANG, Kind.CUT, Kind.LIMIT, Kind.ERROR, Kind.MALFORMED, Kind.TRUNCATED})
CLOCK = frozenset({Kind.CLOCK_FORWARD, Kind.CLOCK_BACK})
ASKS_A_MODEL = ("plan", "decide", "reflect", "synthesize")
ACTIVITIES = (
    "open_task",
    "prepare_workspace",
    *ASKS_A_MODEL,
    "preview_call",
    "execute_calls",
    "check_work",
    "propose_publication",
    "close_task",
)
TAKEOVER = "prepare_workspace takeover"
"""A piece of work that only faults bring about."""
TAKEN_OVER_AFTER = frozenset({Kind.KILL_LATE, Kind.MOVE, Kind.FOLDER, Kind.FILES, Kind.FREEZE_STAND_IN})


class Phase(StrEnum):
    """When, seen from a piece of work."""

    BEFORE = "before"
    """As soon as the server knows of it."""
    WITHIN = "within"
    """A part of its usual duration later."""
    AFTER = "after"
    """As soon as it has completed, before anything follows."""


@dataclass(frozen=True)
class Fault:
    """One fault of a run."""

    kind: Kind
    work: str
    """The piece of work it is aimed at, by its name in the history."""
    phase: Phase
    part: float
    """Of the work's usual duration, from 0 to 1."""
    holds_s: float
    """How long it lasts, where it lasts."""

    @property
    def activity(self) -> str:
        """The kind of work it is aimed at."""
        return self.work.partition(" ")[0]

    def shown(self) -> dict[str, Any]:
        """For the log."""
        return {**asdict(self), "part": round(self.part, 3), "holds_s": round(self.holds_s, 2)}


def cells(kinds: Sequence[Kind]) -> list[tuple[Kind, str]]:
    """Every fault with every kind of work that it can hit."""
    return [
        (kind, activity)
        for kind in kinds
        for activity in ACTIVITIES
        if kind not in MODEL or activity in (("decide",) if kind is Kind.TRUNCATED else ASKS_A_MODEL)
    ]


def draw(seed: int, works: Sequence[str], kinds: Sequence[Kind]) -> list[Fault]:
    """The faults of a seed: the first goes through all cells as seeds count on, up to two more are any.

    ``works`` are the pieces of work of an undisturbed run, in order.
    """
    chance = random.Random(seed)
    possible = cells(kinds)
    order = random.Random("the order of the cells").sample(possible, len(possible))
    first = order[seed % len(order)]
    others = [chance.choice(possible) for _ in range(chance.choices((0, 1, 2), (4, 4, 2))[0])]
    takeovers = [TAKEOVER] if first[0] in TAKEN_OVER_AFTER and first[1] != "prepare_workspace" else []
    return [
        _fault(*first, works, chance),
        *(_fault(kind, activity, [*works, *takeovers], chance) for kind, activity in others),
    ]


def _fault(kind: Kind, activity: str, works: Sequence[str], chance: random.Random) -> Fault:
    candidates = [work for work in works if work.partition(" ")[0] == activity]
    if kind is Kind.TRUNCATED:
        # The last decision has no call.
        candidates = candidates[:-1]
    phase = chance.choices(list(Phase), (2, 6, 2))[0]
    return Fault(kind, chance.choice(candidates), phase, chance.random(), chance.uniform(1.2, 3.5))


def failing_reply(fault: Fault, reply: Reply, *, role: str, turn: int, limit_s: float) -> dict[str, Any]:
    """The script's reply that fails once in the fault's way, for the question that ``reply`` answers.

    ``limit_s`` is how long a worker waits for an answer.
    """
    at: dict[str, Any] = {"for": role, "turn": turn}
    said = reply.model_dump(by_alias=True, exclude_defaults=True) | at
    cut = '<function=edit_file>{"path": "money/rounding.py", "blo'
    ways: dict[Kind, dict[str, Any]] = {
        # What it says after so long is not heard.
        Kind.HANG: {"error": {"status": 500}, "delay_ms": (limit_s + 0.4) * 1_000},
        Kind.LIMIT: {"error": {"status": 429, "retry_after": round(fault.holds_s / 3, 2)}},
        Kind.ERROR: {"error": {"status": 500}},
        Kind.MALFORMED: {"error": {"status": 200, "body": '{"id": "chatcmpl-1", "choices": [{"mess'}},
        Kind.TRUNCATED: {"error": {"status": 400, "code": "tool_use_failed", "failed_generation": cut}},
    }
    if fault.kind is Kind.CUT:
        return {**said, "drop": {"times": 1}}
    way = ways[fault.kind]
    return {**at, **way, "error": {**way["error"], "times": 1}}
