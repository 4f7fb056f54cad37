"""Finds credentials in a text and takes them out, also where the text comes in pieces."""

import base64
import binascii
import re
from collections.abc import Callable, Iterable, Iterator, Sequence

from perdure.safety.secrets import assignments
from perdure.safety.secrets.findings import Finding, marker, merged
from perdure.safety.secrets.folding import Folded, dense, foldings, unwrapped
from perdure.safety.secrets.known import KnownValues
from perdure.safety.secrets.shapes import BLOCKS, PREFIXED, Shape

_BASE64 = re.compile(r"(?<![\w+/-])[A-Za-z0-9+/_-]{24,8192}={0,2}(?![\w+/=-])")
_HEXADECIMAL = re.compile(r"(?<![0-9A-Za-z])(?:[2-7][0-9A-Fa-f]){16,4096}(?![0-9A-Za-z])")
_READABLE = re.compile(rb"[\x20-\x7e\s]+")
_MOST_DECODED = 200_000
"""Characters of encoded runs that are decoded for each text, so that a file of pictures does not cost seconds."""


class Redactor:
    """Takes out known values, then credentials by shape, surroundings and entropy. Safe to share; keeps no text."""

    def __init__(self, known: KnownValues | None = None) -> None:
        self._known = known or KnownValues([])

    def findings(self, text: str) -> list[Finding]:
        """Where credentials stand, in order and apart."""
        runs = dense(text)
        found = list(self._direct(text, runs))
        for folded in foldings(text):
            found += _placed(folded, self._direct(folded.text, dense(folded.text)))
        joined = unwrapped(text)
        found += _placed(joined, self._plain(joined.text, dense(joined.text)))
        found += _placed(runs, _encoded(runs.text))
        found += _placed(runs, _backwards(runs.text))
        return merged(found)

    def redact(self, text: str) -> str:
        """The text with a marker in the place of each credential; the same object where there is none."""
        found = self.findings(text)
        return without(text, found) if found else text

    def stream(self, allowed: Callable[[Finding, str], bool] = lambda one, text: False) -> "Stream":
        """For text that comes in pieces: a credential across their borders is found too, unless its text is ``allowed``."""
        return Stream(self, allowed)

    def _plain(self, text: str, runs: Folded) -> Iterator[Finding]:
        """By value and by what a credential begins with, whatever stands around it."""
        yield from (Finding(*one) for one in self._known.found_in(text))
        yield from _placed(runs, _shaped(PREFIXED, runs.text))

    def _direct(self, text: str, runs: Folded) -> Iterator[Finding]:
        yield from self._plain(text, runs)
        yield from _shaped(BLOCKS, text)
        yield from (Finding(*one) for one in assignments.found_in(text))


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


def _encoded(text: str) -> Iterator[Finding]:
    """Runs of base64 and hexadecimal digits whose content is text with a credential in it."""
    left = _MOST_DECODED
    for pattern, decode in ((_HEXADECIMAL, _from_hexadecimal), (_BASE64, _from_base64)):
        for match in pattern.finditer(text):
            left -= len(match[0])
            if left < 0:
                return
            content = decode(match[0])
            if content and (kind := _kind_of(content)):
                yield Finding(match.start(), match.end(), kind)


def _kind_of(content: str) -> str | None:
    return next((shape.kind for shape in (*PREFIXED, *BLOCKS) for _ in shape.found_in(content)), None)


def _from_hexadecimal(run: str) -> str | None:
    data = bytes.fromhex(run)
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
    backwards: str | None = None
    for shape in PREFIXED:
        if any(literal[::-1] in text for literal in shape.literals if len(literal) >= 4):
            backwards = text[::-1] if backwards is None else backwards
            for start, end in shape.found_in(backwards):
                yield Finding(len(text) - end, len(text) - start, shape.kind)
