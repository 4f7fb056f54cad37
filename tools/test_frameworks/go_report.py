"""Reads what ``go test -json`` writes: one event a line."""

import json
import posixpath
import re
from typing import Any, cast

from tools.test_comparison import Outcome
from tools.test_frameworks.cases import TestCase, UnreadableReport, numbered, stable
from tools.test_frameworks.tree import within

OUTCOMES: dict[str, Outcome] = {"pass": "passed", "fail": "failed", "skip": "skipped"}
NOISE = re.compile(r"\s*(?:=== (?:RUN|PAUSE|CONT|NAME)|--- (?:PASS|FAIL|SKIP):).*\n?")


def cases_of(report: bytes, folder: str = ".", module: str = "") -> list[TestCase]:
    """Every test, ids by the package's folder; a package that does not build or load is a failed case of its own."""
    events = _events(report)
    said: dict[tuple[str, str], list[str]] = {}
    ended: dict[tuple[str, str], Outcome] = {}
    built: dict[str, list[str]] = {}
    failed_builds: dict[str, str] = {}
    for event in events:
        action, package, test = (str(event.get(name, "")) for name in ("Action", "Package", "Test"))
        if action == "build-output":
            built.setdefault(str(event.get("ImportPath", "")), []).append(str(event.get("Output", "")))
        elif action == "output" and not NOISE.fullmatch(str(event.get("Output", ""))):
            said.setdefault((package, test), []).append(str(event.get("Output", "")))
        elif action in OUTCOMES:
            ended[package, test] = OUTCOMES[action]
            failed_builds[package] = str(event.get("FailedBuild", "")) or failed_builds.get(package, "")
    if not ended:
        raise UnreadableReport("no package came to an end")
    with_failures = {package for (package, test), outcome in ended.items() if test and outcome == "failed"}
    cases: list[TestCase] = []
    for (package, test), outcome in ended.items():
        place = within(folder, posixpath.normpath(package.removeprefix(module).lstrip("/") or "."))
        detail = "".join(said.get((package, test), ())).strip()
        if test:
            cases.append(TestCase(stable(f"{posixpath.normpath(place)}::{test}"), outcome, detail))
        elif outcome == "failed" and package not in with_failures:
            detail = "".join(built.get(failed_builds[package], ())).strip() or detail
            cases.append(TestCase(stable(posixpath.normpath(place)), "failed", detail))
    return numbered(sorted(cases, key=lambda case: case.id))


def _events(report: bytes) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = []
    for line in report.splitlines():
        try:
            event: Any = json.loads(line)
        except (ValueError, RecursionError):
            # What a test's own program writes past the framework stands between the events.
            continue
        if isinstance(event, dict) and "Action" in event:
            events.append(cast("dict[str, Any]", event))
    return events
