"""Reads the tests of several texts, inside the sandbox: a text that was written to hurt hurts only this process.

The request, one JSON object: ``texts``, pairs of a language and a text, or null for a text that is too large. The
answer: for each a list of names and marks, or null where it cannot be read whole.
"""

import json
import sys
from collections.abc import Callable, Mapping

import tree_sitter

from tools.symbols.grammars import parsed
from tools.test_changes import compiled_tests, python_tests, script_tests
from tools.test_changes.written import Written

READERS: Mapping[str, Callable[[tree_sitter.Node], list[Written]]] = {
    "python": python_tests.tests_of,
    "javascript": script_tests.tests_of,
    "typescript": script_tests.tests_of,
    "tsx": script_tests.tests_of,
    "go": compiled_tests.go_tests_of,
    "rust": compiled_tests.rust_tests_of,
}


def tests_in(language: str, text: str | None) -> list[Written] | None:
    """The tests of a text; None where it does not parse, or is nested too deeply to be read."""
    if text is None:
        return None
    try:
        root = parsed(language, text.encode("utf-8", "replace")).root_node
        return None if root.has_error else READERS[language](root)
    except RecursionError:
        return None


def main() -> None:
    """Answer the request."""
    answers = [tests_in(*each) for each in json.loads(sys.stdin.buffer.read())["texts"]]
    shown = [None if tests is None else [(test.name, test.mark) for test in tests] for tests in answers]
    sys.stdout.write(json.dumps(shown))
