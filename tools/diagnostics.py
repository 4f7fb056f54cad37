"""What linters, type checkers and parsers report, in one form for tools and for the quality gate."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from tools.titles import shown_path


class Severity(StrEnum):
    """How bad it is, worst first."""

    ERROR = "error"
    WARNING = "warning"
    INFORMATION = "information"


class Range(NamedTuple):
    """Where it is, counted from 1; the end column is the first one behind it. A column 0 is not known."""

    line: int
    column: int = 0
    end_line: int = 0
    """0 where no end is known."""
    end_column: int = 0


@dataclass(frozen=True)
class Diagnostic:
    """One finding about one place of one file."""

    path: str
    """From the workspace root."""
    range: Range
    severity: Severity
    message: str
    rule: str = ""
    """The rule's own name, such as ``F401`` or ``no-unused-vars``; empty where the source has none."""
    fixable: bool = False
    """Whether the source can mend it by itself."""
    source: str = ""
    """The program that says so, such as ``ruff``."""

    def __str__(self) -> str:
        place = f"{self.range.line}:{self.range.column}" if self.range.column else f"{self.range.line}"
        place = f"{shown_path(self.path)}:{place}" if self.path else f"line {place}"
        by = " ".join(word for word in (self.source, self.rule) if word)
        fix = ", fixable" if self.fixable else ""
        return f"{place}: {self.severity}: {self.message}" + (f" [{by}{fix}]" if by or fix else "")


def counted_diagnostics(diagnostics: Sequence[Diagnostic]) -> str:
    """``2 errors, 1 warning``, or ``nothing found``."""
    parts: list[str] = []
    for severity in Severity:
        count = sum(each.severity is severity for each in diagnostics)
        if count:
            noun = "notice" if severity is Severity.INFORMATION else severity.value
            parts.append(f"{count} {noun}{'' if count == 1 else 's'}")
    return ", ".join(parts) or "nothing found"
