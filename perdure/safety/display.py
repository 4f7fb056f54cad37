"""Text of unknown origin as people see it: nothing in it can hide, reorder or imitate what we write around it."""

import re

from perdure.contracts.errors import InvalidInput
from perdure.contracts.hidden import escape_hidden, escaped
from perdure.safety.lookalikes import escape_lookalikes

__all__ = ["escape_hidden", "fenced", "fenced_and_left_out", "for_display", "inline_code"]

BETWEEN = "\n… {} characters left out …\n"
"""Stands between head and tail."""
SHORTEST_LIMIT = 80
"""Below this there is no room for a head, a tail and the sentence between them."""


def for_display(text: str, limit: int) -> str:
    """The text with every hidden character escaped, at most ``limit`` characters: head and tail, and what is between.

    Escapes are ``\\xNN``, ``\\uNNNN`` and ``\\U00NNNNNN``; line feeds and tabs stay. Letters that stand in a word to be
    taken for others are escaped too. The count in the middle says how
    many characters of the original are left out.
    """
    return _shown(text, limit, BETWEEN)[0]


def fenced(text: str, limit: int, *, language: str = "") -> str:
    """The text for display inside a Markdown code fence that is longer than any run of backticks in it."""
    return fenced_and_left_out(text, limit, language=language)[0]


def fenced_and_left_out(text: str, limit: int, *, language: str = "") -> tuple[str, int]:
    """The same, with how many characters of the text are not shown in it."""
    shown, left_out = _shown(text, limit, BETWEEN)
    longest = max((len(run) for run in re.findall(r"`+", shown)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{shown}{'' if shown.endswith(chr(10)) else chr(10)}{fence}", left_out


def inline_code(text: str, limit: int) -> str:
    """The text for display as one line of Markdown code; line feeds and tabs are escaped too."""
    shown, _ = _shown(text.replace("\n", "\\n").replace("\t", "\\t"), limit, " … {} characters left out … ")
    longest = max((len(run) for run in re.findall(r"`+", shown)), default=0)
    fence = "`" * (longest + 1)
    padding = " " if longest or not shown.strip() else ""
    return f"{fence}{padding}{shown}{padding}{fence}"


def _shown(text: str, limit: int, note: str) -> tuple[str, int]:
    """The escaped text within the limit, and how many characters are left out; ``note`` takes that number."""
    if limit < SHORTEST_LIMIT:
        raise InvalidInput(
            f"The display limit is {limit}, but head and tail need at least {SHORTEST_LIMIT} characters."
        )
    text = _spelled(text, limit)
    # A text longer than the limit is never escaped whole: only its ends are shown.
    if len(text) <= limit and len(whole := escape_hidden(text)) <= limit:
        return whole, 0
    room = limit - len(note.format(len(text)))
    tail_room = room // 3
    head, head_used = _fitting(text, room - tail_room)
    tail, tail_used = _fitting_tail(text[head_used:], tail_room)
    head_used, tail_used = _without_halves(text, head_used, tail_used)
    head = "".join(map(escaped, text[:head_used]))
    tail = "".join(map(escaped, text[len(text) - tail_used :]))
    left_out = len(text) - head_used - tail_used
    return head + note.format(left_out) + tail, left_out


def _without_halves(text: str, head: int, tail: int) -> tuple[int, int]:
    """As many characters of both ends, fewer where a credential would be cut: what is shown is looked at later."""
    # The patterns take a tenth of a second to load, and most of what the command line shows is not cut.
    from perdure.safety.secrets.cutting import beginning, ending

    return len(beginning(text, head)), len(ending(text, tail)) if tail else 0


def _spelled(text: str, limit: int) -> str:
    """The text with letters escaped that pass for others, as far as it can be shown."""
    if text.isascii():
        return text
    if len(text) <= 2 * limit:
        return escape_lookalikes(text)
    return escape_lookalikes(text[:limit]) + text[limit:-limit] + escape_lookalikes(text[-limit:])


def _fitting(text: str, room: int) -> tuple[str, int]:
    """As much of the beginning as fits once escaped, and how many characters of the original that is."""
    shown: list[str] = []
    for used, character in enumerate(text):
        seen = escaped(character)
        room -= len(seen)
        if room < 0:
            return "".join(shown), used
        shown.append(seen)
    return "".join(shown), len(text)


def _fitting_tail(text: str, room: int) -> tuple[str, int]:
    """As much of the end as fits once escaped, and how many characters of the original that is."""
    shown: list[str] = []
    for character in reversed(text):
        seen = escaped(character)
        room -= len(seen)
        if room < 0:
            break
        shown.append(seen)
    return "".join(reversed(shown)), len(shown)
