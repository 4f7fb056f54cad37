"""Cuts files into the pieces that a search finds: functions, classes without what is in them, and what lies between."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

LONGEST_LINES = 80
"""A longer definition is cut into several pieces."""
LINES_BETWEEN = 50
SHORTEST_CHARACTERS = 3
#: What begins a line that belongs to the definition below it.
ABOVE = ("@", "#", "//", "/*", "*", "--", "export default")
MOST_ABOVE = 20
DIVIDED = frozenset({"class", "struct", "interface", "implementation", "module", "namespace"})
WHOLE = frozenset({"function", "method", "constructor", "enum", "type", "macro"})


@dataclass(frozen=True)
class Definition:
    """Where a name is defined; lines from 1, the last one included."""

    name: str
    kind: str
    line: int
    end_line: int
    container: str = ""


@dataclass(frozen=True)
class Chunk:
    """A piece of a file; lines from 1, the last one included. Without a name it is what no definition covers."""

    start: int
    end: int
    text: str
    name: str = ""
    kind: str = ""


def chunks_of(text: str, definitions: Sequence[Definition]) -> list[Chunk]:
    """The pieces in the order of the file; every line that holds something is in one, and in no two."""
    lines = text.removesuffix("\n").split("\n")
    owner = _owners(lines, definitions)
    found: list[Chunk] = []
    start = 0
    for at in range(1, len(lines) + 1):
        if at == len(lines) or owner[at] != owner[start]:
            found += _pieces(lines, start, at, definitions[owner[start]] if owner[start] >= 0 else None)
            start = at
    return found


def _owners(lines: Sequence[str], definitions: Sequence[Definition]) -> list[int]:
    """For each line the definition it belongs to, -1 for none."""
    owner = [-1] * len(lines)
    # The outer one first, so that the inner ones take their lines from it. A function keeps what is defined in it.
    order = sorted(
        (index for index, one in enumerate(definitions) if one.kind in DIVIDED | WHOLE),
        key=lambda index: (definitions[index].line, -definitions[index].end_line),
    )
    whole_until = 0
    for index in order:
        one = definitions[index]
        if one.line <= whole_until:
            continue
        first, last = first_line_above(lines, one.line - 1), min(one.end_line, len(lines))
        owner[first:last] = [index] * (last - first)
        if one.kind in WHOLE:
            whole_until = one.end_line
    return owner


def first_line_above(lines: Sequence[str], first: int) -> int:
    """With the decorators and comments right above."""
    for _ in range(MOST_ABOVE):
        if first == 0 or not lines[first - 1].strip().startswith(ABOVE):
            break
        first -= 1
    return first


def _pieces(lines: Sequence[str], start: int, end: int, one: Definition | None) -> Iterator[Chunk]:
    longest = LONGEST_LINES if one else LINES_BETWEEN
    dotted = "" if one is None else f"{one.container}.{one.name}" if one.container else one.name
    for first in range(start, end, longest):
        last = min(first + longest, end)
        text = "\n".join(lines[first:last])
        if len(text.strip()) >= SHORTEST_CHARACTERS:
            yield Chunk(first + 1, last, text, dotted, one.kind if one else "")
