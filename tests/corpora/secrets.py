"""``secrets.json``: credentials in their usual surroundings, one token in many disguises, and text that is no credential."""

import json
import re
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from perdure.safety.secrets import KnownValues, Redactor
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
    collection = json.loads(place.read_text(encoding="utf-8"))
    cases = [
        *_positives(collection["positives"]),
        *_evasions(collection["evasions"]),
        *_negatives(collection["negatives"]),
    ]
    return [one for one in cases if one.id.startswith(only)]


def _redacted(redactor: Redactor, pieces: list[str]) -> tuple[str, str, float]:
    started = time.monotonic()
    stream = redactor.stream()
    in_pieces = "".join(map(stream.feed, pieces)) + stream.close()
    return redactor.redact("".join(pieces)), in_pieces, time.monotonic() - started


def _positives(cases: list[CASE]) -> Iterator[Result]:
    redactor = Redactor()
    for case in cases:
        value = "".join(case["parts"])
        text = case["context"].format(value)
        wanted = match[1] if (match := _URL.match(value)) else value
        whole, streamed, seconds = _redacted(
            redactor, [text[at : at + PIECE] for at in range(0, len(text), PIECE)]
        )
        left = wanted in whole or wanted in streamed
        miss = Miss.WRONG_OUTCOME if left and case["must_redact"] else None
        yield Result(
            case["id"], "credential", miss, f"{case['kind']} is left in the text" if miss else "", "", seconds
        )


def _evasions(cases: list[CASE]) -> Iterator[Result]:
    """The token is the one that the pieces of the first disguise make up, and is known to the redactor."""
    token = next("".join(case["parts"]) for case in cases if case["shape"] == "split-across-chunks")
    redactor = Redactor(KnownValues([("known-value", token)]))
    for case in cases:
        whole, streamed, seconds = _redacted(redactor, list(case["parts"]))
        unchanged = "".join(case["parts"]) in (whole, streamed)
        beyond = "out of scope" in case["note"]
        miss = Miss.WRONG_OUTCOME if unchanged and not beyond else None
        counts = ("not detected, as the case says",) if unchanged and beyond else ()
        yield Result(
            case["id"],
            "disguise",
            miss,
            case["shape"] if miss else "",
            whole if miss else "",
            seconds,
            counts,
        )


def _negatives(cases: list[CASE]) -> Iterator[Result]:
    redactor = Redactor()
    for case in cases:
        whole, streamed, seconds = _redacted(redactor, [case["text"]])
        miss = None if whole == streamed == case["text"] else Miss.WRONG_OUTCOME
        yield Result(case["id"], "no credential", miss, "taken out" if miss else "", whole, seconds)
