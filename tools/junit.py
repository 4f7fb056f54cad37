"""Reads JUnit reports of pytest and of Node's test runner: counts, failing tests and what they said."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal
from xml.etree import ElementTree

Outcome = Literal["passed", "failed", "skipped"]
SANDBOX_ROOT = "/workspace/"


@dataclass(frozen=True)
class TestCase:
    """One test as the report has it."""

    # Pytest takes classes of this name for tests where a test file imports them.
    __test__ = False

    name: str
    outcome: Outcome
    detail: str = ""
    """What the failure said."""


class UnreadableReport(ValueError):
    """The report is no JUnit report."""


def cases_of(report: bytes) -> list[TestCase]:
    """Every test of the report; raises UnreadableReport."""
    # A report has no document type; without one there are no entities that could grow without end.
    if b"<!DOCTYPE" in report or b"<!ENTITY" in report:
        raise UnreadableReport("it declares a document type")
    try:
        root = ElementTree.fromstring(report)
    except ElementTree.ParseError as error:
        raise UnreadableReport(str(error)) from error
    merged: dict[str, TestCase] = {}
    for case in _cases(root, ()):
        known = merged.get(case.name)
        # A test that passes and fails in its teardown stands in pytest's report twice.
        if known is None or (known.outcome != "failed" and case.outcome == "failed"):
            merged[case.name] = case
    return list(merged.values())


def _cases(node: ElementTree.Element, above: tuple[str, ...]) -> Iterator[TestCase]:
    for child in node:
        if child.tag == "testsuite":
            # Pytest's one suite is named after itself, which says nothing.
            name = child.get("name", "")
            yield from _cases(child, above if name in {"", "pytest"} else (*above, name))
        elif child.tag == "testcase":
            case = _case(child, above)
            if case is not None:
                yield case


def _case(node: ElementTree.Element, above: tuple[str, ...]) -> TestCase | None:
    name = node.get("name", "")
    failure = node.find("failure")
    failure = node.find("error") if failure is None else failure
    if node.find("skipped") is not None:
        return TestCase(_full_name(node, above), "skipped")
    if failure is not None:
        detail = (failure.text or "").strip() or failure.get("message", "")
        return TestCase(_full_name(node, above), "failed", detail)
    # Node reports a file that holds no test as one passed test with the file's path as its name.
    return None if name.startswith(SANDBOX_ROOT) else TestCase(_full_name(node, above), "passed")


def _full_name(node: ElementTree.Element, above: tuple[str, ...]) -> str:
    """``tests/test_money.py::TestTotals::test_rounds`` for pytest, ``group > case`` for Node."""
    name = node.get("name", "").removeprefix(SANDBOX_ROOT)
    file = node.get("file", "").removeprefix(SANDBOX_ROOT)
    if file.endswith(".py"):
        module = file.removesuffix(".py").replace("/", ".")
        inner = node.get("classname", "").removeprefix(module).strip(".")
        return "::".join([file, *inner.split(".")] if inner else [file]) + f"::{name}"
    return " > ".join([*above, name])
