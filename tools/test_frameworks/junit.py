"""Reads pytest's JUnit report: every test, its outcome, and what failures said."""

from collections.abc import Iterator
from xml.etree import ElementTree

from tools.test_frameworks.cases import TestCase, UnreadableReport, in_folder, stable


def cases_of(report: bytes, folder: str = ".") -> list[TestCase]:
    """Every test of the report, ids from the workspace's root; raises UnreadableReport."""
    # A report has no document type; without one there are no entities that could grow without end.
    if b"<!DOCTYPE" in report or b"<!ENTITY" in report:
        raise UnreadableReport("it declares a document type")
    try:
        root = ElementTree.fromstring(report)
    except ElementTree.ParseError as error:
        raise UnreadableReport(str(error)) from error
    merged: dict[str, TestCase] = {}
    for case in _cases(root, folder):
        known = merged.get(case.id)
        # A test that passes and fails in its teardown stands in the report twice.
        if known is None or (known.outcome != "failed" and case.outcome == "failed"):
            merged[case.id] = case
    return list(merged.values())


def _cases(root: ElementTree.Element, folder: str) -> Iterator[TestCase]:
    for node in root.iter("testcase"):
        failure = node.find("failure")
        failure = node.find("error") if failure is None else failure
        case = _id(node, folder)
        if failure is not None:
            yield TestCase(case, "failed", (failure.text or "").strip() or failure.get("message", ""))
        else:
            yield TestCase(case, "skipped" if node.find("skipped") is not None else "passed")


def _id(node: ElementTree.Element, folder: str) -> str:
    """``tests/test_money.py::TestTotals::test_rounds``; the file alone where it could not be loaded."""
    name, module, file = node.get("name", ""), node.get("classname", ""), node.get("file", "")
    if not module:
        return stable(in_folder(folder, file or name))
    inner = module.removeprefix(file.removesuffix(".py").replace("/", ".")).strip(".")
    parts = [in_folder(folder, file), *(inner.split(".") if inner else []), name]
    return stable("::".join(parts))
