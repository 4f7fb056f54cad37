"""What the model answers with, and what became of each suggestion."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, Field

from tools.differences import unified
from tools.titles import one_line, shown_path


class PatchBlock(BaseModel):
    """One replacement in one file."""

    path: str
    search: str = Field(
        description="Text that stands once in the file, copied exactly, without line numbers."
    )
    replace: str


class Suggestion(BaseModel):
    """One improvement."""

    title: str
    path: str
    first_line: int
    last_line: int
    severity: Literal["high", "medium", "low"]
    focus: Literal["correctness", "readability", "performance", "security"]
    reason: str
    patch: list[PatchBlock] = Field(description="Empty where words are enough.")


class Suggestions(BaseModel):
    """The model's answer."""

    suggestions: list[Suggestion]


@dataclass(frozen=True)
class Judgement:
    """A suggestion that was not refused: what is proved of its patch, and what is not."""

    suggestion: Suggestion
    before: Mapping[str, str]
    after: Mapping[str, str]
    """Texts of the files that the patch changes; none where there is no patch."""
    proofs: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()

    @property
    def is_proved(self) -> bool:
        """Whether there is a patch, and nothing about it is left open."""
        return bool(self.after) and not self.doubts

    @property
    def difference(self) -> str:
        """The patch as a unified diff."""
        return "".join(unified(path, self.before[path], text) for path, text in self.after.items())

    @property
    def heading(self) -> str:
        """``[high, correctness] app/money.py:5-6: Guard against no prices``."""
        said = self.suggestion
        place = f"{shown_path(said.path)}:{said.first_line}-{said.last_line}"
        return f"[{said.severity}, {said.focus}] {place}: {one_line(said.title)}"

    def shown(self, number: int) -> str:
        """All of it for whoever decides."""
        parts = [f"{number}. {self.heading}", self.suggestion.reason.strip()]
        if not self.after:
            parts.append("NOT PROVED: it has no patch, so only that these lines are there was checked.")
        if self.doubts:
            parts.append(f"NOT PROVED: {' '.join(self.doubts)}")
        if self.proofs:
            parts.append(f"Proved: {' '.join(self.proofs)}")
        if self.after:
            parts.append(self.difference.rstrip())
        return "\n".join(parts)
