"""Shortens a long output for the model: its head, its tail, and the lines between that speak of errors."""

import re
from collections.abc import Callable

from perdure.safety.secrets.cutting import beginning, ending

TELLING = re.compile(
    r"error|fail|exception|traceback|panic|fatal|assert|warning|not ok\b|undefined|cannot|denied|refused",
    re.IGNORECASE,
)
LINE_CHARACTERS = 300


def for_model(text: str, *, limit: int = 8_000, rest: Callable[[int], str] | None = None) -> str:
    """The text, or at most ``limit`` characters of it that say what was left out.

    ``rest`` says how to get the lines from a given one on, the first of which is 1.
    """
    if len(text) <= limit:
        return text
    lines = text.splitlines()
    head_end = _fitting(lines, limit * 3 // 10)
    tail_start = len(lines) - _fitting(lines[:head_end:-1], limit * 4 // 10)
    left_out = lines[head_end:tail_start]
    where = f"; {rest(head_end + 1)}" if rest else ""
    notice = f"[… {len(left_out):,} of {len(lines):,} lines left out{where}"
    matching = _matching(left_out, head_end + 1, limit * 2 // 10)
    middle = (
        [f"{notice}. Lines among them that speak of errors:", *matching, "…]"]
        if matching
        else [f"{notice} …]"]
    )
    if head_end == 0 and tail_start == len(lines):
        return _cut_inside(text, limit, where)
    return "\n".join([*lines[:head_end], *middle, *lines[tail_start:]])


def _fitting(lines: list[str], room: int) -> int:
    """How many of the first lines fit into the room."""
    for count, line in enumerate(lines):
        room -= len(line) + 1
        if room < 0:
            return count
    return len(lines)


def _matching(lines: list[str], first_number: int, room: int) -> list[str]:
    found: list[str] = []
    for number, line in enumerate(lines, first_number):
        if not TELLING.search(line):
            continue
        shown = f"{number}: {beginning(line, LINE_CHARACTERS).strip()}"
        room -= len(shown) + 1
        if room < 0:
            break
        found.append(shown)
    return found


def _cut_inside(text: str, limit: int, where: str) -> str:
    """Head and tail of a text whose first and last lines are too long to show whole."""
    kept = limit * 4 // 10
    return f"{beginning(text, kept)}\n[… {len(text) - 2 * kept:,} characters left out{where} …]\n{ending(text, kept)}"
