"""Tests of Go and Rust as a file writes them."""

import re
from collections.abc import Iterator

import tree_sitter

from tools.test_changes.written import Mark, Written, numbered, skips_in, text_of, worst

GO_TEST = re.compile(r"(?:Test|Fuzz|Example)(?:[^a-z].*)?\Z")
GO_SKIP = re.compile(r"\w+\.(?:Skip|SkipNow|Skipf)\(")
GO_CONSTRAINT = re.compile(r"//\s*(?:go:build|\+build)\s+(?P<what>.*)")
GO_CONDITIONS = frozenset({"if_statement", "for_statement", "expression_switch_statement"})
RUST_TEST = re.compile(r"#\[\s*(?:[\w:]*::)?(?:\w*test|test_case|rstest)\b")
RUST_IGNORE = re.compile(r"#\[\s*ignore\b")
RUST_CONDITION = re.compile(r"#\[\s*cfg(?:_attr)?\s*\((?!\s*test\s*\))")


def go_tests_of(root: tree_sitter.Node) -> list[Written]:
    """Every test of a Go file, with those in it that have a name of their own."""
    around = Mark.NONE
    for node in root.named_children:
        found = GO_CONSTRAINT.match(text_of(node)) if node.type == "comment" else None
        if found:
            around = worst(around, Mark.SKIPPED if found["what"] == "ignore" else Mark.PERHAPS_SKIPPED)
    tests: list[Written] = []
    for node in root.named_children:
        name = text_of(node.child_by_field_name("name"))
        body = node.child_by_field_name("body")
        if node.type == "function_declaration" and body is not None and GO_TEST.match(name):
            tests += _go(name, body, around)
    return numbered(tests)


def _go(name: str, body: tree_sitter.Node, around: Mark) -> Iterator[Written]:
    own = skips_in(body, _is_go_skip, inner=frozenset({"func_literal"}), conditions=GO_CONDITIONS)
    mark = worst(around, own)
    yield Written(name, mark)
    waiting = [*body.named_children]
    while waiting:
        node = waiting.pop(0)
        inner = _go_inner(node)
        if inner is None:
            waiting[:0] = node.named_children
        else:
            yield from _go(f"{name}/{inner[0]}", inner[1], mark)


def _go_inner(node: tree_sitter.Node) -> tuple[str, tree_sitter.Node] | None:
    """The name and body of ``t.Run("name", func…)``."""
    function = node.child_by_field_name("function") if node.type == "call_expression" else None
    arguments = node.child_by_field_name("arguments")
    given = arguments.named_children if arguments is not None else []
    if function is None or not text_of(function).endswith(".Run") or len(given) != 2:
        return None
    body = given[1].child_by_field_name("body") if given[1].type == "func_literal" else None
    if body is None or given[0].type != "interpreted_string_literal":
        return None
    return text_of(given[0])[1:-1].replace(" ", "_"), body


def _is_go_skip(node: tree_sitter.Node) -> bool:
    return node.type == "call_expression" and bool(GO_SKIP.match(text_of(node)))


def rust_tests_of(root: tree_sitter.Node) -> list[Written]:
    """Every test of a Rust file, by the path of its modules."""
    return numbered(_rust(root, "", Mark.NONE))


def _rust(body: tree_sitter.Node, inside: str, around: Mark) -> Iterator[Written]:
    attributes: list[str] = []
    for node in body.named_children:
        if node.type == "attribute_item":
            attributes.append(text_of(node))
            continue
        if node.type in {"line_comment", "block_comment"}:
            continue
        name = text_of(node.child_by_field_name("name"))
        full = f"{inside}::{name}" if inside else name
        mark = worst(around, *map(_rust_mark, attributes))
        inner = node.child_by_field_name("body")
        if node.type == "mod_item" and inner is not None:
            yield from _rust(inner, full, mark)
        elif node.type == "function_item" and any(map(RUST_TEST.match, attributes)):
            yield Written(full, mark)
        attributes = []


def _rust_mark(attribute: str) -> Mark:
    if RUST_IGNORE.match(attribute):
        return Mark.SKIPPED
    return Mark.PERHAPS_SKIPPED if RUST_CONDITION.match(attribute) else Mark.NONE
