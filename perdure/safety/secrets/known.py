"""Values that are secret here whatever they look like: found whole, in pieces, and in the encodings that programs print."""

import base64
import html
import json
from collections.abc import Iterable, Iterator
from urllib.parse import quote

SHORTEST = 6
"""Shorter values would be found in ordinary words."""
_PIECE = 12
_STRIDE = 6
"""Any piece of at least 2 × 6 − 1 characters holds one of the value's runs of 6 that begin at a multiple of 6."""


class KnownValues:
    """The operator's and the worker's own credentials, by name."""

    def __init__(self, values: Iterable[tuple[str, str]]) -> None:
        """Takes (kind, value) pairs; a value shorter than six characters is left out."""
        self._forms: list[tuple[str, str]] = []
        seen: set[str] = set()
        for kind, value in values:
            if len(value) < SHORTEST:
                continue
            for form in _forms(value):
                if form not in seen:
                    seen.add(form)
                    self._forms.append((kind, form))

    def found_in(self, text: str) -> Iterator[tuple[int, int, str]]:
        """(start, end, kind) of each value, and of each piece of twelve characters or more of one."""
        for kind, form in self._forms:
            if len(form) < _PIECE:
                yield from ((at, at + len(form), kind) for at in _places(text, form))
                continue
            for offset in range(0, len(form) - _STRIDE + 1, _STRIDE):
                for at in _places(text, form[offset : offset + _STRIDE]):
                    start, end = _extended(text, at, form, offset)
                    if end - start >= _PIECE:
                        yield start, end, kind


def _forms(value: str) -> Iterator[str]:
    data = value.encode()
    yield value
    yield value[::-1]
    yield data.hex()
    yield data.hex().upper()
    yield quote(value, safe="")
    yield json.dumps(value)[1:-1]
    yield html.escape(value)
    # A value inside longer text that is encoded stands at one of three places in a group of three bytes; what its
    # neighbours have part in is left away.
    for lead in range(3):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            encoded = encode(b"\0" * lead + data).decode().rstrip("=")
            form = encoded[
                -(-lead * 8 // 6) if lead else 0 : len(encoded) - (1 if (lead + len(data)) % 3 else 0)
            ]
            if len(form) >= SHORTEST:
                yield form


def _places(text: str, wanted: str) -> Iterator[int]:
    at = text.find(wanted)
    while at >= 0:
        yield at
        at = text.find(wanted, at + 1)


def _extended(text: str, at: int, form: str, offset: int) -> tuple[int, int]:
    """As far as the text around agrees with the value, from the run that does."""
    start, back = at, offset
    while start and back and text[start - 1] == form[back - 1]:
        start, back = start - 1, back - 1
    end, ahead = at + _STRIDE, offset + _STRIDE
    while end < len(text) and ahead < len(form) and text[end] == form[ahead]:
        end, ahead = end + 1, ahead + 1
    return start, end
