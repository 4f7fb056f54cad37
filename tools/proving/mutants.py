"""Small breaks of a function, one at a time, that tests of it should notice: Python, JavaScript and TypeScript."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import tree_sitter

from tools.editing.symbols import PYTHON, Symbol, text_of

MOST_A_SYMBOL = 6
SWAPS = {
    "<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "==", "===": "!==", "!==": "===",
    "in": "not in", "not in": "in", "is": "is not", "is not": "is",
    "+": "-", "-": "+", "*": "+", "/": "*", "//": "*", "%": "*", "**": "*",
    "+=": "-=", "-=": "+=", "*=": "+=", "/=": "*=",
    "and": "or", "or": "and", "&&": "||", "||": "&&", "??": "&&",
}  # fmt: skip
OPERATIONS = {
    "comparison_operator", "binary_operator", "boolean_operator", "augmented_assignment",
    "binary_expression", "augmented_assignment_expression",
}  # fmt: skip
TRUTHS = {"True": "False", "False": "True", "true": "false", "false": "true"}
CONDITIONAL = {"if_statement", "elif_clause", "ternary_expression"}
NOT_LOOKED_INTO = {"type", "type_annotation", "string", "template_string", "decorator", "comment"}


@dataclass(frozen=True)
class Mutant:
    """One break of one symbol."""

    symbol: str
    line: int
    what: str
    """Such as ``'<' became '<='``."""
    source: bytes
    """The whole file with it."""
    empties: bool = False
    """Whether the function gives nothing, or does nothing: what any test of it notices."""

    def __str__(self) -> str:
        return f"line {self.line}: {self.what}"


def mutants_of(language: str, source: bytes, symbol: Symbol) -> list[Mutant]:
    """At most six breaks of the symbol's body, of as many kinds as there are."""
    body = _body(symbol)
    if body is None:
        return []
    kinds: dict[str, list[Mutant]] = {}
    for kind, start, stop, new, what in _breaks(language, body):
        line = source.count(b"\n", 0, start) + 1
        broken = source[:start] + new.encode() + source[stop:]
        mutant = Mutant(symbol.name, line, what, broken, empties=kind == "nothing")
        kinds.setdefault(kind, []).append(mutant)
    emptied = kinds.pop("nothing", [])[:1] or _does_nothing(language, source, symbol, body)
    chosen: list[Mutant] = []
    while any(kinds.values()) and len(chosen) < MOST_A_SYMBOL - len(emptied):
        chosen += [found.pop(0) for found in kinds.values() if found]
    return [*chosen[: MOST_A_SYMBOL - len(emptied)], *emptied]


def _body(symbol: Symbol) -> tree_sitter.Node | None:
    """The body of the function, also where it is the value of a variable or of a field."""
    waiting = [symbol.node]
    while waiting:
        node = waiting.pop(0)
        body = node.child_by_field_name("body")
        if body is not None:
            return body
        waiting += node.named_children
    return None


Break = tuple[str, int, int, str, str]
"""Kind, bytes from and to, what stands there instead, and the words for it."""


def _breaks(language: str, node: tree_sitter.Node) -> Iterator[Break]:
    if node.type in NOT_LOOKED_INTO:
        return
    yield from _swapped(node)
    yield from _negated(language, node)
    nothing = "None" if language == PYTHON else "undefined"
    if node.type == "return_statement" and node.named_children:
        value = node.named_children[0]
        if text_of(value) != nothing:
            yield "nothing", value.start_byte, value.end_byte, nothing, f"it returned {nothing}"
    if node.type in {"integer", "number"} and text_of(node).isdecimal():
        number = int(text_of(node))
        yield "constant", node.start_byte, node.end_byte, str(number + 1), f"{number} became {number + 1}"
    text = TRUTHS.get(text_of(node)) if node.type in {"true", "false"} else None
    if text:
        yield "constant", node.start_byte, node.end_byte, text, f"{text_of(node)} became {text}"
    for child in node.named_children:
        yield from _breaks(language, child)


def _swapped(node: tree_sitter.Node) -> Iterator[Break]:
    if node.type not in OPERATIONS:
        return
    for child in node.children:
        if not child.is_named and (new := SWAPS.get(child.type)):
            kind = "arithmetic" if child.type[0] in "+-*/%" else "comparison"
            yield kind, child.start_byte, child.end_byte, new, f"{child.type!r} became {new!r}"


def _negated(language: str, node: tree_sitter.Node) -> Iterator[Break]:
    if node.type in {"not_operator", "unary_expression"} and node.named_children:
        operator = node.children[0]
        if operator.type in {"not", "!"}:
            inner = node.named_children[0]
            yield "condition", node.start_byte, inner.start_byte, "", f"{operator.type!r} was left out"
    condition = node.child_by_field_name("condition") if node.type in CONDITIONAL else None
    if condition is not None:
        text = text_of(condition)
        new = f"not ({text})" if language == PYTHON else f"(!({text}))"
        yield (
            "condition",
            condition.start_byte,
            condition.end_byte,
            new,
            f"the condition {text[:60]} was negated",
        )


def _does_nothing(language: str, source: bytes, symbol: Symbol, body: tree_sitter.Node) -> list[Mutant]:
    """The function without its body, where it returns nothing that could be left out."""
    statements: Sequence[tree_sitter.Node] = body.named_children
    what = "it did nothing"
    if body.type not in {"block", "statement_block"}:
        broken = source[: body.start_byte] + b"undefined" + source[body.end_byte :]
        return [Mutant(symbol.name, body.start_point.row + 1, "it returned undefined", broken, empties=True)]
    if language == PYTHON:
        statements = [
            each
            for each in statements
            if each.type not in {"pass_statement", "comment"}
            and not (
                each.type == "expression_statement" and each.named_children[0].type in {"string", "ellipsis"}
            )
        ]
    if not statements:
        return []
    start = statements[0].start_byte
    broken = source[:start] + (b"return; " if language == PYTHON else b"if (true) return; ") + source[start:]
    if (
        language == PYTHON
        and statements[0].type.endswith(("_statement", "_definition"))
        and b":" in (source[start : statements[0].end_byte].split(b"\n")[0])
    ):
        # A compound statement cannot follow on the same line.
        indent = b" " * statements[0].start_point.column
        broken = source[:start] + b"return\n" + indent + source[start:]
    return [Mutant(symbol.name, statements[0].start_point.row + 1, what, broken, empties=True)]
