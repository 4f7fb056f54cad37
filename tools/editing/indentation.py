"""Moves text to another depth: found by comparing lines of a file with lines that differ from them in indentation alone."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

BLANKS = " \t"


def indent_of(line: str) -> str:
    """The blanks that a line begins with."""
    return line[: len(line) - len(line.lstrip(BLANKS))]


def common_indent(lines: Sequence[str]) -> str:
    """The blanks that every line with text begins with."""
    indents = [indent_of(line) for line in lines if line.strip()]
    if not indents:
        return ""
    first, last = min(indents), max(indents)
    for index, letter in enumerate(first):
        if index >= len(last) or last[index] != letter:
            return first[:index]
    return first


@dataclass(frozen=True)
class Shift:
    """Every line goes deeper by ``added``, or less deep by ``removed``; at least one of the two is empty."""

    added: str = ""
    removed: str = ""

    def moved(self, lines: Sequence[str]) -> list[str] | None:
        """The lines at their new depth; None where one of them is not deep enough. Blank lines stay as they are."""
        result: list[str] = []
        for line in lines:
            if not line.strip():
                result.append(line)
            elif line.startswith(self.removed):
                result.append(self.added + line[len(self.removed) :])
            else:
                return None
        return result


@dataclass(frozen=True)
class DepthTable:
    """Another kind or width of indentation, learnt from pairs of lines: what one side's blanks are on the other."""

    known: dict[str, str] = field(default_factory=dict[str, str])

    def moved(self, lines: Sequence[str]) -> list[str] | None:
        """The lines with the other side's indentation; None where a depth cannot be told."""
        indents = {indent_of(line) for line in lines if line.strip()}
        table = {indent: self._translated(indent, indents) for indent in indents}
        result: list[str] = []
        for line in lines:
            indent = indent_of(line)
            target = table.get(indent, indent) if line.strip() else indent
            if target is None:
                return None
            result.append(target + line[len(indent) :])
        return result

    def _translated(self, indent: str, all_indents: set[str]) -> str | None:
        if indent in self.known:
            return self.known[indent]
        unit = math.gcd(*(_width(one) for one in {*self.known, *all_indents}))
        step = self._step(unit)
        nearest = min(self.known, key=lambda one: (abs(_width(one) - _width(indent)), _width(one)))
        if not unit or not step:
            return None
        levels = (_width(indent) - _width(nearest)) // unit
        base = self.known[nearest]
        if levels >= 0:
            return base + step * levels
        return base.removesuffix(step * -levels) if base.endswith(step * -levels) else None

    def _step(self, unit: int) -> str:
        """One level on the file's side; empty where the known depths do not agree on one."""
        known = sorted(self.known.items(), key=lambda pair: _width(pair[0]))
        steps: set[str] = set()
        for (less, outer), (more, inner) in pairwise(known):
            levels = (_width(more) - _width(less)) // unit if unit else 0
            deeper = inner.removeprefix(outer)
            if (
                levels < 1
                or not inner.startswith(outer)
                or deeper != deeper[: len(deeper) // levels] * levels
            ):
                return ""
            steps.add(deeper[: len(deeper) // levels])
        if steps:
            return steps.pop() if len(steps) == 1 else ""
        used = "".join(self.known.values()) or "".join(self.known)
        return "\t" if "\t" in used else " " * unit


def _width(indent: str) -> int:
    return sum(4 if letter == "\t" else 1 for letter in indent)


def uniform_shift(actual: Sequence[str], wanted: Sequence[str]) -> Shift | None:
    """How every wanted line moves to stand where the actual one does; None where lines move differently."""
    found: set[Shift] = set()
    for there, sought in zip(actual, wanted, strict=True):
        if sought.strip():
            shift = shift_between(indent_of(there), indent_of(sought))
            if shift is None:
                return None
            found.add(shift)
    if not found:
        return Shift()
    return found.pop() if len(found) == 1 else None


def shift_between(there: str, sought: str) -> Shift | None:
    """From one indentation to the other; None where their blanks are of different kinds."""
    if there.endswith(sought):
        return Shift(added=there[: len(there) - len(sought)])
    if sought.endswith(there):
        return Shift(removed=sought[: len(sought) - len(there)])
    return None


def depth_table(actual: Sequence[str], wanted: Sequence[str]) -> DepthTable | None:
    """What each indentation of the wanted lines is in the file; None where one of them is two things there."""
    known: dict[str, str] = {}
    for there, sought in zip(actual, wanted, strict=True):
        if sought.strip() and known.setdefault(indent_of(sought), indent_of(there)) != indent_of(there):
            return None
    return DepthTable(known)


def in_kind_of(sample: str, lines: Sequence[str]) -> list[str]:
    """Lines indented by spaces as lines indented by tabs where ``sample`` is tabs, and the other way round."""
    used = "".join(indent_of(line) for line in lines)
    if not sample or not used or (set(sample) | set(used)) != {" ", "\t"} or set(sample) & set(used):
        return list(lines)
    unit = math.gcd(*(len(indent_of(line)) for line in lines if line.strip()))
    result: list[str] = []
    for line in lines:
        indent = indent_of(line)
        target = "\t" * (len(indent) // unit) if "\t" in sample else "    " * len(indent)
        result.append(target + line[len(indent) :])
    return result
