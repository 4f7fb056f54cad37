"""What a change takes away from tests: a test, an assertion, or that it is run and looked at by checkers at all."""

import ast
import re
from collections import Counter
from collections.abc import Iterator

import tree_sitter

from tools.editing.symbols import PYTHON, language_name, text_of, tree_of
from tools.proving.weak_tests import ASSERTING, FUNCTIONS, SKIPPING
from tools.quality_gate import PYTHON_TEST
from tools.test_frameworks.javascript_tests import is_test as is_javascript_test

OTHER_TEST = re.compile(r"(_test\.go|(^|/)tests/[^/]+\.rs|Tests?\.java)$")
CONFTEST = re.compile(r"(^|/)conftest\.py$")
SILENCING = re.compile(
    r"#\s*(?:noqa|type:\s*ignore|pyright:|mypy:|pragma:\s*no\s*cover|nosec|ruff:)"
    r"|(?:eslint-disable|@ts-(?:ignore|nocheck|expect-error)|(?:istanbul|c8|v8)\s+ignore|biome-ignore)"
)
SKIPPED_SCRIPT = re.compile(
    r"(?:\b(?:it|test|describe|suite)\.(?:skip|todo|only|failing)\b|\bx(?:it|describe|test)\b|\.skip\()"
)
SCRIPT_TESTS = {"it", "test", "describe", "suite"}
SCRIPT_ASSERTIONS = re.compile(r"(?:expect|assert|should)\b|t\.(?:assert|is|deepEqual|throws)\b")


def is_test_file(path: str) -> bool:
    """Whether the file holds tests, or what they share."""
    found = PYTHON_TEST.search(path) or CONFTEST.search(path) or OTHER_TEST.search(path)
    return bool(found) or is_javascript_test(path)


def weaker(path: str, before: str, after: str) -> list[str]:
    """Sentences on what the change takes away; none where it takes away nothing."""
    faults: list[str] = []
    silenced = Counter(SILENCING.findall(after)) - Counter(SILENCING.findall(before))
    if silenced:
        what = ", ".join(sorted(each.strip() for each in silenced))
        faults.append(f"It silences checkers in {path!r} ({what}) in place of mending what they say.")
    if not is_test_file(path):
        return faults
    language = language_name(path)
    if not language:
        return [
            *faults,
            f"{path!r} holds tests of a language in which it cannot be seen whether they stay as strong.",
        ]
    seen = _python if language == PYTHON else _script
    old, new = seen(language, before), seen(language, after)
    taken = old - new
    faults += [
        f"It takes away or changes what is in the tests of {path!r}: {each}." for each in list(taken)[:4]
    ]
    skipped = _skips(language, after) - _skips(language, before)
    faults += [f"It skips tests of {path!r}, or expects them to fail ({each})." for each in sorted(skipped)]
    return faults


def _python(language: str, text: str) -> Counter[str]:
    """Tests and assertions, each assertion with the function that it is in."""
    return Counter(_python_parts(ast.parse(text), ""))


def _python_parts(node: ast.AST, owner: str) -> Iterator[str]:
    for child in ast.iter_child_nodes(node):
        inner = owner
        if isinstance(child, (*FUNCTIONS, ast.ClassDef)):
            inner = f"{owner}.{child.name}".lstrip(".")
            if child.name.lower().startswith("test"):
                yield f"the test {inner}"
            yield from (f"{ast.unparse(each)} on {inner}" for each in child.decorator_list)
        elif isinstance(child, ast.Assert):
            yield f"'{ast.unparse(child.test)}' in {owner or 'the module'}"
        elif isinstance(child, ast.Call) and _asserting(child):
            yield f"'{ast.unparse(child)}' in {owner or 'the module'}"
        yield from _python_parts(child, inner)


def _asserting(call: ast.Call) -> bool:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    return str(name).startswith(ASSERTING)


def _script(language: str, text: str) -> Counter[str]:
    """The same of JavaScript and TypeScript, without the functions that it is in."""
    data = text.encode("utf-8", "surrogateescape")
    return Counter(_script_parts(tree_of(language, data).root_node))


def _script_parts(root: tree_sitter.Node) -> Iterator[str]:
    waiting = [root]
    while waiting:
        node = waiting.pop()
        waiting.extend(reversed(node.named_children))
        if node.type != "call_expression":
            continue
        words = " ".join(text_of(node).split())
        called = text_of(node.child_by_field_name("function")).partition(".")[0]
        arguments = node.child_by_field_name("arguments")
        if called in SCRIPT_TESTS and arguments is not None and arguments.named_children:
            yield f"the test {text_of(arguments.named_children[0])}"
        elif SCRIPT_ASSERTIONS.match(words) and (
            node.parent is None or node.parent.type != "member_expression"
        ):
            yield f"'{words}'"


def _skips(language: str, text: str) -> Counter[str]:
    if language != PYTHON:
        return Counter(SKIPPED_SCRIPT.findall(text))
    nodes = ast.walk(ast.parse(text))
    names = (getattr(node, "attr", "") or getattr(node, "id", "") for node in nodes)
    return Counter(name for name in names if name in SKIPPING)
