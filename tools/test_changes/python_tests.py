"""Tests of pytest and unittest as a Python file writes them."""

import re
from collections.abc import Iterator, Mapping

import tree_sitter

from tools.test_changes.written import Mark, Written, skips_in, text_of, worst

MARKS = {
    "skip": Mark.SKIPPED,
    "skipif": Mark.PERHAPS_SKIPPED,
    "skipIf": Mark.PERHAPS_SKIPPED,
    "skipUnless": Mark.PERHAPS_SKIPPED,
    "xfail": Mark.EXPECTED_TO_FAIL,
    "expectedFailure": Mark.EXPECTED_TO_FAIL,
}
NAMES = re.compile(rf"\b(?:{'|'.join(MARKS)})\b")
#: A call or a raised exception that ends the test it is in.
SKIP = re.compile(
    r"(?:pytest\.)?(?:skip|xfail)\(|(?:self|cls)\.skipTest\(|raise\s+(?:(?:unittest\.)?SkipTest|pytest\.skip\.Exception)\b"
)
MODULE_SKIP = re.compile(r"(?:pytest\.)?skip\(.*\ballow_module_level\s*=\s*True", re.DOTALL)
INNER = frozenset({"function_definition", "class_definition", "lambda", "decorated_definition"})
CONDITIONS = frozenset(
    {"if_statement", "try_statement", "for_statement", "while_statement", "match_statement"}
)
UNDER = frozenset({"elif_clause", "else_clause", "except_clause", "finally_clause", "block"})


def tests_of(root: tree_sitter.Node) -> list[Written]:
    """Every test of the file; where a name is given twice the last one counts."""
    found = {each.name: each for each in _in(root, "", Mark.NONE, _named_marks(root))}
    return list(found.values())


def _named_marks(root: tree_sitter.Node) -> dict[str, Mark]:
    """Marks that the file gives names of its own, such as ``slow = pytest.mark.skip``."""
    found: dict[str, Mark] = {}
    for node in root.named_children:
        assigned = _assigned(node)
        if assigned is not None and (mark := _mark_in(text_of(assigned[1]), {})) is not Mark.NONE:
            found[assigned[0]] = mark
    return found


def _in(
    body: tree_sitter.Node, inside: str, around: Mark, known: Mapping[str, Mark], conditional: bool = False
) -> Iterator[Written]:
    around = worst(around, *(_said_by(node, known) for node in body.named_children))
    for node in body.named_children:
        if node.type in CONDITIONS or node.type in UNDER:
            yield from _in(node, inside, worst(around, Mark.PERHAPS_SKIPPED), known, conditional=True)
            continue
        decorators = [text_of(each) for each in node.named_children if each.type == "decorator"]
        definition = node.child_by_field_name("definition") if node.type == "decorated_definition" else node
        if definition is None:
            continue
        name = text_of(definition.child_by_field_name("name"))
        inner = definition.child_by_field_name("body")
        mark = worst(around, *(_decorated(each, known) for each in decorators))
        full = f"{inside}::{name}" if inside else name
        if definition.type == "class_definition" and inner is not None:
            yield from _in(inner, full, mark, known)
        elif definition.type == "function_definition" and name.startswith("test"):
            own = skips_in(inner, _is_skip, inner=INNER, conditions=CONDITIONS)
            yield Written(full, worst(mark, own))


def _said_by(node: tree_sitter.Node, known: Mapping[str, Mark]) -> Mark:
    """What a statement beside tests says of them all."""
    assigned = _assigned(node)
    if assigned is not None:
        name, value = assigned
        if name == "pytestmark":
            return _mark_in(text_of(value), known)
        return Mark.SKIPPED if name == "__test__" and text_of(value) == "False" else Mark.NONE
    if node.type == "if_statement" and MODULE_SKIP.search(text_of(node)):
        return Mark.PERHAPS_SKIPPED
    is_call = node.type == "expression_statement" and MODULE_SKIP.match(text_of(node))
    return Mark.SKIPPED if is_call else Mark.NONE


def _assigned(node: tree_sitter.Node) -> tuple[str, tree_sitter.Node] | None:
    """The name and the value, where the statement is an assignment to one name."""
    inner = node.named_children[0] if node.type == "expression_statement" and node.named_children else None
    if inner is None or inner.type != "assignment":
        return None
    left, right = inner.child_by_field_name("left"), inner.child_by_field_name("right")
    return (text_of(left), right) if left is not None and right is not None else None


def _decorated(decorator: str, known: Mapping[str, Mark]) -> Mark:
    called = decorator.removeprefix("@").partition("(")[0].strip()
    if called in known:
        return known[called]
    if called.endswith("parametrize"):
        # Some of its cases, not all of them.
        return Mark.NONE if _mark_in(decorator, known) is Mark.NONE else Mark.PERHAPS_SKIPPED
    return MARKS.get(called.rpartition(".")[2], Mark.NONE)


def _mark_in(text: str, known: Mapping[str, Mark]) -> Mark:
    """What the marks in an expression come to."""
    outside_strings = re.sub(r"\"[^\"\n]*\"|'[^'\n]*'", "''", text)
    named = [known[word] for word in re.findall(r"\b\w+\b", outside_strings) if word in known]
    is_mark = "mark." in outside_strings or "unittest." in outside_strings
    return worst(*named, *(MARKS[found] for found in NAMES.findall(outside_strings) if is_mark))


def _is_skip(node: tree_sitter.Node) -> bool:
    return node.type in {"call", "raise_statement"} and bool(SKIP.match(text_of(node)))
