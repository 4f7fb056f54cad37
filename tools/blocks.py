"""Exact search and replace in one text: where a block belongs, and why it belongs nowhere."""

import re
from dataclasses import dataclass

from tools.near_text import near_passages
from tools.text_files import TextFile, line_end_of, with_line_ends

SHOWN_PLACES = 8


@dataclass(frozen=True)
class Found:
    """The one place of a block."""

    start: int
    end: int
    replacement: str


@dataclass(frozen=True)
class Missed:
    """Why a block has no place, in sentences for the model."""

    why: str


def find_place(file: TextFile, search: str, replacement: str) -> Found | Missed:
    """Where the search text stands exactly once, line ends aside, with the replacement in the file's line ends."""
    if file.mark and search.startswith("\ufeff"):
        search, replacement = search.removeprefix("\ufeff"), replacement.removeprefix("\ufeff")
    places = _places(file.text, search)
    if len(places) == 1:
        return Found(places[0], places[0] + len(search), with_line_ends(replacement, file.line_end))
    if places:
        return Missed(_too_many(file.text, places))
    return _find_by_lines(file, search, replacement)


def _find_by_lines(file: TextFile, search: str, replacement: str) -> Found | Missed:
    """The same with every line end taken for LF, and with a final one that the file may lack."""
    plain = re.sub(r"\r\n|\r", "\n", file.text)
    wanted = re.sub(r"\r\n|\r", "\n", search)
    lacks_last = not plain.endswith("\n")
    places = _places(plain + "\n" if lacks_last else plain, wanted)
    if len(places) > 1:
        return Missed(_too_many(file.text, [_offset(file.text, place) for place in places]))
    if not places:
        return Missed(_nowhere(file, wanted, replacement))
    place, stop = places[0], places[0] + len(wanted)
    if stop > len(plain):
        stop -= 1
        replacement = re.sub(r"\r?\n\Z", "", replacement)
    start, end = _offset(file.text, place), _offset(file.text, stop)
    style = file.line_end
    if style == "mixed":
        style = line_end_of(file.text[start:end])
    return Found(start, end, with_line_ends(replacement, style))


def _offset(text: str, plain_offset: int) -> int:
    """Where a position in the text with LF line ends lies in the text itself."""
    if "\r\n" not in text:
        return plain_offset
    passed = 0
    for end in re.finditer(r"\r\n", text):
        if end.start() - passed >= plain_offset:
            break
        passed += 1
    return plain_offset + passed


def _places(text: str, search: str) -> list[int]:
    """Every place where the search text begins, overlapping ones included."""
    places: list[int] = []
    place = text.find(search)
    while place >= 0:
        places.append(place)
        place = text.find(search, place + 1)
    return places


def _line_of(text: str, place: int) -> int:
    return text.count("\n", 0, place) + (text.count("\r", 0, place) if "\n" not in text else 0) + 1


def _too_many(text: str, places: list[int]) -> str:
    lines = ", ".join(str(_line_of(text, place)) for place in places[:SHOWN_PLACES])
    more = f" and {len(places) - SHOWN_PLACES} more places" if len(places) > SHOWN_PLACES else ""
    return (
        f"its search text occurs {len(places)} times, at line {lines}{more}. "
        "Add lines from before or after it until it occurs once."
    )


def _nowhere(file: TextFile, wanted: str, replacement: str) -> str:
    plain = re.sub(r"\r\n|\r", "\n", file.text)
    done = _places(plain, re.sub(r"\r\n|\r", "\n", replacement)) if replacement.strip() else []
    if len(done) == 1 and len(replacement.strip()) > 8:
        return (
            f"its search text is not in the file, but its replacement already stands at line "
            f"{_line_of(plain, done[0])}. If that is what you want, leave this block out."
        )
    near = near_passages(plain, wanted)
    if not near:
        return (
            f"its search text is not in the file ({plain.count(chr(10)) + 1} lines), and nothing like it is. "
            "Read the file before you edit it."
        )
    shown = "\n".join(
        f"Lines {one.first}-{one.last} are like it, but differ{one.difference}:\n<<<\n{one.text}\n>>>"
        for one in near
    )
    return f"its search text is not in the file. {shown}\nCopy the text between <<< and >>> exactly."
