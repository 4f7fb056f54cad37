"""Every case of ``docs/errors.md`` has a test that compares its sentence with the program's."""

import ast
from pathlib import Path

from tests.sentences import rows

TESTS = Path(__file__).resolve().parents[1]


def cases_tested() -> set[str]:
    """The cases that tests name where they compare a sentence."""
    found: set[str] = set()
    for file in TESTS.rglob("test_*.py"):
        text = file.read_text()
        if file != Path(__file__) and "tests.sentences" in text:
            constants = (node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Constant))
            found |= {node.value for node in constants if isinstance(node.value, str)}
    return found


def test_the_document_lists_cases() -> None:
    assert len(rows()) > 30


def test_every_case_has_a_test() -> None:
    assert sorted(set(rows()) - cases_tested()) == []


def test_every_sentence_is_one() -> None:
    for case, sentence in rows().items():
        if sentence:
            assert sentence[0].isupper() or sentence.startswith("'"), case
            assert sentence.endswith("."), case
