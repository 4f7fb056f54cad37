"""The text as it would read without what hides a credential in it: colour codes, invisible characters, escapes.

A folded text knows for each of its characters where in the original it came from, so that what is found in it is taken
out of the original.
"""

import re
import string
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

_ANSI = r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]{0,500}(?:\x07|\x1b\\)|[@-Z\\-_])"
_INVISIBLE = "\x00\x08\xad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\U000e0000-\U000e01ef"
_HIDDEN = re.compile(f"{_ANSI}|[{_INVISIBLE}]")
_ESCAPED = re.compile(
    r"\\u00([2-7][0-9a-fA-F])|\\x([2-7][0-9a-fA-F])|\\u\{0*([2-7][0-9a-fA-F])\}|%([2-7][0-9a-fA-F])|&#[xX]0*([2-7][0-9a-fA-F]);"
    r"|&#0*(\d{2,3});"
)
_BREAK = re.compile(r"\n[ \t>|#*+-]{0,8}(?=[\w+/=.-]{4})")
_IN_WORDS = string.ascii_letters + string.digits + "_+/=.-"
_AFTER_BREAK = re.compile(r"[\w+/=.-]{4,200}")
_RUNS = re.compile(r"[\w.+/=~%:-]{15,}")


@dataclass(frozen=True)
class Folded:
    """``places[i]`` is where what stands for character i begins in the original; the last entry is the original's length."""

    text: str
    places: list[int]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Where the original holds what the folded text holds from ``start`` to before ``end``."""
        return self.places[start], self.places[end]


def foldings(text: str) -> list[Folded]:
    """The readings of a text beside the text itself; none where nothing is hidden in it."""
    readings: list[Folded] = []
    if _HIDDEN.search(text):
        readings.append(_folded(text, _HIDDEN, lambda _: ""))
    if not text.isascii() and (plain := _compatible(text)) is not None:
        readings.append(plain)
    if ("\\" in text or "%" in text or "&#" in text) and _ESCAPED.search(text):
        readings.append(_folded(text, _ESCAPED, _unescaped))
    return readings


def dense(text: str) -> Folded:
    """Only the runs of characters that are long enough for a credential, a line each: all that a shape can be in."""
    parts: list[str] = []
    places: list[int] = []
    for match in _RUNS.finditer(text):
        parts.append(match[0])
        places.extend(range(match.start(), match.end() + 1))
    return Folded("\n".join(parts), [*places, len(text)])


def unwrapped(text: str) -> Folded:
    """Only the words that go on in the next line, joined, a line each."""
    parts: list[str] = []
    places: list[int] = []
    end = -1
    for match in _BREAK.finditer(text):
        line = text[max(0, match.start() - 202) : match.start()].removesuffix("\r").removesuffix("\\")
        word = line[len(line.rstrip(_IN_WORDS)) :]
        after = _AFTER_BREAK.match(text, match.end())
        if len(word) < 8 or not after:
            continue
        start = text.rindex(word, 0, match.start())
        if end != start + len(word):
            parts.append("\n" * bool(parts) + word)
            places += [end] * (end >= 0)
            places.extend(range(start, start + len(word)))
        parts.append(after[0])
        places.extend(range(after.start(), after.end()))
        end = after.end()
    return Folded("".join(parts), [*places, max(end, 0)])


def _unescaped(match: re.Match[str]) -> str:
    for number in range(1, 6):
        if match[number]:
            return chr(int(match[number], 16))
    code = int(match[6])
    return chr(code) if 0x20 <= code < 0x7F else match[0]


def _folded(text: str, pattern: re.Pattern[str], shown: Callable[[re.Match[str]], str]) -> Folded:
    """``shown`` gives at most one character, or the match itself."""
    parts: list[str] = []
    places: list[int] = []
    at = 0
    for match in pattern.finditer(text):
        parts.append(text[at : match.start()])
        places.extend(range(at, match.start()))
        replacement = shown(match)
        parts.append(replacement)
        places.extend(range(match.start(), match.start() + len(replacement)))
        at = match.end()
    parts.append(text[at:])
    places.extend(range(at, len(text)))
    return Folded("".join(parts), [*places, len(text)])


def _compatible(text: str) -> Folded | None:
    """Full-width and styled letters as the plain ones that they are drawn like; None where there are none."""
    changed = {one: unicodedata.normalize("NFKC", one) for one in set(text) if one > "\x7f"}
    table = {
        one: plain for one, plain in changed.items() if plain != one and len(plain) == 1 and plain.isascii()
    }
    if not table:
        return None
    return Folded(text.translate(str.maketrans(table)), list(range(len(text) + 1)))
