"""Where a search text belongs in a file: first as it stands, then by ever looser rules, and nowhere when in doubt.

The rungs, each tried only where those before it found nothing:

exact        the very characters
eol          line ends and byte order mark aside, also the final line end that the file may lack
trailing     whole lines, blanks at their ends aside
indent       whole lines, all moved by the same depth; the replacement moves along
unicode      typographic quotes, dashes, blanks and the ellipsis taken for their ASCII forms
whitespace   whole lines, any run of blanks taken for one
similar      whole lines, at least 0.90 alike and 0.05 more so than any other place

Two places on one rung are a refusal: no looser rule could tell them apart.
"""

from collections.abc import Callable
from dataclasses import dataclass

from tools.editing.indentation import Shift, in_kind_of
from tools.editing.likeness import Alike, find_alike
from tools.editing.line_runs import INDENT, TRAILING, UNICODE, WHITESPACE, Run, loose_firsts, loose_keys
from tools.editing.lines import ANY_BREAK, Lines, in_style_of, with_plain_ends
from tools.editing.misses import Missed, nowhere, too_many
from tools.editing.near_text import folded_punctuation
from tools.text_files import TextFile


@dataclass(frozen=True)
class Found:
    """The one place of a block, what is written there, and the rung it was found on."""

    start: int
    end: int
    replacement: str
    layer: str


class _Wanted:
    """A search text as whole lines."""

    def __init__(self, search: str) -> None:
        plain = with_plain_ends(search)
        self.ended = plain.endswith("\n")
        self.lines = plain.removesuffix("\n").split("\n")
        self.has_text = any(line.strip() for line in self.lines)


def find_place(file: TextFile, search: str, replacement: str) -> Found | Missed:
    """The one place of the search text with what is written there, or why there is none."""
    if search.startswith("\ufeff") and not file.text.startswith("\ufeff"):
        search, replacement = search.removeprefix("\ufeff"), replacement.removeprefix("\ufeff")
    if file.mark and search and file.text.startswith(search):
        replacement = replacement.removeprefix("\ufeff")
    places = _places(file.text, search)
    if len(places) == 1:
        return _found(file, places[0], places[0] + len(search), replacement, "exact")
    if places:
        return too_many(file.text, places)
    place = _find_in_plain(file, search, replacement, "eol", lambda text: text)
    return place or _find_by_lines(file, search, replacement) or nowhere(file, search, replacement)


def _found(file: TextFile, start: int, end: int, replacement: str, layer: str) -> Found:
    return Found(start, end, in_style_of(file, start, end, replacement), layer)


def _find_by_lines(file: TextFile, search: str, replacement: str) -> Found | Missed | None:
    wanted = _Wanted(search)
    if not wanted.has_text:
        return None
    lines = Lines(file.text)
    keys = loose_keys(lines.texts)
    firsts = loose_firsts(keys, wanted.lines)
    for rung in (TRAILING, INDENT, UNICODE, WHITESPACE):
        if rung is UNICODE:
            place = _find_in_plain(file, search, replacement, rung.name, folded_punctuation)
            if place:
                return place
        runs = list(rung.runs(lines.texts, wanted.lines, firsts))
        if len(runs) > 1:
            return too_many(file.text, [lines.start(run.first) for run in runs], rung.name)
        if runs:
            return _placed(file, lines, wanted, runs[0], replacement, rung.name)
    alike = find_alike(lines.texts, keys, wanted.lines)
    if isinstance(alike, Alike):
        run = Run(alike.first, alike.stop, alike.move)
        return _placed(file, lines, wanted, run, replacement, "similar")
    return alike


def _placed(
    file: TextFile, lines: Lines, wanted: _Wanted, run: Run, replacement: str, layer: str
) -> Found | Missed:
    """The span as characters, with the replacement at its depth."""
    last = run.stop - 1
    start, end = lines.start(run.first), lines.stop(last) if wanted.ended else lines.content_stop(last)
    if wanted.ended and lines.stop(last) == lines.content_stop(last):
        replacement = _without_last_end(replacement)
    moved = _moved(run, replacement)
    if moved is None:
        return Missed(
            f"its search text matches lines {run.first + 1}-{run.stop} but for their indentation, and the "
            "replacement cannot be moved to their depth. Copy the lines with their real indentation:\n<<<\n"
            + "\n".join(lines.texts[run.first : min(run.stop, run.first + 30)])
            + "\n>>>"
        )
    return _found(file, start, end, moved, layer)


def _moved(run: Run, replacement: str) -> str | None:
    if run.move == Shift():
        return replacement
    parts = with_plain_ends(replacement).split("\n")
    if isinstance(run.move, Shift):
        parts = in_kind_of(run.move.added, parts)
    moved = run.move.moved(parts)
    return None if moved is None else "\n".join(moved)


def _without_last_end(text: str) -> str:
    found = list(ANY_BREAK.finditer(text[-2:]))
    return text[: len(text) - len(found[-1].group())] if found and text.endswith(found[-1].group()) else text


def _find_in_plain(
    file: TextFile, search: str, replacement: str, layer: str, folded: Callable[[str], str]
) -> Found | Missed | None:
    """The place in the text with LF line ends, and with a final one that the file may lack."""
    plain, wanted = folded(with_plain_ends(file.text)), folded(with_plain_ends(search))
    lacks_last = not plain.endswith("\n")
    places = _places(plain + "\n" if lacks_last else plain, wanted)
    if not places:
        return None
    if len(places) > 1:
        return too_many(file.text, [_offset(file.text, place) for place in places], layer)
    place, stop = places[0], places[0] + len(wanted)
    if stop > len(plain):
        stop -= 1
        replacement = _without_last_end(replacement)
    return _found(file, _offset(file.text, place), _offset(file.text, stop), replacement, layer)


def _offset(text: str, plain_offset: int) -> int:
    """Where a position in the text with LF line ends lies in the text itself."""
    passed, place = 0, text.find("\r\n")
    while place >= 0 and place - passed < plain_offset:
        passed += 1
        place = text.find("\r\n", place + 2)
    return plain_offset + passed


def _places(text: str, search: str) -> list[int]:
    """Every place where the search text begins, overlapping ones included."""
    places: list[int] = []
    place = text.find(search)
    while place >= 0:
        places.append(place)
        place = text.find(search, place + 1)
    return places
