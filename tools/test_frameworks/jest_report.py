"""Reads the JSON report of Jest, which Vitest writes as well."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tools.test_comparison import Outcome
from tools.test_frameworks.cases import TestCase, UnreadableReport, in_folder, numbered, stable
from tools.test_frameworks.lines import BETWEEN_NAMES

Status = Literal["passed", "failed", "skipped", "pending", "todo", "disabled", "focused"]


class _Assertion(BaseModel):
    model_config = ConfigDict(frozen=True)

    ancestors: tuple[str, ...] = Field(default=(), alias="ancestorTitles")
    title: str
    status: Status
    messages: tuple[str, ...] | None = Field(default=None, alias="failureMessages")


class _File(BaseModel):
    model_config = ConfigDict(frozen=True)

    name: str
    status: Status
    message: str | None = ""
    assertions: tuple[_Assertion, ...] = Field(default=(), alias="assertionResults")


class _Report(BaseModel):
    model_config = ConfigDict(frozen=True)

    files: tuple[_File, ...] = Field(alias="testResults")


def cases_of(report: bytes, folder: str = ".") -> list[TestCase]:
    """Every test of the report, and the files that could not be loaded; raises UnreadableReport."""
    try:
        files = _Report.model_validate_json(report).files
    except ValidationError as error:
        raise UnreadableReport(str(error)) from error
    # Files come in the order they ended, which is another one in every run.
    ordered = sorted(files, key=lambda file: file.name)
    return numbered(case for file in ordered for case in _cases(file, folder))


def _cases(file: _File, folder: str) -> list[TestCase]:
    path = in_folder(folder, file.name)
    found = [
        TestCase(
            stable(f"{path}::{BETWEEN_NAMES.join((*one.ancestors, one.title))}"),
            _outcome(one.status),
            "\n".join(one.messages or ()),
        )
        for one in file.assertions
    ]
    # A file fails without a failed test where it could not be loaded, or where something around its tests failed.
    if file.status == "failed" and not any(case.outcome == "failed" for case in found):
        found.append(TestCase(stable(path), "failed", file.message or ""))
    return found


def _outcome(status: Status) -> Outcome:
    if status == "passed":
        return "passed"
    return "failed" if status == "failed" else "skipped"
