"""Values that are secret here whatever they look like: found whole, in pieces, and in the encodings that programs print."""

import base64
import html
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import quote

SHORTEST = 6
"""Shorter values would be found in ordinary words."""
_PIECE = 12
_GRAM = 6
"""A piece of at least 2 × 6 - 1 characters holds one of the text's runs of 6 that begin at a multiple of 6."""


@dataclass(frozen=True)
class KnownValue:
    """One secret. ``whole``: only all of it counts, since its pieces may be ordinary words."""

    kind: str
    value: str
    whole: bool = False


class KnownValues:
    """The operator's and the worker's own credentials, by name. What looking for them costs does not grow with their number."""

    def __init__(self, values: Iterable[KnownValue | tuple[str, str]]) -> None:
        """Takes values, or (kind, value) pairs; a value shorter than six characters is left out."""
        self._whole: dict[str, str] = {}
        self._known: set[str] = set()
        self._forms: list[tuple[str, str]] = []
        self._grams: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for one in values:
            known = one if isinstance(one, KnownValue) else KnownValue(*one)
            if len(known.value) >= SHORTEST:
                self._add(known)

    def _add(self, known: KnownValue) -> None:
        for form in _plain_forms(known.value) if known.whole else _forms(known.value):
            if form in self._known:
                continue
            self._known.add(form)
            if known.whole or len(form) < _PIECE:
                self._whole[form] = known.kind
                continue
            number = len(self._forms)
            self._forms.append((known.kind, form))
            for offset in range(len(form) - _GRAM + 1):
                self._grams[form[offset : offset + _GRAM]].append((number, offset))

    def found_in(self, text: str) -> Iterator[tuple[int, int, str]]:
        """(start, end, kind) of each value, and of each piece of twelve characters or more of one."""
        for form, kind in self._whole.items():
            yield from ((at, at + len(form), kind) for at in _places(text, form))
        if not self._grams:
            return
        runs = {text[at : at + _GRAM] for at in range(0, len(text), _GRAM)}
        for run in runs & self._grams.keys():
            for at in _places(text, run):
                for number, offset in self._grams[run]:
                    kind, form = self._forms[number]
                    start, end = _extended(text, at, form, offset)
                    if end - start >= _PIECE:
                        yield start, end, kind


def _plain_forms(value: str) -> Iterator[str]:
    yield value
    yield quote(value, safe="", errors="surrogateescape")
    yield json.dumps(value)[1:-1]
    yield html.escape(value)


def _forms(value: str) -> Iterator[str]:
    data = value.encode("utf-8", "surrogateescape")
    yield from _plain_forms(value)
    yield value[::-1]
    yield data.hex()
    yield data.hex().upper()
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
    end, ahead = at + _GRAM, offset + _GRAM
    while end < len(text) and ahead < len(form) and text[end] == form[ahead]:
        end, ahead = end + 1, ahead + 1
    return start, end
