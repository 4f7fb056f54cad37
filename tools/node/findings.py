"""What tsc, ESLint and Prettier report, as diagnostics in the one form of all tools."""

import json
import posixpath
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tools.diagnostics import Diagnostic, Range, Severity
from tools.node.projects import seen_outside

TSC_LINE = re.compile(
    r"(?:(?P<path>[^\s(][^(]*?|.*?\)[^(]*?)\((?P<line>\d+),(?P<column>\d+)\): )?(?P<severity>error|warning) (?P<rule>TS\d+): (?P<message>.*)"
)
PRETTIER_LINE = re.compile(
    r"\[error\] (?P<path>.+?): (?P<message>(?:\w*Error): .*?)(?: \((?P<line>\d+):(?P<column>\d+)\))?"
)
SHOWN = 100


def typescript_findings(output: str, *, folder: str) -> list[Diagnostic]:
    """The lines of ``tsc --pretty false``, run in ``folder`` (from the workspace root); indented ones belong to those before."""
    found: list[Diagnostic] = []
    for line in output.splitlines():
        match = TSC_LINE.fullmatch(line)
        if match:
            place = Range(int(match["line"]), int(match["column"])) if match["line"] else Range(1)
            path = _joined(folder, match["path"]) if match["path"] else folder
            found.append(
                Diagnostic(
                    path, place, Severity(match["severity"]), match["message"], match["rule"], source="tsc"
                )
            )
        elif found and line.startswith(" "):
            last = found[-1]
            found[-1] = Diagnostic(
                last.path, last.range, last.severity, f"{last.message}\n{line}", last.rule, source=last.source
            )
    return found


@dataclass(frozen=True)
class EslintReport:
    """ESLint's diagnostics, and the files that it has mended."""

    diagnostics: tuple[Diagnostic, ...]
    fixed: dict[str, str]
    """The text after the fixes, by path from the workspace root."""


def eslint_findings(output: str) -> EslintReport | None:
    """The report of our formatter; None where it is none, because ESLint could not run."""
    start = output.find("[")
    try:
        results: list[dict[str, Any]] = json.loads(output[start:]) if start >= 0 else []
    except ValueError:
        return None
    if start < 0:
        return None
    found: list[Diagnostic] = []
    fixed: dict[str, str] = {}
    for result in results:
        path = seen_outside(result["path"])
        if isinstance(result.get("output"), str):
            fixed[path] = result["output"]
        found += [_eslint_message(path, message) for message in result["messages"]]
    return EslintReport(tuple(found), fixed)


def _eslint_message(path: str, message: dict[str, Any]) -> Diagnostic:
    severity = Severity.ERROR if message["severity"] == 2 or message["fatal"] else Severity.WARNING
    place = Range(max(message["line"], 1), message["column"], message["endLine"], message["endColumn"])
    return Diagnostic(
        path,
        place,
        severity,
        message["message"],
        message["rule"],
        fixable=message["fixable"],
        source="eslint",
    )


def prettier_findings(unformatted: Sequence[str], errors: str, *, folder: str) -> list[Diagnostic]:
    """One for each file that is formatted otherwise, and one for each that cannot be read."""
    found = [
        Diagnostic(
            _joined(folder, path),
            Range(1),
            Severity.WARNING,
            "The file is not formatted as Prettier would.",
            fixable=True,
            source="prettier",
        )
        for path in unformatted
    ]
    for line in errors.splitlines():
        match = PRETTIER_LINE.fullmatch(line.strip())
        if match:
            place = Range(int(match["line"]), int(match["column"])) if match["line"] else Range(1)
            path = _joined(folder, match["path"])
            found.append(Diagnostic(path, place, Severity.ERROR, match["message"], source="prettier"))
    return found


def listed(diagnostics: Sequence[Diagnostic]) -> str:
    """The diagnostics one a line, worst first, at most a hundred."""
    order = list(Severity)
    ranked = sorted(diagnostics, key=lambda each: (order.index(each.severity), each.path, each.range))
    lines = [str(each) for each in ranked[:SHOWN]]
    if len(ranked) > SHOWN:
        lines.append(f"… and {len(ranked) - SHOWN} more; name paths to see those of fewer files.")
    return "\n".join(lines)


def _joined(folder: str, path: str) -> str:
    if path.startswith("/"):
        return seen_outside(path)
    return posixpath.normpath(posixpath.join(folder, path))
