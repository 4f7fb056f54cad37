"""What a change adds, line by line, and the credentials among it: only what was not there before counts."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from perdure.contracts.errors import ToolRejected
from perdure.safety.secrets import Finding

Looks = Callable[[str], Sequence[Finding]]
"""Finds credentials in a text."""

MOST_CHARACTERS = 2_000_000
"""Looked at of what is added to one file; what is added beyond was made by a program, and is looked at by nobody."""
NAMED_PLACES = 20
_HUNK = re.compile(r"@@ -\d+(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")


@dataclass
class Run:
    """Lines that follow each other in the changed file."""

    path: str
    first: int
    lines: list[str] = field(default_factory=list[str])


@dataclass(frozen=True, order=True)
class Place:
    """Where a credential would be added. Never the credential itself."""

    path: str
    line: int
    kind: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line} ({self.kind})" if self.line else f"{self.path} ({self.kind})"


def secrets_added(patch: str, look: Looks, *, message: str = "", names: Sequence[str] = ()) -> list[Place]:
    """The places of credentials that the patch adds; one that stood in a line which it removes was there before.

    ``names`` are those of added files, which a patch leaves out where they are empty.
    """
    runs, removed = _read(patch)
    places = {Place("the message", 0, one.kind) for one in look(message)}
    left = dict.fromkeys((run.path for run in runs), MOST_CHARACTERS)
    for run in runs:
        text = "\n".join(run.lines)[: max(left[run.path], 0)]
        left[run.path] -= len(text)
        for one in look(text) if text else ():
            if text[one.start : one.end] not in removed:
                places.add(Place(run.path, run.first + text.count("\n", 0, one.start), one.kind))
    for path in dict.fromkeys((*left, *names)):
        places |= {Place(path, 0, f"{one.kind} in the name") for one in look(path)}
    return sorted(places)


def refuse_secrets(places: Sequence[Place], show: Callable[[str], str]) -> None:
    """ToolRejected where a commit would add credentials; ``show`` makes names of files fit for people."""
    if not places:
        return
    named = ", ".join(show(str(place)) for place in places[:NAMED_PLACES])
    more = f" and {len(places) - NAMED_PLACES} more" if len(places) > NAMED_PLACES else ""
    raise ToolRejected(
        f"The commit would add what looks like a credential: {named}{more}. Nothing was committed.",
        "take it out of the file, and have the program read it from its environment. Where it is none, such as a made-up value "
        "of a test, write it so that it does not look like one, or have the operator list it in PERDURE_KNOWN_HARMLESS.",
    )


def _read(patch: str) -> tuple[list[Run], str]:
    """Every run of added lines, and all removed lines."""
    runs: list[Run] = []
    removed: list[str] = []
    path = ""
    old = new = number = 0
    for line in _lines(patch):
        if old <= 0 and new <= 0:
            if line.startswith("+++ "):
                path = _path_of(line)
            elif found := _HUNK.match(line):
                old, new = int(found[1] or 1), int(found[3] or 1)
                number = int(found[2])
            continue
        if line.startswith("+"):
            if not runs or runs[-1].path != path or runs[-1].first + len(runs[-1].lines) != number:
                runs.append(Run(path, number))
            runs[-1].lines.append(line[1:])
            new, number = new - 1, number + 1
        elif line.startswith("-"):
            removed.append(line[1:])
            old -= 1
        elif not line.startswith("\\"):
            old, new, number = old - 1, new - 1, number + 1
    return runs, "\n".join(removed)


def _lines(patch: str) -> Iterator[str]:
    """Lines as Git counts them: other line ends than its own are content."""
    yield from patch.split("\n")


def _path_of(line: str) -> str:
    return line[4:].removesuffix("\t").strip('"').removeprefix("b/")
