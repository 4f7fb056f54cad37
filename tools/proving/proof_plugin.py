"""A plugin of pytest that says how each test ended, and which files the tests wrote. Runs inside the sandbox."""

import json
import os
import sys
import tempfile
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

REPORT = Path("/tmp/perdure-proof.json")
WRITING = os.O_WRONLY | os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_TRUNC
CHANGES = {"os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.truncate", "os.link", "os.symlink"}

free = ["/tmp/", "/dev/"]
cases: dict[str, dict[str, Any]] = {}
errors: list[str] = []
written: set[str] = set()


def _note(path: object) -> None:
    if isinstance(path, (str, bytes, Path)):
        place = os.path.realpath(os.fsdecode(path))
        if not f"{place}/".startswith(tuple(free)) and "__pycache__" not in place:
            written.add(place)


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if (event == "open" and isinstance(arguments[2], int) and arguments[2] & WRITING) or event in CHANGES:
        _note(arguments[0])


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests() -> None:
    """Watch from before the project's first file is loaded."""
    free.append(os.path.realpath(tempfile.gettempdir()) + "/")
    sys.addaudithook(_audit)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[Any]) -> Generator[None, Any]:
    """Keep the worst of set-up, call and tear-down."""
    report = (yield).get_result()
    known = cases.setdefault(item.nodeid, {"outcome": "passed", "asserted": False, "detail": ""})
    if report.skipped or hasattr(report, "wasxfail"):
        known["outcome"] = "skipped"
    elif report.failed:
        known["outcome"] = "failed"
        known["asserted"] = call.excinfo is not None and isinstance(
            call.excinfo.value, (AssertionError, pytest.fail.Exception)
        )
        known["detail"] = str(report.longrepr)[-1500:]


def pytest_collectreport(report: pytest.CollectReport) -> None:
    """Keep what could not be loaded."""
    if report.failed:
        errors.append(str(report.longrepr)[-1500:])


def pytest_sessionfinish() -> None:
    """Write it all down."""
    REPORT.write_text(json.dumps({"cases": cases, "errors": errors, "written": sorted(written)}))
