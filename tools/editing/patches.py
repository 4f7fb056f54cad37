"""What a patch asks for, whichever of the two ways it is written in."""

from dataclasses import dataclass, field
from typing import Literal

from perdure.contracts.errors import ToolRejected


@dataclass
class PatchLine:
    """One line of a hunk: kept (`` ``), taken away (``-``) or put there (``+``)."""

    sign: str
    text: str
    unended: bool = False
    """Whether the patch says that no line end follows."""


@dataclass
class Hunk:
    """Lines that belong together. ``line`` (from 1, on the old side) is known in unified diffs alone."""

    lines: list[PatchLine] = field(default_factory=list[PatchLine])
    line: int | None = None
    anchors: tuple[str, ...] = ()
    at_end: bool = False

    @property
    def old(self) -> list[str]:
        """The lines that must be there."""
        return [one.text for one in self.lines if one.sign != "+"]


@dataclass
class FilePatch:
    """What happens to one file."""

    kind: Literal["add", "delete", "update"]
    path: str
    moved_to: str = ""
    hunks: list[Hunk] = field(default_factory=list[Hunk])
    executable: bool | None = None
    replaces: bool = False
    """Whether adding may overwrite what is there."""
    ended: bool = False
    """Whether the last new line is always ended."""


def bad_patch(why: str, number: int = 0) -> ToolRejected:
    """The refusal of a patch that cannot be read."""
    where = f" (line {number} of the patch)" if number else ""
    return ToolRejected(
        f"Nothing was written: the patch cannot be read, because {why}{where}.",
        "Send a unified diff, or *** Begin Patch … *** End Patch with *** Add File, *** Delete File or "
        "*** Update File sections.",
    )


def without_wrapping(text: str) -> list[str]:
    """The patch's lines without a code fence or a here-document around them."""
    lines = text.replace("\r\n", "\n").split("\n")
    while lines and not lines[-1].strip():
        lines.pop()
    while lines and not lines[0].strip():
        lines.pop(0)
    if len(lines) > 1 and lines[0].startswith("```") and lines[-1].strip() == "```":
        return lines[1:-1]
    opening = lines[0].strip() if lines else ""
    if "<<" in opening and lines[-1].strip() == opening.rpartition("<<")[2].strip("-'\" "):
        return lines[1:-1]
    return lines
