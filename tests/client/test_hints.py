"""Every error of the client and the command line says what to do: none is made without a hint."""

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path

import pytest

import perdure.client.errors
import perdure.contracts.errors
from perdure.contracts.errors import PerdureError
from perdure.settings import PROJECT_FOLDER

FILES = [PROJECT_FOLDER / "starter.py", *sorted((PROJECT_FOLDER / "perdure" / "client").rglob("*.py"))]
ERRORS = {
    name
    for module in (perdure.contracts.errors, perdure.client.errors)
    for name, kind in vars(module).items()
    if inspect.isclass(kind) and issubclass(kind, PerdureError)
}


def made_without_hint(source: str) -> Iterator[int]:
    """The lines that make an error of ours without a hint, or with one that may be empty."""
    tree = ast.parse(source)
    own = {
        each.name
        for each in ast.walk(tree)
        if isinstance(each, ast.ClassDef)
        and any(isinstance(base, ast.Name) and base.id in ERRORS for base in each.bases)
    }
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            continue
        if node.func.id in ERRORS | own and not has_hint(node):
            yield node.lineno


def has_hint(call: ast.Call) -> bool:
    """Whether the second argument, or the one named ``hint``, can be nothing but a text."""
    named = [each.value for each in call.keywords if each.arg == "hint"]
    given = [*call.args[1:2], *named]
    return bool(given) and not may_be_empty(given[0])


def may_be_empty(hint: ast.expr) -> bool:
    """Whether an expression can give the empty text, as far as it shows."""
    if isinstance(hint, ast.Constant):
        return not hint.value
    if isinstance(hint, ast.IfExp):
        return may_be_empty(hint.body) or may_be_empty(hint.orelse)
    if isinstance(hint, ast.BoolOp) and isinstance(hint.op, ast.Or):
        return may_be_empty(hint.values[-1])
    return False


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_no_error_is_made_without_a_hint(file: Path) -> None:
    assert [f"{file.name}:{line}" for line in made_without_hint(file.read_text())] == []


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("raise InvalidInput('It is wrong.')", [1]),
        ("raise InvalidInput('It is wrong.', '')", [1]),
        ("x = 1\nraise Refused('No.', 'do this' if x else '')", [2]),
        ("raise Refused('No.', found or '')", [1]),
        ("class Own(PerdureError): ...\nraise Own('No.')", [2]),
        ("raise Refused('No.', 'do this')", []),
        ("raise Refused('No.', hint='do this')", []),
        ("raise ValueError('not ours')", []),
    ],
)
def test_the_search_finds_errors_without_a_hint(source: str, found: list[int]) -> None:
    assert list(made_without_hint(source)) == found
