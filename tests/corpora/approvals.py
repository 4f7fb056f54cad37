"""``approvals.json``: attempts to get more run than a person looked at, played by the real workflow on servers of their own.

A case is words: a name, steps, what is required, a class. Which scenes it means is read from them (``consent/meaning.py``);
a case that fits none is a miss, since nothing was shown of it. Decisions are sent as the Web UI sends
them (JSON of the update and of the signals) and by the Python client. Where a case takes for granted what there is not, such
as an HTTP API, that is listed with the reason, and what there is in its place is tried.
"""

import asyncio
import logging
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from temporalio.exceptions import TemporalError
from temporalio.service import RPCError

from perdure.contracts.errors import PerdureError
from tests.corpora.consent.meaning import class_of, meaning_of
from tests.corpora.consent.stage import Missed, Stage
from tests.corpora.playing import cases_of, played
from tests.corpora.report import Miss, Result
from tests.faults.driver import own_servers

FOUND_BY = "approvals.json"
BROKEN = (
    PerdureError,
    TemporalError,
    RPCError,
    OSError,
    AssertionError,
    LookupError,
    ValueError,
    RuntimeError,
    ExceptionGroup,
)
"""How a scene comes to no end of its own; the others are played all the same."""
LONGEST_S = 180.0
"""A scene that takes longer has come to a stand."""


def found_in(folder: Path) -> Iterable[Path]:
    """Every file of this kind below."""
    return sorted(folder.rglob(FOUND_BY))


async def run(place: Path, only: str) -> list[Result]:
    """Play a scene for each case, on servers that are started for it."""
    _, cases = cases_of(place, "cases")
    with tempfile.TemporaryDirectory(prefix="perdure-approvals-") as name:
        folder = Path(name)
        # Programs run as another user, whose way to the files begins here.
        folder.chmod(0o755)
        # What the attempts make the workers say is not the account of them.
        logging.disable(logging.ERROR)
        try:
            async with own_servers(folder / "stack") as (stack, servers):
                return await played(cases, only, lambda case: _played(Stage(stack, servers, folder), case))
        finally:
            logging.disable(logging.NOTSET)


async def _played(stage: Stage, case: dict[str, Any]) -> Result:
    group, meant = class_of(case), meaning_of(case)
    if not meant.scenes:
        why = f"{case.get('name', '')}: not played: its words fit no scene, so nothing was shown of it"
        return Result(str(case["id"]), group, Miss.BROKEN, why, str(case.get("steps", "")))
    started = time.monotonic()
    miss, why = None, ""
    names = " and ".join(scene.__name__.replace("_", " ") for scene in meant.scenes)
    try:
        for scene in meant.scenes:
            async with asyncio.timeout(LONGEST_S):
                await scene(stage)
    except Missed as missed:
        miss, why = Miss.ATTACK_ALLOWED, str(missed)
    except BROKEN as error:
        miss, why = Miss.BROKEN, f"{type(error).__name__}: {error}"
    seconds = time.monotonic() - started
    counts = (
        f"{case['id']} played as: {names} (by {meant.words!r} in its {meant.part})",
        *(f"{case['id']} {remark}" for remark in stage.remarks),
    )
    return Result(
        str(case["id"]), group, miss, f"{case.get('name', '')}: {why}" if miss else "", "", seconds, counts
    )
