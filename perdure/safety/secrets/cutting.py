"""Shortens a text that is looked at for credentials only afterwards: half of one has no form any more by which it is known."""

from collections.abc import Sequence
from functools import cache

from perdure.safety.secrets.findings import Finding
from perdure.safety.secrets.redactor import Redactor

AROUND = 1_024
"""As many characters on both sides of the border are looked at."""

_BESIDE = "\n|\n"
"""Whoever shortens a text writes something there, and not always what says that something was left out."""


@cache
def _redactor() -> Redactor:
    return Redactor()


def beginning(text: str, characters: int) -> str:
    """At most so many characters, less where a credential would be cut, or would lose what tells that it is one."""
    if len(text) <= characters:
        return text
    first = max(0, characters - AROUND)
    near, border = text[first : characters + AROUND], characters - first
    kept = _redactor().findings(near[:border] + _BESIDE)
    for one in reversed(_redactor().findings(near)):
        if one.start < border and (one.end > border or not _covered(one, kept)):
            border = one.start
    return text[: first + border]


def ending(text: str, characters: int) -> str:
    """The same of the end of a text."""
    if len(text) <= characters:
        return text
    cut = len(text) - characters
    first = max(0, cut - AROUND)
    near, border = text[first : cut + AROUND], cut - first
    moved = border - len(_BESIDE)
    kept = [
        Finding(one.start + moved, one.end + moved, one.kind)
        for one in _redactor().findings(_BESIDE + near[border:])
    ]
    for one in _redactor().findings(near):
        if one.end > border and (one.start < border or not _covered(one, kept)):
            border = one.end
    return text[first + border :]


def _covered(wanted: Finding, kept: Sequence[Finding]) -> bool:
    return any(one.start <= wanted.start and one.end >= wanted.end for one in kept)
