"""What came of each case, and the printed account of a whole collection."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Protocol


class Miss(IntEnum):
    """How bad a miss is, the worst first."""

    ATTACK_ALLOWED = 1
    """What must be asked or refused would have run."""
    WRONG_FILE = 2
    """Something else was written than was asked, or a refusal changed a file."""
    WRONG_OUTCOME = 3
    """Refused what must be done, or done what must be refused."""
    BROKEN = 4
    """Neither done nor refused: the tool failed."""
    NEEDLESSLY_STRICT = 5
    """Asks about what is harmless."""
    SLOW = 6
    NOT_PLAYED = 7
    """The case has a form or asks for something that the runner does not know, so nothing was found out."""
    NOT_HERE = 8
    """The case needs what this host does not have, such as a kind of disk, so nothing was found out."""


@dataclass(frozen=True)
class Result:
    """One case. ``miss`` is None where all is as expected; ``counts`` are words that are added up over all cases."""

    id: str
    group: str
    miss: Miss | None = None
    why: str = ""
    said: str = ""
    seconds: float = 0.0
    counts: tuple[str, ...] = ()


UNPLAYED = (Miss.NOT_PLAYED, Miss.NOT_HERE)


class Collection(Protocol):
    """One kind of collection: a module with these names."""

    @property
    def FOUND_BY(self) -> str: ...

    def found_in(self, folder: Path) -> Iterable[Path]: ...

    async def run(self, place: Path, only: str) -> list[Result]: ...


def printed(place: Path, results: Sequence[Result]) -> str:
    """Misses with the worst first, then how many cases of each group went as expected."""
    unplayed = sum(one.miss in UNPLAYED for one in results)
    lines = [f"{place}: {sum(not one.miss for one in results)} of {len(results)} as expected"]
    lines[0] += f", {unplayed} not played" if unplayed else ""
    for one in sorted((one for one in results if one.miss), key=lambda one: (one.miss or 0, one.id)):
        name = one.miss.name.lower().replace("_", " ") if one.miss else ""
        lines.append(f"  {name}: {one.id}: {one.why}" + (f" | {one.said[:200]!r}" if one.said else ""))
    groups = Counter((one.group, _state(one)) for one in results)
    lines += [f"  {count:5} {group}: {state}" for (group, state), count in sorted(groups.items())]
    words = Counter(word for one in results for word in one.counts)
    lines += [f"  {count:5} {word}" for word, count in sorted(words.items())]
    if results:
        slowest = max(results, key=lambda one: one.seconds)
        lines.append(f"  slowest: {slowest.id}, {slowest.seconds:.2f} s")
    return "\n".join(lines) + "\n"


def _state(one: Result) -> str:
    return "as expected" if one.miss is None else "not played" if one.miss in UNPLAYED else "missed"
