"""What an engine says of a name, and how that is written for the model."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from perdure.safety.secrets.cutting import beginning
from tools.reading.pages import PAGE_CHARACTERS
from tools.titles import shown_path

LINE_CHARACTERS = 200


@dataclass(frozen=True, order=True)
class Place:
    """One place of a name in a file, counted from 1."""

    path: str
    """From the workspace root; what lies outside is named by its whole path."""
    line: int
    column: int = 0
    kind: str = field(default="", compare=False)
    defines: bool = field(default=False, compare=False)
    inside: bool = field(default=True, compare=False)
    """Whether it is a file of the workspace."""


@dataclass(frozen=True)
class Answer:
    """Places by one engine."""

    engine: str
    """Such as ``jedi 0.20.1``."""
    sureness: str
    """How far it can be believed, in a sentence."""
    places: Sequence[Place]
    unsure: Sequence[Place] = ()
    """Places with the name whose meaning the engine cannot tell."""
    complete: bool = True
    """False where the time was over before everything was looked at."""


def written(
    places: Sequence[Place], texts: dict[str, list[str]], *, limit: int, room: int = PAGE_CHARACTERS
) -> list[str]:
    """The places by file, each with its line of text; the last line says how many are left out."""
    lines: list[str] = []
    path = ""
    for shown, place in enumerate(sorted(places)):
        new = [shown_path(place.path)] if place.path != path else []
        text = _text(texts.get(place.path), place.line)
        new.append(f"{place.line}:{' [definition]' if place.defines else ''} {text}".rstrip())
        room -= sum(len(line) + 1 for line in new)
        if shown == limit or (room < 0 and lines):
            lines.append(f"[{len(places) - shown} more; raise limit, or narrow it with path.]")
            break
        path = place.path
        lines += new
    return lines


def _text(lines: list[str] | None, number: int) -> str:
    if lines is None or not 0 < number <= len(lines):
        return ""
    text = lines[number - 1].strip()
    return text if len(text) <= LINE_CHARACTERS else f"{beginning(text, LINE_CHARACTERS)}…"


def in_files(places: Sequence[Place]) -> str:
    """``3 places in 2 files``."""
    count, files = len(places), len({place.path for place in places})
    return f"{count} {'place' if count == 1 else 'places'} in {files} {'file' if files == 1 else 'files'}"
