"""The log of seeds: one line of JSON each, appended, so that batches add up and a broken one is gone on with."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tests.faults.seeds.run import Run

#: Raised when a seed no longer means the same faults; older lines then say nothing about these seeds.
VERSION = 1


@dataclass(frozen=True)
class Line:
    """One run of a seed."""

    seed: int
    commit: str
    """The commit under test, with ``+`` where files differed from it."""
    took_s: float
    usual_s: float
    """How long the undisturbed run of the same batch took."""
    hits: tuple[dict[str, Any], ...]
    """The faults that happened, each with when and during which work."""
    missed: int
    """Faults whose moment did not come."""
    failures: tuple[str, ...]
    v: int = VERSION


def line_of(seed: int, commit: str, usual_s: float, run: Run, *, drawn: int) -> Line:
    """What is kept of a run."""
    hits = tuple(
        {
            "kind": hit.fault.kind.value,
            "work": hit.fault.work,
            "phase": hit.fault.phase.value,
            "at_s": round(hit.at_s, 2),
            "event": hit.event,
            "during": list(hit.during),
        }
        for hit in run.hits
    )
    return Line(
        seed, commit, round(run.took_s, 1), round(usual_s, 1), hits, drawn - len(hits), tuple(run.failures)
    )


def append(log: Path, line: Line) -> None:
    """Add a line; several processes may do so at once."""
    with log.open("a", encoding="utf-8") as file:
        file.write(json.dumps(vars(line), ensure_ascii=False) + "\n")


def read(log: Path) -> list[Line]:
    """The lines of this version; none where there is no log."""
    if not log.exists():
        return []
    lines: list[dict[str, Any]] = [
        json.loads(text) for text in log.read_text(encoding="utf-8").splitlines() if text
    ]
    return [
        replace(Line(**line), hits=tuple(line["hits"]), failures=tuple(line["failures"]))
        for line in lines
        if line["v"] == VERSION
    ]


def remaining(lines: Sequence[Line], seeds: Sequence[int]) -> list[int]:
    """The seeds that no line tells to have passed."""
    passed = {line.seed for line in lines if not line.failures}
    return [seed for seed in seeds if seed not in passed]
