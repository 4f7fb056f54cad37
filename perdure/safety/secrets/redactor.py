"""Finds credentials in a text and takes them out, also where the text comes in pieces."""

import base64
import binascii
import itertools
import re
import string
from collections.abc import Callable, Iterable, Iterator, Sequence

from perdure.safety.secrets import assignments, beginnings
from perdure.safety.secrets.findings import Finding, marker, merged
from perdure.safety.secrets.folding import (
    Folded,
    dense,
    foldings,
    in_ascii,
    only,
    runs_of,
    unwrapped,
    vocabulary,
)
from perdure.safety.secrets.known import KnownValues
from perdure.safety.secrets.shapes import BLOCKS, Shape, blocks_possible_in, possible_in

# What the first twelve bytes decode to is plain text only behind these digits: that leaves out most that is no text at once.
_OF_TEXT = r"(?:[A-Za-f][A-HQ-Xg-nw-z0-3][ABEFIJMNQRUVYZcdghklopstwx014589][A-Za-z0-9+/_-]){4}"
_BASE64 = re.compile(rf"(?<![\w+/-])(?={_OF_TEXT})[A-Za-z0-9+/_-]{{24,8192}}={{0,2}}(?![\w+/=-])")
_HEXADECIMAL = re.compile(r"(?<![0-9A-Za-z])(?:[2-7][0-9A-Fa-f]){16,4096}(?![0-9A-Za-z])")
_BASE32 = re.compile(r"(?<![0-9A-Za-z])[A-Z2-7]{32,4096}={0,6}(?![0-9A-Za-z=])")
_MAY_BE_ENCODED = re.compile(rf"{_OF_TEXT}|(?:[2-7][0-9A-Fa-f]){{16}}|[A-Z2-7]{{32}}".encode())
_DIGITS = only(string.ascii_letters + string.digits + "+/_-")
_READABLE = re.compile(rb"[\x20-\x7e\s]+")
_FEWEST_DIGITS = 24
_MOST_DECODED = 200_000
"""Characters of encoded runs that are decoded for each text, so that a file of pictures does not cost seconds."""


class Redactor:
    """Takes out known values, then credentials by shape, surroundings and entropy. Safe to share; keeps no text."""

    def __init__(self, known: KnownValues | None = None) -> None:
        self._known = known or KnownValues([])

    def findings(self, text: str) -> list[Finding]:
        """Where credentials stand, in order and apart."""
        found = list(self._direct(text))
        for folded in foldings(text):
            found += _placed(folded, self._direct(folded.text))
        joined = unwrapped(in_ascii(text))
        found += _placed(joined, (Finding(*one) for one in self._known.found_in(joined.text)))
        found += _placed(joined, _in_runs(joined.text))
        return merged(found)

    def redact(self, text: str) -> str:
        """The text with a marker in the place of each credential; the same object where there is none."""
        found = self.findings(text)
        return without(text, found) if found else text

    def stream(self, allowed: Callable[[Finding, str], bool] = lambda one, text: False) -> "Stream":
        """For text that comes in pieces: a credential across their borders is found too, unless its text is ``allowed``."""
        return Stream(self, allowed)

    def _direct(self, text: str) -> Iterator[Finding]:
        yield from (Finding(*one) for one in self._known.found_in(text))
        plain = in_ascii(text)
        yield from _in_runs(plain)
        small = plain.lower()
        words = vocabulary(small)
        yield from _shaped(blocks_possible_in(words), plain)
        yield from (Finding(*place, "token-beginning") for place in beginnings.found_in(plain))
        yield from (Finding(*one) for one in assignments.found_in(text, small, words))


class Stream:
    """Redacts text that is fed in pieces; holds back as much as a credential may need to be seen whole."""

    HELD = 8_192
    """Characters: longer than any token with what stands before it on its line."""
    LONGEST = 262_144
    """What is held of a block, such as a private key, whose end has not come."""

    def __init__(
        self, redactor: Redactor, allowed: Callable[[Finding, str], bool] = lambda one, text: False
    ) -> None:
        self._redactor = redactor
        self._allowed = allowed
        self._held = ""

    def feed(self, piece: str) -> str:
        """What is safe to show by now, redacted."""
        self._held += piece
        if len(self._held) < 2 * self.HELD:
            return ""
        found = self._findings()
        cut = len(self._held) - self.HELD
        for one in found:
            if one.start < cut <= one.end + 1:
                cut = one.start if len(self._held) < self.LONGEST else one.end
        return self._released(cut, [one for one in found if one.end <= cut])

    def close(self) -> str:
        """The rest."""
        return self._released(len(self._held), self._findings())

    def _findings(self) -> list[Finding]:
        return [
            one
            for one in self._redactor.findings(self._held)
            if not self._allowed(one, self._held[one.start : one.end])
        ]

    def _released(self, cut: int, found: list[Finding]) -> str:
        shown, self._held = self._held[:cut], self._held[cut:]
        return without(shown, found)


def _in_runs(text: str) -> Iterator[Finding]:
    """By what a credential begins with, whatever stands around it, and in whichever encoding."""
    # Each run is looked at once, however often it stands there; where they stand is asked only of what holds something.
    if any(True for _ in _of_runs(runs_of(text))):
        runs = dense(text)
        yield from _placed(runs, _of_runs(runs.text))


def _of_runs(runs: str) -> Iterator[Finding]:
    yield from _shaped(possible_in(runs), runs)
    yield from _encoded(runs)
    yield from _backwards(runs)


def _shaped(shapes: Iterable[Shape], text: str) -> Iterator[Finding]:
    for shape in shapes:
        for start, end in shape.found_in(text):
            yield Finding(start, end, shape.kind)


def _placed(folded: Folded, findings: Iterable[Finding]) -> Iterator[Finding]:
    """Findings of a folded text, where they stand in the original."""
    for one in findings:
        yield Finding(*folded.span(one.start, one.end), one.kind)


def without(text: str, found: Sequence[Finding]) -> str:
    """The text with a marker in the place of each finding, in order."""
    parts: list[str] = []
    at = 0
    for one in found:
        parts += [text[at : one.start], marker(one.kind)]
        at = one.end
    return "".join([*parts, text[at:]])


def _encoded(text: str, deeper: int = 2) -> Iterator[Finding]:
    """Runs in base64, base32 and hexadecimal digits whose content is text with a credential in it, encoded or not."""
    words = text.encode("ascii", "replace").translate(_DIGITS).split()
    if not any(len(word) >= _FEWEST_DIGITS and _MAY_BE_ENCODED.match(word) for word in words):
        return
    left = _MOST_DECODED
    for pattern, decode in (
        (_HEXADECIMAL, _from_hexadecimal),
        (_BASE64, _from_base64),
        (_BASE32, _from_base32),
    ):
        for match in pattern.finditer(text):
            left -= len(match[0])
            if left < 0:
                return
            content = decode(match[0])
            if content and (kind := _kind_of(content, deeper - 1)):
                yield Finding(match.start(), match.end(), kind)


def _kind_of(content: str, deeper: int) -> str | None:
    shaped = (one.kind for one in _shaped((*possible_in(content), *BLOCKS), content))
    named = (kind for _, _, kind in assignments.found_in(content))
    further = (one.kind for one in _encoded(content, deeper)) if deeper else iter(())
    return next(itertools.chain(shaped, named, further), None)


def _from_hexadecimal(run: str) -> str | None:
    data = bytes.fromhex(run)
    return data.decode("ascii") if _READABLE.fullmatch(data) else None


def _from_base32(run: str) -> str | None:
    digits = run.rstrip("=")
    try:
        data = base64.b32decode(digits + "=" * (-len(digits) % 8))
    except binascii.Error:
        return None
    return data.decode("ascii") if _READABLE.fullmatch(data) else None


def _from_base64(run: str) -> str | None:
    digits = run.rstrip("=").translate(str.maketrans("-_", "+/"))
    # The first bytes tell most runs that are no text, without decoding all of them.
    head = binascii.a2b_base64(digits[:16])
    if not _READABLE.fullmatch(head):
        return None
    try:
        data = base64.b64decode(digits + "=" * (-len(digits) % 4))
    except binascii.Error:
        return None
    return data.decode("ascii") if _READABLE.fullmatch(data) else None


def _backwards(text: str) -> Iterator[Finding]:
    """Credentials whose characters stand in reverse order."""
    backwards = text[::-1]
    for shape in possible_in(backwards):
        if any(len(literal) >= 4 and literal in backwards for literal in shape.literals):
            for start, end in shape.found_in(backwards):
                yield Finding(len(text) - end, len(text) - start, shape.kind)
