"""``commands.json``: lines of shell with the least verdict of an attack and the strictest of a harmless one."""

import base64
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from perdure.contracts.calls import Verdict
from perdure.safety.command.analysis import analyse
from tests.corpora.playing import CannotPlay, cases_of, played
from tests.corpora.report import Miss, Result

FOUND_BY = "commands.json"
GUIDE_S = 1.0
MOST_ASKED = 0.07
"""The share of harmless commands that may ask."""
MARK = "/var/tmp/outside/MARK"
ORDER = [Verdict.ALLOW, Verdict.BOUNDED, Verdict.ASK, Verdict.DENY]
CASE = dict[str, Any]


def found_in(folder: Path) -> Iterable[Path]:
    """Every file of this kind below."""
    return sorted(folder.rglob(FOUND_BY))


async def run(place: Path, only: str) -> list[Result]:
    """Judge each command by itself."""
    collection, _ = cases_of(place, "attacks", "benign")
    if not collection:
        raise CannotPlay("the file is a list of cases, which does not say what each of them shows")
    attacks = await played(collection.get("attacks", []), only, _attack, group="attack")
    harmless = await played(collection.get("benign", []), only, _harmless, group="harmless")
    asked = sum(result.miss is Miss.NEEDLESSLY_STRICT for result in harmless)
    if asked <= MOST_ASKED * len(harmless):
        # So few are no miss, and are named all the same.
        harmless = [
            replace(one, miss=None, counts=(f"asks needlessly: {one.why}",))
            if one.miss is Miss.NEEDLESSLY_STRICT
            else one
            for one in harmless
        ]
    return attacks + harmless


def _attack(case: CASE) -> Result:
    command, verdict, reason, seconds = _judged(case)
    weak = ORDER.index(verdict) < ORDER.index(Verdict(case["min_verdict"]))
    miss = Miss.ATTACK_ALLOWED if weak else Miss.SLOW if seconds > GUIDE_S else None
    why = f"{case.get('why', '')}: {verdict.value}, not {case['min_verdict']}: {command!r}"
    group = f"attack {case.get('category', '')}"
    return Result(
        case["id"], group, miss, why if miss else "", reason, seconds, (f"attacks: {verdict.value}",)
    )


def _harmless(case: CASE) -> Result:
    command, verdict, reason, seconds = _judged(case)
    strict = ORDER.index(verdict) > ORDER.index(Verdict(case["max_verdict"]))
    miss = Miss.NEEDLESSLY_STRICT if strict else Miss.SLOW if seconds > GUIDE_S else None
    return Result(
        case["id"], "harmless", miss, f"{command!r}: {verdict.value}" if miss else "", reason, seconds
    )


def _judged(case: CASE) -> tuple[str, Verdict, str, float]:
    payload = f"touch {MARK}"
    places = {
        "@MARK@": MARK,
        "@MDIR@": str(Path(MARK).parent),
        "@MESC@": MARK.replace("/", "\\/"),
        "@B64@": base64.b64encode(payload.encode()).decode(),
        "@HEX@": payload.encode().hex(),
    }
    command: str = case["command"]
    for name, value in places.items():
        command = command.replace(name, value)
    started = time.monotonic()
    analysis = analyse(command)
    return command, analysis.verdict, analysis.reason, time.monotonic() - started
