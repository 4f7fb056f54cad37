"""The text as it would read without what hides a credential in it: colour codes, invisible characters, escapes.

A folded text knows for each of its characters where in the original it came from, so that what is found in it is taken
out of the original.
"""

import re
import string
import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Iterable
from dataclasses import dataclass

_ANSI = r"(?:\x1b|\\u001[bB]|\\x1[bB]|\\033|\\e)(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]{0,500}(?:\x07|\x1b\\)|[@-Z\\-_])"
_INVISIBLE = "\x00\x08\xad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\U000e0000-\U000e01ef"
_HIDDEN = re.compile(f"{_ANSI}|[{_INVISIBLE}]")
_COLOURS = re.compile(_ANSI)
_BEGIN_COLOURS = ("\x1b", "\\u001b[", "\\u001B[", "\\x1b[", "\\x1B[", "\\033[", "\\e[")
_HIDDEN_IN_ASCII = (*_BEGIN_COLOURS, "\x00", "\x08")
_ALL_INVISIBLE = frozenset(
    chr(code)
    for first, last in re.findall("(?s)(.)(?:-(.))?", _INVISIBLE)
    for code in range(ord(first), ord(last or first) + 1)
)
_ESCAPED = re.compile(
    r"\\\\{0,3}u00([2-7][0-9a-fA-F])|\\\\{0,3}x([2-7][0-9a-fA-F])|\\u\{0*([2-7][0-9a-fA-F])\}|%(?:25){0,3}([2-7][0-9a-fA-F])"
    r"|&#[xX]0*([2-7][0-9a-fA-F]);|&#0*(\d{2,3});|\\([01][0-7]{2})|\\U000000([2-7][0-9a-fA-F])"
)
_PUT_TOGETHER = re.compile(
    r"[\"'](?<=[\w+/=.-]{4}.)[ \t]{0,4}(?:\+|\.{1,2}|&|\|\|)?\s{0,80}(?:\+|\.{1,2}|&|\\\s{1,40})?[ \t]{0,4}[bfru]?[\"'](?=[\w+/=.-]{4})"
)
"""What stands between the parts of a text that a program puts together."""
_ALIKE = dict(
    zip(
        "аеорсухіјѕһԁԛԝАВЕКМНОРСТУХІЈЅΑΒΕΖΗΙΚΜΝΟΡΤΥΧο",
        "aeopcyxijshdqwABEKMHOPCTYXIJSABEZHIKMNOPTYXo",
        strict=True,
    )
)
"""Letters of other scripts that are drawn like Latin ones."""
_WRITTEN_BREAKS = {"\\": ("\\n", "\\r", "\\t", "\\f", "\\b"), "%0": ("%0A", "%0a", "%0D", "%0d")}
"""A letter that belongs to one of them does not belong to what stands behind it."""
IN_WORDS = string.ascii_letters + string.digits + "_+/=.-"
# Most lines end with what no credential ends with: that is seen first.
_BREAK = re.compile(
    r"\n(?<=[\w+/=.\r\\-]\n)(?:[ \t]{0,8}\d{1,6}[ \t]{0,2}[:|→\t][ \t]?|[ \t>|#*+-]{0,8})(?=[\w+/=.-]{4})"
)
_AFTER_BREAK = re.compile(r"[\w+/=.-]{4,200}")
_RUNS = re.compile(r"[A-Za-z0-9_.+/=~%:-]{15,}")
SHORTEST_RUN = 15
"""Characters of the shortest credential that is known by its form."""


def only(kept: str) -> bytes:
    """A table for ``bytes.translate`` that makes spaces of all that is not ``kept``."""
    return bytes(one if chr(one) in kept else 0x20 for one in range(256))


_IN_RUNS = only(string.ascii_letters + string.digits + "_.+/=~%:-")


_LETTERS = only(string.ascii_lowercase)


def vocabulary(small: str) -> str:
    """The different words of a text in lower case, which are looked through faster than the text is."""
    return b" ".join(set(small.encode("ascii", "replace").translate(_LETTERS).split())).decode()


def words_of(literal: str) -> tuple[str, ...]:
    """What a text's vocabulary holds where this stands in the text."""
    return tuple(re.findall("[a-z]+", literal))


@dataclass(frozen=True)
class Folded:
    """A text made of stretches of another one: where each begins in this text, in order, and where in the original."""

    text: str
    starts: list[int]
    origins: list[int]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Where the original holds what the folded text holds from ``start`` to before ``end``."""
        return self._place(start), self._place(end)

    def _place(self, at: int) -> int:
        stretch = bisect_right(self.starts, at) - 1
        return self.origins[stretch] + at - self.starts[stretch]


def _of_stretches(stretches: Iterable[tuple[str, int]]) -> Folded:
    """Each with the place in the original where it begins."""
    parts: list[str] = []
    starts: list[int] = []
    origins: list[int] = []
    length = 0
    for part, origin in stretches:
        parts.append(part)
        starts.append(length)
        origins.append(origin)
        length += len(part)
    return Folded("".join(parts), starts or [0], origins or [0])


def foldings(text: str) -> list[Folded]:
    """The readings of a text beside the text itself; none where nothing is hidden in it."""
    readings: list[Folded] = []
    characters = set[str]() if text.isascii() else set(text)
    if any(one in text for one in _HIDDEN_IN_ASCII) or not _ALL_INVISIBLE.isdisjoint(characters):
        readings.append(_folded(text, _HIDDEN, lambda _: ""))
    if characters and (plain := _compatible(text, characters)) is not None:
        readings.append(plain)
    plain = in_ascii(text)
    if ("\\" in plain or "%" in plain or "&#" in plain) and _ESCAPED.search(plain):
        readings.append(_folded(plain, _ESCAPED, _unescaped))
    if _PUT_TOGETHER.search(plain):
        readings.append(_folded(plain, _PUT_TOGETHER, lambda _: ""))
    return readings


def in_ascii(text: str) -> str:
    """A question mark for each other character: there is none in a credential's form, and plain text is looked through faster."""
    return text if text.isascii() else text.encode("ascii", "replace").decode()


def runs_of(text: str) -> str:
    """The different runs of characters that are long enough for a credential, a line each: all that a shape can be in."""
    # A translation of bytes costs a tenth of a search.
    words = _without_written_breaks(text).encode("ascii", "replace").translate(_IN_RUNS).split()
    return b"\n".join(dict.fromkeys(word for word in words if len(word) >= SHORTEST_RUN)).decode()


def dense(text: str) -> Folded:
    """The same with each run as often as it stands there, to tell where."""
    runs = _RUNS.finditer(_without_written_breaks(text))
    return _of_stretches((f"{match[0]}\n", match.start()) for match in runs)


def _without_written_breaks(text: str) -> str:
    """Spaces in their place, and in that of colour codes, as many as they have characters."""
    for beginning, breaks in _WRITTEN_BREAKS.items():
        for one in breaks if beginning in text else ():
            text = text.replace(one, " " * len(one))
    if any(one in text for one in _BEGIN_COLOURS):
        text = _COLOURS.sub(lambda code: " " * len(code[0]), text)
    return text


def unwrapped(text: str) -> Folded:
    """Only the words that go on in the next line, joined, a line each."""
    stretches: list[tuple[str, int]] = []
    end = -1
    for match in _BREAK.finditer(text):
        line = text[max(0, match.start() - 202) : match.start()].removesuffix("\r").removesuffix("\\")
        word = line[len(line.rstrip(IN_WORDS)) :]
        after = _AFTER_BREAK.match(text, match.end())
        if len(word) < 8 or not after:
            continue
        start = text.rindex(word, 0, match.start())
        if end != start + len(word):
            if stretches:
                stretches.append(("\n", end))
            stretches.append((word, start))
        stretches.append((after[0], after.start()))
        end = after.end()
    return _of_stretches([*stretches, ("", max(end, 0))])


def _unescaped(match: re.Match[str]) -> str:
    for number in (1, 2, 3, 4, 5, 8):
        if match[number]:
            return chr(int(match[number], 16))
    code = int(match[6]) if match[6] else int(match[7], 8)
    return chr(code) if 0x20 <= code < 0x7F else match[0]


def _folded(text: str, pattern: re.Pattern[str], shown: Callable[[re.Match[str]], str]) -> Folded:
    """``shown`` gives at most one character, or the match itself."""
    stretches: list[tuple[str, int]] = []
    at = 0
    for match in pattern.finditer(text):
        stretches += [(text[at : match.start()], at), (shown(match), match.start())]
        at = match.end()
    return _of_stretches([*stretches, (text[at:], at)])


def _compatible(text: str, characters: set[str]) -> Folded | None:
    """Full-width and styled letters as the plain ones that they are drawn like; None where there are none."""
    changed = {one: unicodedata.normalize("NFKC", one) for one in characters if one > "\x7f"}
    table = {
        one: plain for one, plain in changed.items() if plain != one and len(plain) == 1 and plain.isascii()
    }
    table |= {one: _ALIKE[one] for one in characters & _ALIKE.keys()}
    return Folded(text.translate(str.maketrans(table)), [0], [0]) if table else None
