"""Runs of whole lines that are the lines sought, by rules from strict to loose."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from tools.editing.indentation import DepthTable, Shift, depth_table, indent_of, uniform_shift
from tools.editing.near_text import folded_punctuation

MoveOf = Callable[[Sequence[str], Sequence[str]], Shift | DepthTable | None]


@dataclass(frozen=True)
class Run:
    """Lines ``first`` to before ``stop``, and how text of the search moves to their depth."""

    first: int
    stop: int
    move: Shift | DepthTable


@dataclass(frozen=True)
class Rung:
    """One rule: lines are equal where their keys are, and ``move_of`` finds their depths in agreement."""

    name: str
    key: Callable[[str], str]
    move_of: MoveOf

    def holds(self, actual: Sequence[str], wanted: Sequence[str]) -> Shift | DepthTable | None:
        """How the wanted lines move to where the actual ones stand; None where they are not the same lines."""
        if any(self.key(there) != self.key(sought) for there, sought in zip(actual, wanted, strict=True)):
            return None
        return self.move_of(actual, wanted)

    def runs(self, texts: Sequence[str], wanted: Sequence[str], firsts: Sequence[int]) -> Iterator[Run]:
        """The runs that begin at one of ``firsts`` and are the wanted lines by this rule."""
        for first in firsts:
            stop = first + len(wanted)
            move = self.holds(texts[first:stop], wanted)
            if move is not None:
                yield Run(first, stop, move)


def loose_keys(texts: Sequence[str]) -> list[str]:
    """What lines have in common that are equal by the loosest rule."""
    return [_spaced(line) for line in texts]


def loose_firsts(keys: Sequence[str], wanted: Sequence[str]) -> list[int]:
    """Where runs begin that are the wanted lines by the loosest rule; the stricter ones hold nowhere else."""
    sought = loose_keys(wanted)
    places: dict[str, list[int]] = {one: [] for one in sought}
    for number, one in enumerate(keys):
        if one in places:
            places[one].append(number)
    rarest = min(range(len(sought)), key=lambda index: len(places[sought[index]]))
    firsts = [number - rarest for number in places[sought[rarest]]]
    return [first for first in firsts if first >= 0 and keys[first : first + len(sought)] == sought]


def _unmoved(actual: Sequence[str], wanted: Sequence[str]) -> Shift:
    return Shift()


def any_move(actual: Sequence[str], wanted: Sequence[str]) -> Shift | DepthTable | None:
    """How the wanted lines move to the actual ones, also where those are indented in another way."""
    pairs = [(there, sought) for there, sought in zip(actual, wanted, strict=True) if sought.strip()]
    if all(indent_of(there) == indent_of(sought) for there, sought in pairs):
        return Shift()
    return uniform_shift(actual, wanted) or depth_table(actual, wanted)


def _folded(line: str) -> str:
    return folded_punctuation(line).replace("…", "...").strip(" \t\f\v")


def _spaced(line: str) -> str:
    if not line.isascii():
        line = folded_punctuation(line).replace("…", "...")
    return " ".join(line.split())


EXACT = Rung("exact", str, _unmoved)
TRAILING = Rung("trailing", lambda line: line.rstrip(" \t\f\v"), _unmoved)
INDENT = Rung("indent", lambda line: line.strip(" \t\f\v"), uniform_shift)
UNICODE = Rung("unicode", _folded, uniform_shift)
WHITESPACE = Rung("whitespace", _spaced, any_move)
