"""Which files hold tests, by the ways that projects name them."""

import posixpath
import re
from collections.abc import Sequence
from dataclasses import dataclass

from perdure.workspace.paths import Files
from tools.test_frameworks.javascript_tests import is_test
from tools.test_frameworks.test_names import is_named_so, named_as_tests

FOLDERS = {"test", "tests", "testing", "__tests__", "spec", "specs", "e2e"}
COMPILED = ("_test.go", "Test.java", "Tests.java", "IT.java", "_test.cc", "_test.cpp", "_test.c", "_test.rs")

CASE = re.compile(
    r"""\s*(?:it|test|bench)(?:\.[\w.]+)*(?:\([^()]*\)|`[^`]*`)?\(\s*(?:(['"`])(?P<title>.*?)\1)?"""
)
"""Where a case of a script begins; its function has no name."""
LONGEST_CASE = 300


@dataclass(frozen=True)
class Case:
    """A case of a script's tests; lines from 1, the last one included."""

    name: str
    first: int
    last: int


def case_around(lines: Sequence[str], line: int) -> Case | None:
    """The ``it(…)`` or ``test(…)`` that a line is in, as the lines are indented."""
    for number in range(min(line, len(lines)), max(0, line - LONGEST_CASE), -1):
        found = CASE.match(lines[number - 1])
        if found is None:
            continue
        depth = _depth(lines[number - 1])
        last = number
        for last in range(number, min(len(lines), number + LONGEST_CASE) + 1):
            if last > number and lines[last - 1].strip() and _depth(lines[last - 1]) <= depth:
                break
        return Case(f"case {found['title'] or ''!r}", number, last) if line <= last else None
    return None


def _depth(line: str) -> int:
    return len(line) - len(line.lstrip())


class TestFiles:
    """Tells them apart; it reads once how the project names its own."""

    # Pytest would take the class for tests.
    __test__ = False

    def __init__(self, files: Files) -> None:
        self._python: Sequence[str] = named_as_tests(files, ".")

    def holds(self, path: str) -> bool:
        """Whether a file holds tests or belongs to them."""
        folder, name = posixpath.split(path)
        if name == "conftest.py" or name.endswith(COMPILED):
            return True
        if is_named_so(path, tuple(self._python)) or is_test(path):
            return True
        return bool(FOLDERS & set(folder.split("/")))
