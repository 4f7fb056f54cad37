"""What a file consists of: its definitions with their signatures, comments and nesting, and where it does not parse."""

import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import tree_sitter

from tools.symbols.grammars import LANGUAGES, parsed, query_of
from tools.symbols.tags import OWNERS

SIGNATURE_CHARACTERS = 300
DOCUMENTATION_CHARACTERS = 400
MOST_ERRORS = 50
BODIES = ("body", "value", "arguments")
WRAPPERS = {
    "decorated_definition",
    "export_statement",
    "lexical_declaration",
    "variable_declaration",
    "template_declaration",
    "type_declaration",
}
COMMENTS = {"comment", "line_comment", "block_comment"}
BETWEEN_WORDS = re.compile(r"[\s\"'`,;(){}\[\]<>]")


@dataclass(frozen=True)
class OutlineEntry:
    """One definition of a file."""

    name: str
    kind: str
    line: int
    end_line: int
    depth: int
    """0 for what stands in nothing else."""
    signature: str
    documentation: str


@dataclass(frozen=True)
class Flaw:
    """One place that the grammar cannot read."""

    line: int
    column: int
    end_line: int
    end_column: int
    message: str


@dataclass(frozen=True)
class Outline:
    """A whole file."""

    entries: tuple[OutlineEntry, ...]
    flaws: tuple[Flaw, ...]

    def as_json(self) -> dict[str, Any]:
        """As it leaves the sandbox."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Outline":
        """As it arrives from the sandbox."""
        entries = tuple(OutlineEntry(**each) for each in value["entries"])
        return cls(entries, tuple(Flaw(**each) for each in value["flaws"]))


def outline_of(language: str, data: bytes) -> Outline:
    """The outline of a text."""
    root = parsed(language, data).root_node
    return Outline(tuple(_entries(language, root)), tuple(_flaws(root)))


def _entries(language: str, root: tree_sitter.Node) -> Iterator[OutlineEntry]:
    found: dict[int, tuple[str, tree_sitter.Node, tree_sitter.Node]] = {}
    for _, captures in tree_sitter.QueryCursor(query_of(language)).matches(root):
        for label, nodes in captures.items():
            start = captures["name"][0].start_byte
            # A variable that holds a function is the function.
            if label.startswith("definition.") and (start not in found or label != "definition.variable"):
                found[start] = (label[11:], captures["name"][0], nodes[0])
    ordered = sorted(found.values(), key=lambda each: (each[2].start_byte, -each[2].end_byte))
    around: list[tuple[int, str]] = []
    for kind, name, outer in ordered:
        while around and around[-1][0] <= outer.start_byte:
            around.pop()
        if kind == "function" and around and around[-1][1].encode() in OWNERS:
            kind = "method"
        whole = _wrapped(outer)
        yield OutlineEntry(
            name=_text(name, SIGNATURE_CHARACTERS),
            kind=kind,
            line=whole.start_point.row + 1,
            end_line=_last_line(whole),
            depth=len(around),
            signature=_signature(language, whole, outer, name),
            documentation=_documentation(language, whole, outer),
        )
        around.append((outer.end_byte, kind))


def _last_line(node: tree_sitter.Node) -> int:
    """The last line with something of the node on it."""
    ends_at_start = node.end_point.column == 0 and node.end_point.row > node.start_point.row
    return node.end_point.row + (0 if ends_at_start else 1)


def _wrapped(node: tree_sitter.Node) -> tree_sitter.Node:
    """The node with its decorators, ``export`` or ``const`` around it."""
    while node.parent is not None and node.parent.type in WRAPPERS:
        node = node.parent
    return node


def _signature(
    language: str, whole: tree_sitter.Node, outer: tree_sitter.Node, name: tree_sitter.Node
) -> str:
    if not LANGUAGES[language].is_code:
        return _data_signature(language, outer, name)
    body = _body_of(outer)
    stop = body.start_byte if body is not None else outer.end_byte
    text = (whole.text or b"")[: max(0, stop - whole.start_byte)]
    shown = " ".join(text.decode("utf-8", "replace").split()).rstrip(" {:=>")
    return _cut(shown or _text(outer, SIGNATURE_CHARACTERS), SIGNATURE_CHARACTERS)


def _body_of(outer: tree_sitter.Node) -> tree_sitter.Node | None:
    """What is no part of the signature: the block of a function, class or arrow function; none for a plain value."""
    body = outer.child_by_field_name("body")
    if body is not None:
        return body
    value = outer.child_by_field_name("value") or outer.child_by_field_name("right")
    return value.child_by_field_name("body") if value is not None else None


def _data_signature(language: str, outer: tree_sitter.Node, name: tree_sitter.Node) -> str:
    if language == "html":
        tag = name.parent
        return _text(tag, 120) if tag is not None else _text(name, 120)
    if language == "css":
        text = _text(outer, SIGNATURE_CHARACTERS)
        return _cut(text.partition("{")[0].strip(), 120)
    value = outer.child_by_field_name("value")
    if value is None:
        others = [child for child in outer.named_children if child.start_byte > name.start_byte]
        value = others[0] if outer.type == "pair" and others else None
    if value is None:
        return _text(name, 120)
    return f"{_text(name, 120)}: {_kind_of_value(value)}"


def _kind_of_value(value: tree_sitter.Node) -> str:
    """A short value as it is, a long one by how much it holds."""
    inner = value
    while inner.type in {"block_node", "flow_node"} and inner.named_children:
        inner = inner.named_children[-1]
    if inner.type in {"object", "block_mapping", "flow_mapping", "inline_table"}:
        count = inner.named_child_count
        return f"object of {count}"
    if inner.type in {"array", "block_sequence", "flow_sequence"}:
        return f"list of {inner.named_child_count}"
    return _text(value, 80)


def _documentation(language: str, whole: tree_sitter.Node, outer: tree_sitter.Node) -> str:
    if not LANGUAGES[language].is_code:
        return ""
    if language == "python":
        return _docstring(outer)
    lines: list[str] = []
    before, line = whole.prev_sibling, whole.start_point.row
    while before is not None and before.type in COMMENTS and line - _last_line(before) <= 0:
        text = (before.text or b"").decode("utf-8", "replace")
        lines.insert(0, "" if text.startswith("#!") else text)
        line, before = before.start_point.row, before.prev_sibling
    words = [word for text in lines for row in text.splitlines() for word in row.strip(" \t/*#!").split()]
    return _cut(" ".join(words), DOCUMENTATION_CHARACTERS)


def _docstring(outer: tree_sitter.Node) -> str:
    body = outer.child_by_field_name("body")
    first = next((child for child in body.named_children if child.type != "comment"), None) if body else None
    if first is None or first.type != "expression_statement" or not first.named_children:
        return ""
    text = first.named_children[0]
    if text.type != "string":
        return ""
    inner = b"".join(
        child.text or b"" for child in text.children if child.type not in {"string_start", "string_end"}
    )
    return _cut(" ".join(inner.decode("utf-8", "replace").split()), DOCUMENTATION_CHARACTERS)


def _flaws(root: tree_sitter.Node) -> Iterator[Flaw]:
    if not root.has_error:
        return
    waiting, count = [root], 0
    while waiting and count < MOST_ERRORS:
        node = waiting.pop()
        if node.is_missing or node.is_error:
            count += 1
            what = f"{node.type!r} is missing" if node.is_missing else f"cannot be read: {_text(node, 60)!r}"
            start, end = node.start_point, node.end_point
            yield Flaw(start.row + 1, start.column + 1, end.row + 1, end.column + 1, what)
            continue
        waiting.extend(child for child in reversed(node.children) if child.has_error or child.is_missing)


def _text(node: tree_sitter.Node, limit: int) -> str:
    raw, looked_at = node.text or b"", limit * 4
    text = " ".join(raw[:looked_at].decode("utf-8", "replace").split())
    return _cut(text if len(raw) <= looked_at else f"{_without_last_word(text)}…", limit)


def _cut(text: str, limit: int) -> str:
    """The text within the limit, without a word that the border would cut in two.

    What knows a credential is not there in the sandbox, and half of one has no form any more by which it is known outside.
    """
    if len(text) <= limit:
        return text
    kept = text[: limit - 1]
    return f"{kept if BETWEEN_WORDS.match(text[limit - 1]) else _without_last_word(kept)}…"


def _without_last_word(text: str) -> str:
    ends = [found.end() for found in BETWEEN_WORDS.finditer(text)]
    return text[: ends[-1]] if ends else ""
