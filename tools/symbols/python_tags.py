"""The names of a Python file by its lines alone: many times faster than a parse, and the same as what that finds.

Strings and comments are blanked, brackets say which lines go on, indents say where a definition ends: with its last
statement, where a parse counts the comments behind that as well. Where a file needs more than that, such as braces in the
braces of a string, indents by tabs or brackets that do not close, there is no answer.
"""

import keyword
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

_LONG = rb"""QQQ[^Q\\]*+(?:(?:\\.|Q(?!QQ))[^Q\\]*+)*+QQQ"""
_SHORT = rb"""Q[^Q\\\n]*+(?:\\(?:\r\n|.)[^Q\\\n]*+)*+Q"""
_BY_QUOTE = [form.replace(b"Q", quote) for quote in (b'"', b"'") for form in (_LONG, b"QQQ", _SHORT, b"Q")]
HIDDEN = re.compile(b"(%b)" % b"|".join([rb"#[^\n]*+", *_BY_QUOTE, rb"\\\r?\n"]), re.DOTALL)
"""Comments, strings, and the ends of lines that go on."""
UNENDED = frozenset((b'"', b"'", b'"""', b"'''"))
"""What begins a string that does not end."""
CALL = re.compile(rb"(?<![\w\x80-\xff])([A-Za-z_\x80-\xff][\w\x80-\xff]*+)\(")
DEFINITION = re.compile(rb"(?:async[ \t]+)?(def|class)[ \t]+([\w\x80-\xff]+)[ \t]*([(:]?)")
VARIABLE = re.compile(rb"([\w\x80-\xff]+)[ \t]*(?:=(?!=)|:(?!=))")
RARE = (b"\t", b"\f", b"\r", b"\x01")
UNUSUAL = re.compile(rb"^[ ]*\t|\f[ \t]*[^\s]|\r(?!\n)|\x01", re.MULTILINE)
"""Signs that make an indent or the count of lines doubtful; each has one of those above."""
FORMATTED = re.compile(rb"[fFtT][rR]?\Z")
INTERPOLATED = re.compile(rb"\{([^{}]*)\}")
KEYWORDS = frozenset(word.encode() for word in keyword.kwlist)
BLANK = b" \t\r\f\x01"
WORD = bytes({*b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_", *range(128, 256)})
ROUND = bytes.maketrans(b"[]{}", b"()()")
NO_BRACKET = bytes(set(range(256)) - set(b"()[]{}\n"))
COMMENT, BACKSLASH = b"#\\"
QUOTED = b'"'
DEEPEST = 200
"""Brackets in brackets: Python itself takes no more."""
MOST_BLANK_LINES = 100
"""Between a name and its bracket."""
MARK = 1
GOES_ON = b"\n\x01"
"""A line's end, and the mark of a line that goes on with what the one before began."""


class _Unusual(Exception):
    """The file needs a parse."""


def python_tags(data: bytes) -> bytes | None:
    """The lines of :mod:`tools.symbols.tags`; None where the file must be parsed to know them."""
    if any(sign in data for sign in RARE) and UNUSUAL.search(data):
        return None
    try:
        code = _blanked(data)
        return _scanned(code.split(b"\n"), _continued(code))
    except _Unusual:
        return None


def _blanked(data: bytes) -> bytes:
    """The code, with as many lines, without what is written in strings and comments."""
    parts = HIDDEN.split(data)
    # By far most are comments and short strings, so these take no call of a function each.
    parts[1::2] = [
        b"" if text[0] == COMMENT else text if b"\n" in text or b"{" in text or text in UNENDED else QUOTED
        for text in parts[1::2]
    ]
    for position in range(1, len(parts), 2):
        text = parts[position]
        if text and text is not QUOTED:
            parts[position] = _shown(text, parts[position - 1])
    return b"".join(parts)


def _shown(text: bytes, before: bytes) -> bytes:
    """What stays of a string, or of the end of a line that goes on; ``before`` is the code in front of it."""
    if text in UNENDED:
        raise _Unusual
    if text[0] == BACKSLASH:
        return GOES_ON
    # Only what is called inside of a formatted string is looked for.
    if b"{" in text and b"(" in text and FORMATTED.search(before[-2:]):
        return _interpolated(text)
    return QUOTED + GOES_ON * text.count(b"\n")


def _interpolated(text: bytes) -> bytes:
    """What a formatted string computes, without what it writes."""
    inside = text.strip(text[:1]).replace(b"{{", b"").replace(b"}}", b"")
    parts: list[bytes] = []
    for position, part in enumerate(INTERPOLATED.split(inside)):
        if position % 2:
            parts.append(_blanked(part).replace(b"\n", GOES_ON))
        elif b"{" in part or b"}" in part:
            raise _Unusual
        else:
            parts.append(GOES_ON * part.count(b"\n"))
    return b'"' + b" ".join(parts) + b'"'


def _continued(code: bytes) -> set[int]:
    """The numbers of the lines that begin inside of brackets."""
    brackets = code.translate(ROUND, NO_BRACKET)
    before = -1
    for _ in range(DEEPEST):
        if before == len(brackets):
            break
        before = len(brackets)
        brackets = brackets.replace(b"()", b"")
    else:
        raise _Unusual
    found: set[int] = set()
    depth = 0
    for number, part in enumerate(brackets.split(b"\n"), 1):
        if depth:
            found.add(number)
        if part:
            depth += part.count(b"(") - part.count(b")")
            if depth < 0:
                raise _Unusual
    if depth:
        raise _Unusual
    return found


class _Around(NamedTuple):
    indent: int
    position: int
    """Of its line among those of the definitions."""
    name: bytes
    kind: bytes


class _Definitions:
    """The definitions of a file, as they are begun and ended by its lines."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.begun: set[int] = set()
        """Numbers of the lines whose first bracket belongs to a definition."""
        self._around: list[_Around] = []
        self._variable = -1

    def take(self, number: int, last: int, line: bytes, stripped: bytes) -> None:
        """Take the first line of a statement; ``last`` is the last line of the one before."""
        indent = len(line) - len(stripped)
        self.end(last, indent)
        begin = stripped[:6]
        if begin[:4] == b"def " or begin == b"class " or begin == b"async ":
            found = DEFINITION.match(stripped)
            if found is not None:
                self._begin(found, number, indent)
            elif begin != b"async " or stripped[6:].lstrip().startswith(b"def"):
                raise _Unusual
        elif begin[:5] == b"case " and b"(" in line:
            # A pattern of a class looks like a call.
            raise _Unusual
        elif not indent:
            self._bind(stripped, number)

    def end(self, last: int, indent: int) -> None:
        """End the variable before, and every definition that is indented no less."""
        if self._variable >= 0:
            self.lines[self._variable] %= last
            self._variable = -1
        around = self._around
        while around and indent <= around[-1].indent:
            self.lines[around.pop().position] %= last

    def _begin(self, found: re.Match[bytes], number: int, indent: int) -> None:
        what, name, after = found.groups()
        if not after:
            raise _Unusual
        if after == b"(":
            self.begun.add(number)
        kind = what
        if what == b"def":
            kind = b"method" if self._around and self._around[-1].kind == b"class" else b"function"
        container = b".".join([each.name for each in self._around])
        self._around.append(_Around(indent, len(self.lines), name, kind))
        self.lines.append(b"D\t%b\t%b\t%d\t%%d\t%b\n" % (kind, name, number, container))

    def _bind(self, stripped: bytes, number: int) -> None:
        if b";" in stripped:
            raise _Unusual
        found = VARIABLE.match(stripped)
        if found is not None and found[1] not in KEYWORDS:
            self._variable = len(self.lines)
            self.lines.append(b"D\tvariable\t%b\t%d\t%%d\t\n" % (found[1], number))


def _scanned(lines: Sequence[bytes], continued: set[int]) -> bytes:
    definitions = _Definitions()
    last = 0
    for number, line in enumerate(lines, 1):
        stripped = line.lstrip()
        if stripped:
            if stripped[0] != MARK and number not in continued:
                definitions.take(number, last, line, stripped)
            last = number
    definitions.end(last, 0)
    # Those who read them sort them as they need.
    return b"".join([*definitions.lines, *_calls(lines, continued, definitions.begun)])


def _calls(lines: Sequence[bytes], continued: set[int], begun: set[int]) -> Iterator[bytes]:
    """What stands before each bracket but those of definitions."""
    for number, line in enumerate(lines, 1):
        if b"(" not in line:
            continue
        if b" (" not in line and line.lstrip(BLANK)[:1] != b"(":
            for name in CALL.findall(line)[number in begun :]:
                if name not in KEYWORDS:
                    yield b"R\tcall\t%b\t%d\n" % (name, number)
            continue
        for before in line.split(b"(")[number in begun : -1]:
            name, at = before[len(before.rstrip(WORD)) :], number
            if not name and before[-1:] in BLANK:
                goes_on = number in continued or line[0] == MARK
                name, at = _further_before(lines, number, before, goes_on=goes_on)
            if name and name not in KEYWORDS and not name[:1].isdigit():
                yield b"R\tcall\t%b\t%d\n" % (name, at)


def _further_before(
    lines: Sequence[bytes], number: int, before: bytes, *, goes_on: bool
) -> tuple[bytes, int]:
    """The word before blanks, which may be at the end of a line above, and its line."""
    before = before.rstrip(BLANK)
    highest = max(1, number - MOST_BLANK_LINES)
    while not before and goes_on and number > highest:
        number -= 1
        before = lines[number - 1].rstrip(BLANK)
    return before[len(before.rstrip(WORD)) :], number
