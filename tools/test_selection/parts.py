"""What is decided for the tests of one language or framework."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field

SHOWN_FILES = 12
SHOWN_HOPS = 4


@dataclass(frozen=True)
class Part:
    """Some tests of ``files``, all of them, or none."""

    name: str
    """``Python``, ``JavaScript, mocha in web``."""
    files: Sequence[str]
    """Every file with tests that was to be judged."""
    all_because: str = ""
    """Why all of them are to run; empty where that is not so."""
    chosen: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])
    """The way from each chosen file to a changed one, both included."""
    by_itself: str = ""
    """Where the framework chooses: how it does."""

    @property
    def is_empty(self) -> bool:
        """Whether no test is to run."""
        return not (self.all_because or self.chosen or self.by_itself)

    @property
    def report(self) -> str:
        """Which files were chosen and why, in one paragraph."""
        count = len(self.files)
        noun = "test file" if count == 1 else "test files"
        if self.by_itself:
            return f"{self.name}: {self.by_itself}"
        if self.all_because:
            return f"{self.name}: all of {count} {noun}, because {self.all_because}."
        if not self.chosen:
            return f"{self.name}: none of {count} {noun}."
        shown = [f"{path} ({_why(way)})" for path, way in list(self.chosen.items())[:SHOWN_FILES]]
        more = f" and {len(self.chosen) - SHOWN_FILES} more" if len(self.chosen) > SHOWN_FILES else ""
        return f"{self.name}: {len(self.chosen)} of {count} {noun}: {', '.join(shown)}{more}."


def _why(way: Sequence[str]) -> str:
    if len(way) == 1:
        return "changed itself"
    steps = list(way[1:])
    if len(steps) > SHOWN_HOPS:
        steps = [*steps[: SHOWN_HOPS - 1], "…", steps[-1]]
    return f"by {' → '.join(steps)}"


def reached(
    edges: Mapping[str, Set[str]], changed: Sequence[str], tests: Sequence[str]
) -> dict[str, list[str]]:
    """The tests that lead to a changed file by what each file depends on, each with a shortest way to it."""
    users: dict[str, list[str]] = {}
    for user in sorted(edges):
        for used in edges[user]:
            users.setdefault(used, []).append(user)
    toward: dict[str, str] = dict.fromkeys(changed, "")
    waiting = list(changed)
    for path in waiting:
        for user in users.get(path, ()):
            if user not in toward:
                toward[user] = path
                waiting.append(user)
    found: dict[str, list[str]] = {}
    for test in tests:
        if test in toward:
            way = [test]
            while toward[way[-1]]:
                way.append(toward[way[-1]])
            found[test] = way
    return found
