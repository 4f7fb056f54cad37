"""Values that are secret here whatever they look like: found whole, in pieces, and in the encodings that programs print."""

import base64
import codecs
import html
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import quote

SHORTEST = 6
"""Shorter values would be found in ordinary words."""
_PIECE = 12
_GRAM = 6
"""A piece of twelve characters holds one of the text's runs of 6 that begin at a multiple of 7."""
_SPELLED = 16
"""Fewer letters and digits may stand one after the other in any text, over the borders of its words."""
_GRAMS = re.compile(f"(?s)(.{{{_GRAM}}}).{{0,{_PIECE - 2 * _GRAM + 1}}}")
_GRAMS_OF_LETTERS = re.compile(f"(?s)(.{{{_GRAM}}}).{{0,{_SPELLED - 2 * _GRAM + 1}}}".encode())
_SMALL = bytes(range(256)).lower()
_NO_LETTERS = bytes(one for one in range(256) if not chr(one).isalnum() or one > 0x7F)


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
        self._short: dict[str, str] = {}
        self._known: set[str] = set()
        self._forms: list[_Form] = []
        self._grams: dict[str, list[tuple[int, int]]] = defaultdict(list)
        self._spelled = _Spelled()
        for one in values:
            known = one if isinstance(one, KnownValue) else KnownValue(*one)
            if len(known.value) >= SHORTEST:
                self._add(known)

    def _add(self, known: KnownValue) -> None:
        if not known.whole:
            self._spelled.add(known)
        for form in _plain_forms(known.value) if known.whole else _forms(known.value):
            if form in self._known:
                continue
            self._known.add(form)
            if len(form) < _PIECE:
                self._short[form] = known.kind
                continue
            number = len(self._forms)
            self._forms.append(_Form(known.kind, form, len(form) if known.whole else _PIECE))
            for offset in range(len(form) - _GRAM + 1):
                self._grams[form[offset : offset + _GRAM]].append((number, offset))

    def found_in(self, text: str) -> Iterator[tuple[int, int, str]]:
        """(start, end, kind) of each value, and of each piece of twelve characters or more of one."""
        for form, kind in self._short.items():
            yield from ((at, at + len(form), kind) for at in _places(text, form))
        if not self._grams:
            return
        runs = _GRAMS.findall(text)
        if not self._grams.keys().isdisjoint(runs):
            yield from self._around(text, self._grams.keys() & set(runs))
        yield from self._spelled.found_in(text)

    def _around(self, text: str, runs: Iterable[str]) -> Iterator[tuple[int, int, str]]:
        for run in runs:
            for at in _places(text, run):
                for number, offset in self._grams[run]:
                    form = self._forms[number]
                    start, end = _extended(text, at, form.text, offset)
                    if end - start >= form.fewest:
                        yield start, end, form.kind


@dataclass(frozen=True)
class _Form:
    kind: str
    text: str
    fewest: int
    """As many characters of it in a row count."""


class _Spelled:
    """Whole values whose letters and digits stand there one after the other, whatever is between them, in either case.

    So a program writes them that spells them out, in letters or in numbers, or puts them together of pieces.
    """

    def __init__(self) -> None:
        self._by_beginning: dict[bytes, list[tuple[bytes, str]]] = defaultdict(list)

    def add(self, known: KnownValue) -> None:
        data = known.value.encode("utf-8", "surrogateescape")
        spelled = (
            known.value,
            codecs.encode(known.value, "rot13"),
            data.hex(),
            "".join(map(str, data)),
            base64.b32encode(data).decode(),
        )
        for letters in {_letters_of(each) for each in spelled}:
            for offset in range(_SPELLED - _GRAM + 1) if len(letters) >= _SPELLED else ():
                self._by_beginning[letters[offset : offset + _GRAM]].append((letters, known.kind))

    def found_in(self, text: str) -> Iterator[tuple[int, int, str]]:
        letters = _letters_of(text)
        if self._by_beginning.keys().isdisjoint(_GRAMS_OF_LETTERS.findall(letters)):
            return
        places = [at for at, one in enumerate(text) if one.isascii() and one.isalnum()]
        for wanted, kind in {form for forms in self._by_beginning.values() for form in forms}:
            at = letters.find(wanted)
            while at >= 0:
                yield places[at], places[at + len(wanted) - 1] + 1, kind
                at = letters.find(wanted, at + 1)


def _letters_of(text: str) -> bytes:
    return text.encode("ascii", "replace").translate(_SMALL, _NO_LETTERS)


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
