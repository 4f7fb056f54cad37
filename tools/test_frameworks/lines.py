"""Reads the reports that our own reporters write: one JSON object a test, and a last line that says it is whole."""

import json

from pydantic import BaseModel, ConfigDict, ValidationError

from tools.test_comparison import Outcome
from tools.test_frameworks.cases import TestCase, UnreadableReport, in_folder, numbered, stable

BETWEEN_NAMES = " > "
END = {"end": True}


class _Line(BaseModel):
    model_config = ConfigDict(frozen=True)

    file: str
    names: tuple[str, ...]
    """Names of the groups around the test, then its own; empty for a file that could not be loaded."""
    outcome: Outcome
    detail: str = ""


def cases_of(report: bytes, folder: str = ".", between: str = BETWEEN_NAMES) -> list[TestCase]:
    """Every test of the report; raises UnreadableReport where the end is missing."""
    lines = report.splitlines()
    try:
        parsed = [json.loads(line) for line in lines]
        if not parsed or parsed.pop() != END:
            raise UnreadableReport("its end is missing")
        found = [_Line.model_validate(line) for line in parsed]
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError, ValidationError) as error:
        raise UnreadableReport(str(error)) from error
    return numbered(_case(line, folder, between) for line in found)


def _case(line: _Line, folder: str, between: str) -> TestCase:
    name = between.join(line.names)
    file = in_folder(folder, line.file)
    return TestCase(stable(f"{file}::{name}" if name else file), line.outcome, line.detail)
