"""Tests of Vitest, Jest, Mocha, Playwright and node:test as a file of JavaScript or TypeScript writes them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import tree_sitter

from tools.test_changes.written import Mark, Written, numbered, skips_in, text_of, worst

TESTS = frozenset({"test", "it", "specify", "fit", "xit", "xtest", "xspecify"})
GROUPS = frozenset({"describe", "suite", "context", "fdescribe", "xdescribe", "xcontext"})
#: How node:test hands a test on to the tests in it.
CONTEXTS = frozenset({"t", "ctx", "context"})
MEMBERS = {
    "skip": Mark.SKIPPED,
    "todo": Mark.SKIPPED,
    "fixme": Mark.SKIPPED,
    "skipIf": Mark.PERHAPS_SKIPPED,
    "runIf": Mark.PERHAPS_SKIPPED,
    "failing": Mark.EXPECTED_TO_FAIL,
    "fails": Mark.EXPECTED_TO_FAIL,
    "fail": Mark.EXPECTED_TO_FAIL,
}
NEUTRAL = frozenset({"only", "concurrent", "sequential", "each", "for", "serial", "parallel", "describe"})
FUNCTIONS = frozenset({"arrow_function", "function_expression", "function", "generator_function"})
CONDITIONS = frozenset({"if_statement", "ternary_expression", "switch_statement", "for_statement"})
SKIPPERS = frozenset({"t", "ctx", "context", "this", "test", "it"})
BETWEEN_NAMES = " > "


@dataclass(frozen=True)
class _Call:
    """A test or a group of tests."""

    name: str
    is_group: bool
    mark: Mark
    is_only: bool
    arguments: Sequence[tree_sitter.Node]


def tests_of(root: tree_sitter.Node) -> list[Written]:
    """Every test of the file. Where one is the only one to run, all others are left out."""
    found = list(_in(root, "", Mark.NONE, only=False))
    if any(is_only for _, is_only in found):
        found = [
            (each if is_only else Written(each.name, worst(each.mark, Mark.LEFT_OUT)), is_only)
            for each, is_only in found
        ]
    return numbered(each for each, _ in found)


def _in(node: tree_sitter.Node, inside: str, around: Mark, *, only: bool) -> Iterator[tuple[Written, bool]]:
    for child in node.named_children:
        call = _call(child) if child.type == "call_expression" else None
        if call is None:
            yield from _in(child, inside, around, only=only)
            continue
        name = f"{inside}{BETWEEN_NAMES}{call.name}" if inside else call.name
        mark, is_only = worst(around, call.mark), only or call.is_only
        bodies = [each for each in call.arguments if each.type in FUNCTIONS]
        if not call.is_group:
            own = [skips_in(each, _is_skip, inner=FUNCTIONS, conditions=CONDITIONS) for each in bodies]
            yield Written(name, worst(mark, *own)), is_only
        for body in bodies:
            yield from _in(body, name, mark, only=is_only)


def _call(node: tree_sitter.Node) -> _Call | None:
    """The test or group that a call makes; None where it makes neither."""
    root, members = _callee(node.child_by_field_name("function"))
    arguments = node.child_by_field_name("arguments")
    given = arguments.named_children if arguments is not None else []
    is_inner = root in CONTEXTS and members == ["test"]
    if not given or (not is_inner and (root not in TESTS | GROUPS or not _known(members))):
        return None
    if given[0].type not in {"string", "template_string", "identifier", "binary_expression"}:
        return None
    is_group = (root in GROUPS and not is_inner) or "describe" in members
    has_function = any(each.type in FUNCTIONS or each.type == "identifier" for each in given[1:])
    if not has_function and members[-1:] in (["skip"], ["fixme"], ["fail"]) and given[0].type != "string":
        # Playwright's word inside a test, with a condition.
        return None
    marks = [MEMBERS[each] for each in members if each in MEMBERS]
    marks += [Mark.SKIPPED] if root.startswith("x") or not has_function else []
    option_marks, is_only = _options(given)
    return _Call(
        _name(given[0]),
        is_group,
        worst(*marks, *option_marks),
        is_only or "only" in members or root in {"fit", "fdescribe"},
        given[1:],
    )


def _known(members: Sequence[str]) -> bool:
    return all(each in MEMBERS or each in NEUTRAL for each in members)


def _callee(node: tree_sitter.Node | None) -> tuple[str, list[str]]:
    """``test`` and ``["each", "skip"]`` for ``test.skip.each([…])``; the last member comes last."""
    members: list[str] = []
    while node is not None:
        if node.type == "call_expression":
            node = node.child_by_field_name("function")
        elif node.type == "member_expression":
            members.insert(0, text_of(node.child_by_field_name("property")))
            node = node.child_by_field_name("object")
        else:
            return (text_of(node) if node.type in {"identifier", "this"} else ""), members
    return "", members


def _options(given: Sequence[tree_sitter.Node]) -> tuple[list[Mark], bool]:
    """What the object among a test's arguments says, as node:test and Vitest take one."""
    marks: list[Mark] = []
    is_only = False
    for pair in (each for one in given[1:] if one.type == "object" for each in one.named_children):
        key = text_of(pair.child_by_field_name("key")).strip("'\"")
        value = pair.child_by_field_name("value")
        if value is None or value.type in {"false", "undefined", "null"}:
            continue
        if key in {"skip", "todo"}:
            is_certain = value.type in {"true", "string", "template_string"}
            marks.append(Mark.SKIPPED if is_certain else Mark.PERHAPS_SKIPPED)
        elif key in {"fails", "expectFailure"}:
            marks.append(Mark.EXPECTED_TO_FAIL)
        is_only |= key == "only"
    return marks, is_only


def _name(node: tree_sitter.Node) -> str:
    text = text_of(node)
    return text[1:-1] if node.type in {"string", "template_string"} else text


def _is_skip(node: tree_sitter.Node) -> bool:
    if node.type != "call_expression":
        return False
    root, members = _callee(node.child_by_field_name("function"))
    return (root in SKIPPERS and members in (["skip"], ["todo"], ["fixme"])) or (
        root == "pending" and not members
    )
