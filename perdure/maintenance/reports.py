"""What linters report, as findings: one for each rule, with how often and where first."""

import json
from collections.abc import Iterator
from typing import Any, cast

from perdure.contracts.errors import ToolRejected
from perdure.contracts.maintenance import Finding

#: Where the sandbox shows the workspace; reports name files below it.
WORKSPACE = "/workspace/"
MAX_FINDINGS = 40
MAX_WHAT = 160

Problem = tuple[str, str, str]
"""Rule, message and place."""


def findings_of(report: str, text: str, *, step: str) -> tuple[Finding, ...]:
    """Findings of a report, most frequent first; ToolRejected where the text holds no such report."""
    found = {"ruff-json": _ruff, "eslint-json": _eslint}[report](_objects(report, text))
    counts: dict[str, int] = {}
    first: dict[str, Problem] = {}
    for problem in found:
        counts[problem[0]] = counts.get(problem[0], 0) + 1
        first.setdefault(problem[0], problem)
    frequent = sorted(counts, key=lambda rule: (-counts[rule], rule))[:MAX_FINDINGS]
    return tuple(
        Finding(
            step=step,
            what=" ".join(f"{rule} {first[rule][1]}".split())[:MAX_WHAT],
            count=counts[rule],
            where=first[rule][2][:200],
        )
        for rule in frequent
    )


def _objects(report: str, text: str) -> list[dict[str, Any]]:
    """The JSON list in an output that may hold other lines before and after it."""
    decoder = json.JSONDecoder()
    start = 0
    while (start := text.find("[", start)) >= 0:
        if start == 0 or text[start - 1] == "\n":
            try:
                value, _ = decoder.raw_decode(text, start)
            except json.JSONDecodeError:
                value = None
            if isinstance(value, list):
                items = cast("list[Any]", value)
                if all(isinstance(item, dict) for item in items):
                    return items
        start += 1
    raise ToolRejected(f"The output holds no report of the form {report!r}: {text.strip()[:200]!r}")


def _ruff(objects: list[dict[str, Any]]) -> Iterator[Problem]:
    for each in objects:
        location: dict[str, Any] = each.get("location") or {}
        path = str(each.get("filename", "")).removeprefix(WORKSPACE)
        yield (
            str(each.get("code") or "syntax-error"),
            str(each.get("message", "")),
            f"{path}:{location.get('row', 0)}",
        )


def _eslint(objects: list[dict[str, Any]]) -> Iterator[Problem]:
    for file in objects:
        path = str(file.get("filePath", "")).removeprefix(WORKSPACE)
        messages: list[dict[str, Any]] = file.get("messages") or []
        for each in messages:
            rule = str(each.get("ruleId") or "syntax-error")
            yield rule, str(each.get("message", "")), f"{path}:{each.get('line', 0)}"
