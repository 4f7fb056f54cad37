"""Whole lines by number, each range guarded by the text expected there."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Protocol

from perdure.contracts.errors import ToolRejected
from tools.editing.drafts import Draft, Drafts
from tools.editing.lines import Lines, in_style_of, with_plain_ends
from tools.text_files import TextFile, visible
from tools.titles import shown_path

SHOWN_LINES = 30


class Range(Protocol):
    """Lines ``start`` to ``end`` of the file as it was; ``end = start - 1`` is the empty range before ``start``."""

    @property
    def start(self) -> int: ...
    @property
    def end(self) -> int: ...
    @property
    def expected(self) -> str: ...
    @property
    def replace(self) -> str: ...


def apply_ranges(drafts: Drafts, ranges: Sequence[tuple[str, Range]]) -> None:
    """Replace every range; ToolRejected says which ones are out of range, stale or in each other's way."""
    drafted: dict[str, tuple[Draft, TextFile, list[tuple[int, Range]]]] = {}
    refusals: list[str] = []
    for number, (path, one) in enumerate(ranges, 1):
        try:
            draft, file = drafts.existing(path)
        except ToolRejected as refusal:
            refusals.append(f"Range {number}: {refusal}")
            continue
        drafted.setdefault(draft.path, (draft, file, []))[2].append((number, one))
    for draft, file, wanted in drafted.values():
        lines = Lines(file.text)
        problems = [_problem(file, lines, number, one) for number, one in wanted]
        refusals.extend(problem for problem in problems if problem)
        if not any(problems):
            refusals.extend(_overlaps(draft.path, wanted))
            draft.file = file.with_text(_replaced(file, lines, [one for _, one in wanted]))
    if refusals:
        good = len(ranges) - len(refusals)
        raise ToolRejected(
            "Nothing was written.\n" + "\n".join(refusals[:5]) + "\n",
            "Number the lines as read_file shows them now, and send all ranges again in one call"
            + (f"; the other {good} are good as they are." if good > 0 else "."),
        )


def _problem(file: TextFile, lines: Lines, number: int, one: Range) -> str:
    """Why this range cannot be replaced; empty where it can."""
    where = f"Range {number} ({shown_path(file.path)} {one.start}-{one.end})"
    if one.start < 1 or one.end < one.start - 1 or one.end > len(lines) or one.start > len(lines) + 1:
        return f"{where} is no range of a file with {len(lines)} lines; lines are numbered from 1."
    there = lines.texts[one.start - 1 : one.end]
    if _guard(one.expected) == there or (there == [""] and not one.expected):
        return ""
    if not there:
        return f"{where} is empty: it inserts before line {one.start}, so 'expected' must be empty too."
    shown = visible("\n".join(there[:SHOWN_LINES])[:1_500])
    moved = _elsewhere(lines.texts, _guard(one.expected))
    hint = f" The expected text stands at line {moved} now." if moved else ""
    return f"{where} is stale: other text stands there.{hint} It reads:\n<<<\n{shown}\n>>>"


def _guard(expected: str) -> list[str]:
    plain = with_plain_ends(expected.removeprefix("\ufeff"))
    return plain.removesuffix("\n").split("\n") if plain else []


def _elsewhere(texts: list[str], wanted: list[str]) -> int:
    """The one line where the expected text begins; 0 where there is none or several."""
    if not any(line.strip() for line in wanted):
        return 0
    count = len(wanted)
    found = [at for at, text in enumerate(texts) if text == wanted[0] and texts[at : at + count] == wanted]
    return found[0] + 1 if len(found) == 1 else 0


def _overlaps(path: str, wanted: Sequence[tuple[int, Range]]) -> list[str]:
    ordered = sorted(wanted, key=lambda pair: (pair[1].start, pair[1].end))
    return [
        f"Ranges {first} and {second} of {shown_path(path)} overlap."
        for (first, one), (second, other) in pairwise(ordered)
        if other.start <= one.end or (other.start, other.end) == (one.start, one.end)
    ]


def _replaced(file: TextFile, lines: Lines, ranges: Sequence[Range]) -> str:
    text = file.text
    end = len(text)
    parts: list[str] = []
    # Sorting keeps the order of those that insert at the same place.
    for one in sorted(ranges, key=lambda one: (one.start, one.end))[::-1]:
        start = lines.start(one.start - 1)
        stop = lines.stop(one.end - 1) if one.end >= one.start else start
        parts += [text[stop:end], _new_lines(file, lines, one, start, stop)]
        end = start
    return text[:end] + "".join(reversed(parts))


def _new_lines(file: TextFile, lines: Lines, one: Range, start: int, stop: int) -> str:
    """The replacement as whole lines: never glued to the next line, nor to a last line without an end."""
    new = in_style_of(file, start, stop, one.replace)
    text = file.text
    unended = lines.last_is_unended
    ended = new.endswith(("\n", "\r"))
    end = in_style_of(file, start, stop, "\n") if file.line_end != "none" else "\n"
    if new and not ended and (stop < len(text) or (stop > start and not unended)):
        new += end
    if new and ended and stop == len(text) and stop > start and unended:
        new = new.removesuffix("\n").removesuffix("\r")
    if new and start == len(text) and start and unended:
        new = end + new
    return new
