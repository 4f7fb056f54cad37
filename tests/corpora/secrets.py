"""``secrets.json``: credentials in their usual surroundings, one token in many disguises, and text that is no credential."""

import re
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from perdure.safety.secrets import KnownValues, Redactor
from tests.corpora.playing import CannotPlay, cases_of, played
from tests.corpora.report import Miss, Result

FOUND_BY = "secrets.json"
CASE = dict[str, Any]
_URL = re.compile(r"[a-z][a-z0-9+.-]*://[^\s:/@]*:([^\s@]+)@")
PIECE = 7
"""Characters that are fed to the stream at once."""


def found_in(folder: Path) -> Iterable[Path]:
    """Every file of this kind below."""
    return sorted(folder.rglob(FOUND_BY))


async def run(place: Path, only: str) -> list[Result]:
    """Redact each case whole and in pieces, as tool output is."""
    collection, _ = cases_of(place, "positives", "evasions", "negatives")
    if not collection:
        raise CannotPlay("the file is a list of cases, which does not say what each of them shows")
    evasions = collection.get("evasions", [])
    redactor, knowing = Redactor(), Redactor(KnownValues([("known-value", _token_of(evasions))]))
    return [
        *await played(collection.get("positives", []), only, lambda case: _positive(redactor, case)),
        *await played(evasions, only, lambda case: _evasion(knowing, case)),
        *await played(collection.get("negatives", []), only, lambda case: _negative(redactor, case)),
    ]


def _token_of(evasions: list[CASE]) -> str:
    """What the disguises hide, which the redactor knows: the pieces of the disguise that only cuts it make it up."""
    if not evasions:
        return ""
    for case in evasions:
        if case.get("shape") == "split-across-chunks":
            return "".join(case["parts"])
    raise CannotPlay("no disguise has the shape 'split-across-chunks', whose pieces make up the token")


def _redacted(redactor: Redactor, pieces: list[str]) -> tuple[str, str, float]:
    started = time.monotonic()
    stream = redactor.stream()
    in_pieces = "".join(map(stream.feed, pieces)) + stream.close()
    return redactor.redact("".join(pieces)), in_pieces, time.monotonic() - started


def _positive(redactor: Redactor, case: CASE) -> Result:
    value = "".join(case["parts"])
    text = case["context"].format(value)
    wanted = match[1] if (match := _URL.match(value)) else value
    whole, streamed, seconds = _redacted(
        redactor, [text[at : at + PIECE] for at in range(0, len(text), PIECE)]
    )
    left = wanted in whole or wanted in streamed
    miss = Miss.WRONG_OUTCOME if left and case.get("must_redact", True) else None
    why = f"{case.get('kind', '')} is left in the text" if miss else ""
    return Result(case["id"], "credential", miss, why, "", seconds)


def _evasion(redactor: Redactor, case: CASE) -> Result:
    whole, streamed, seconds = _redacted(redactor, list(case["parts"]))
    unchanged = "".join(case["parts"]) in (whole, streamed)
    beyond = "out of scope" in case.get("note", "")
    miss = Miss.WRONG_OUTCOME if unchanged and not beyond else None
    counts = ("not detected, as the case says",) if unchanged and beyond else ()
    why, said = (case.get("shape", ""), whole) if miss else ("", "")
    return Result(case["id"], "disguise", miss, why, said, seconds, counts)


def _negative(redactor: Redactor, case: CASE) -> Result:
    whole, streamed, seconds = _redacted(redactor, [case["text"]])
    miss = None if whole == streamed == case["text"] else Miss.WRONG_OUTCOME
    return Result(case["id"], "no credential", miss, "taken out" if miss else "", whole, seconds)
