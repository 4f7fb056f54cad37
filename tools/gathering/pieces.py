"""Pieces of files with the reason why each matters, in forms from short to whole."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

from perdure.contracts.errors import ToolRejected
from perdure.safety.secrets.cutting import beginning
from tools.searching.chunks import first_line_above
from tools.symbols.index import SymbolIndex
from tools.symbols.reading import read_text
from tools.symbols.tags import Tag
from tools.text_files import lines_of, visible
from tools.titles import shown_path
from tools.tool_schemas import ToolContext

LINE_CHARACTERS = 220
SHORT_LINES = 3
"""Of a definition; as many uses are shown of one place."""
AROUND = 2
"""Lines before and after a use in its middle form."""
BEGINNING_LINES = 25
WHOLE_LINES = 150
"""A longer piece is shown as far as this."""
LISTED = (3, 8, 20, 60)
"""Files of a list, from its shortest form to its longest."""


@dataclass(frozen=True)
class Piece:
    """A range of lines of one file."""

    why: str
    """``definition``, ``caller``, ``test``, ``match`` and so on."""
    path: str
    first: int
    last: int
    lines: Sequence[str]
    """The whole file's."""
    name: str = ""
    focus: tuple[int, ...] = ()
    """Lines in it that it is here for."""
    outline: tuple[int, ...] = ()
    """Lines that begin what is in it."""

    @property
    def place(self) -> str:
        """Such as ``app/money.py:3-9``."""
        return f"{shown_path(self.path)}:{self.first}" + (f"-{self.last}" if self.last > self.first else "")

    is_loose: bool = False
    """Whether its lines belong together only by what they are here for, so that it is never shown whole."""

    @cached_property
    def forms(self) -> tuple[str, ...]:
        """Its texts, the shortest first; each says more than the one before."""
        start = self._begin
        whole = range(self.first, min(self.last, self.first + WHOLE_LINES - 1) + 1)
        if self.focus:
            near = {line + by for line in self.focus for by in range(-AROUND, AROUND + 1)}
            begin = [start] if self.name else []
            chosen = [[*begin, *self.focus[:SHORT_LINES]], [*begin, *near], [] if self.is_loose else whole]
        else:
            beginning = range(start, start + BEGINNING_LINES)
            middle = [*beginning[:SHORT_LINES], *self.outline] if self.outline else beginning
            is_short = self.last - self.first < BEGINNING_LINES
            chosen = [beginning[:SHORT_LINES], *([] if is_short else [middle]), whole]
        texts = [self._text(each) for each in chosen if each]
        return tuple(dict.fromkeys(sorted(texts, key=len)))

    def is_within(self, other: "Piece") -> bool:
        """Whether the other one shows all of it."""
        return self.path == other.path and other.first <= self.first and self.last <= other.last

    @property
    def _begin(self) -> int:
        """The first line that says something, which is no decorator or comment."""
        for number in range(self.first, self.last + 1):
            text = self._line(number).strip()
            if text and not text.startswith(("@", "#", "//", "/*", "*", '"""')):
                return number
        return self.first

    def _line(self, number: int) -> str:
        return self.lines[number - 1] if 0 < number <= len(self.lines) else ""

    def _text(self, numbers: Iterable[int]) -> str:
        wanted = sorted({number for number in numbers if self.first <= number <= self.last})
        at = f", at {', '.join(map(str, self.focus[:6]))}" if self.focus and self.last > self.first else ""
        name = f" {visible(self.name)}" if self.name else ""
        text, before = [f"== {self.why}: {self.place}{name}{at}"], self.first - 1
        for number in wanted:
            if number > before + 1:
                text.append("…")
            text.append(f"{number}: {shortened(self._line(number))}".rstrip())
            before = number
        if before < self.last:
            text.append(f"… {counted(self.last - before, 'more line')}")
        return "\n".join(text)


@dataclass(frozen=True)
class Listing:
    """Single lines of many files."""

    why: str
    entries: Sequence[str]

    @property
    def place(self) -> str:
        """How many."""
        return counted(len(self.entries), "file")

    @cached_property
    def forms(self) -> tuple[str, ...]:
        """Its texts, the shortest first."""
        counts = sorted({min(count, len(self.entries)) for count in LISTED})
        return tuple(self._text(count) for count in counts)

    def _text(self, count: int) -> str:
        more = len(self.entries) - count
        end = [f"… {counted(more, 'more file')}"] if more else []
        return "\n".join([f"== {self.why}: {self.place}", *self.entries[:count], *end])


Shown: TypeAlias = Piece | Listing


def counted(count: int, one: str, many: str = "") -> str:
    """``1 test``, ``2 tests``."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def shortened(line: str) -> str:
    shown = visible(line.rstrip())
    return shown if len(shown) <= LINE_CHARACTERS else f"{beginning(shown, LINE_CHARACTERS)}…"


class Files:
    """Lines and tags of the workspace's files, read once for a call."""

    def __init__(self, context: ToolContext, index: SymbolIndex) -> None:
        self._context = context
        self._index = index
        self._lines: dict[str, Sequence[str]] = {}
        self._tags: dict[str, Sequence[Tag]] = {}

    def lines(self, path: str) -> Sequence[str]:
        """The lines; none where the file went away or is no text."""
        if path not in self._lines:
            try:
                self._lines[path] = lines_of(read_text(self._context.copy, path)[1])
            except ToolRejected:
                # It went away since it was listed, or is no text: it has no line to show.
                self._lines[path] = ()
        return self._lines[path]

    def line(self, path: str, number: int) -> str:
        """One line; empty where the file has no such line."""
        lines = self.lines(path)
        return lines[number - 1] if 0 < number <= len(lines) else ""

    async def tags(self, path: str) -> Sequence[Tag]:
        """What the file defines and uses."""
        if path not in self._tags:
            self._tags[path] = await self._index.tags(path)
        return self._tags[path]

    async def definition_around(self, path: str, line: int) -> Tag | None:
        """The innermost function, method or class that a line is in."""
        around = [
            tag
            for tag in await self.tags(path)
            if tag.is_definition
            and tag.kind not in {"variable", "constant", "field"}
            and tag.line <= line <= tag.end_line
        ]
        return max(around, key=lambda tag: (tag.line, -tag.end_line), default=None)

    async def of_definition(self, why: str, tag: Tag, *, focus: Iterable[int] = ()) -> Piece:
        """The piece that a definition is, with the decorators and comments above it."""
        lines = self.lines(tag.path)
        inner = (
            each.line
            for each in await self.tags(tag.path)
            if each.is_definition and each.container == tag.dotted and tag.line < each.line <= tag.end_line
        )
        return Piece(
            why=why,
            path=tag.path,
            first=first_line_above(lines, min(tag.line - 1, len(lines))) + 1,
            last=max(tag.line, tag.end_line),
            lines=lines,
            name=f"{tag.kind} {tag.dotted}",
            focus=tuple(sorted(set(focus))),
            outline=tuple(inner),
        )

    def of_lines(
        self, why: str, path: str, first: int, last: int, *, name: str = "", focus: Iterable[int] = ()
    ) -> Piece:
        """The piece that some lines are."""
        return Piece(why, path, first, last, self.lines(path), name, tuple(sorted(set(focus))))
