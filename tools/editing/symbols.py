"""Functions, classes and methods of a source file with the bytes that belong to each."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import tree_sitter
from rapidfuzz import fuzz, process

from tools.syntax import TREES, language_of

PYTHON = "python"
WRAPPERS = {
    "parenthesized_expression",
    "as_expression",
    "satisfies_expression",
    "non_null_expression",
    "type_assertion",
}
FUNCTION_VALUES = {"arrow_function", "function_expression", "generator_function", "class"}
DECLARATIONS = {
    "function_declaration": "function",
    "generator_function_declaration": "function",
    "function_signature": "function",
    "class_declaration": "class",
    "abstract_class_declaration": "class",
}
MEMBERS = {
    "method_definition",
    "abstract_method_signature",
    "method_signature",
    "field_definition",
    "public_field_definition",
}
MODULES = {"internal_module", "module"}
DIRECTIVES = (b"#!", b"# -*-", b"# vim:", b"# coding", b"//@ts-", b"// @ts-", b"/// <")


@dataclass(frozen=True)
class Symbol:
    """One definition; places are bytes of the UTF-8 text."""

    name: str
    """Dotted, from the module down."""
    kind: str
    line: int
    lead: int
    """Where it begins with the comment that is attached to it."""
    start: int
    """Where it begins with its decorators and ``export``."""
    core: int
    """Where the definition itself begins."""
    stop: int
    indent: bytes
    node: tree_sitter.Node
    shared: bool = False
    """Whether its declaration declares other names too."""
    exported: bool = False


def language_name(path: str) -> str:
    """The grammar for this file; empty where symbols are not known in it."""
    suffix = PurePosixPath(path).suffix.lower()
    return PYTHON if suffix in {".py", ".pyi"} else TREES.get(suffix, "")


def tree_of(language: str, source: bytes) -> tree_sitter.Tree:
    """The syntax tree."""
    return tree_sitter.Parser(language_of(language)).parse(source)


def symbols_of(language: str, source: bytes, tree: tree_sitter.Tree) -> list[Symbol]:
    """Every function, class and method, in the order of the file."""
    found = (
        _python(source, tree.root_node, "", "")
        if language == PYTHON
        else _script(source, tree.root_node, "", "")
    )
    return list(found)


def text_of(node: tree_sitter.Node | None) -> str:
    """The source text of a node."""
    return node.text.decode("utf-8", "replace") if node is not None and node.text is not None else ""


def line_start(source: bytes, place: int) -> int:
    """Where the line of this place begins."""
    return source.rfind(b"\n", 0, place) + 1


def line_stop(source: bytes, place: int) -> int:
    """Where the next line begins."""
    end = source.find(b"\n", place)
    return len(source) if end < 0 else end + 1


def _python(source: bytes, node: tree_sitter.Node, prefix: str, owner: str) -> Iterator[Symbol]:
    for child in node.named_children:
        outer = child
        if child.type == "decorated_definition":
            child = child.child_by_field_name("definition") or child
        if child.type not in {"function_definition", "class_definition"}:
            yield from _python(source, child, prefix, owner)
            continue
        name = prefix + text_of(child.child_by_field_name("name"))
        kind = "class" if child.type == "class_definition" else "method" if owner == "class" else "function"
        indent = source[line_start(source, outer.start_byte) : outer.start_byte]
        stop = _with_inner_comments(source, outer.end_byte, indent)
        lead = _with_comment(source, outer.start_byte, (b"#",))
        yield Symbol(
            name,
            kind,
            child.start_point.row + 1,
            lead,
            outer.start_byte,
            child.start_byte,
            stop,
            indent,
            child,
        )
        yield from _python(source, child, f"{name}.", kind)


def _with_inner_comments(source: bytes, stop: int, indent: bytes) -> int:
    """The end with the rest of its line, and with comments below that are deeper than the definition."""
    end = stop if source[stop - 1 : stop] == b"\n" else line_stop(source, stop)
    place = end
    while place < len(source):
        line = source[place : line_stop(source, place)]
        text = line.lstrip(b" \t")
        if text.startswith(b"#") and len(line) - len(text) > len(indent):
            end = place + len(line)
        elif text.strip():
            break
        place += len(line)
    while source[end - 1 : end] in {b"\n", b"\r"}:
        end -= 1
    return end


def _with_comment(source: bytes, start: int, marks: tuple[bytes, ...]) -> int:
    """The start of the lines of comment right above, without what is meant for tools or the system."""
    first = line_start(source, start)
    if source[first:start].strip():
        return start
    lead = start
    while first:
        above = line_start(source, first - 1)
        line = source[above:first].strip()
        if not line.startswith(marks) or line.startswith(DIRECTIVES):
            break
        first = above
        lead = above + len(source[above:]) - len(source[above:].lstrip(b" \t"))
    return lead


def _script(source: bytes, node: tree_sitter.Node, prefix: str, owner: str) -> Iterator[Symbol]:
    for child in node.named_children:
        named = _named(child, owner)
        if named is None:
            yield from _script(source, child, prefix, owner)
            continue
        label, kind, core, body, shared = named
        outer = _outermost(child)
        start = _with_decorators(outer)
        name = f"{prefix}{label}"
        stop = outer.end_byte
        after = outer.next_sibling
        if after is not None and after.type == ";" and child.type in MEMBERS:
            stop = after.end_byte
        indent = source[line_start(source, start) : start]
        if indent.strip():
            indent = b""
        yield Symbol(
            name,
            kind,
            child.start_point.row + 1,
            _with_block_comment(source, outer, start),
            start,
            core.start_byte,
            stop,
            indent,
            child,
            shared,
            exported=outer.type == "export_statement",
        )
        yield from _script(source, body, f"{name}.", kind)


Named = tuple[str, str, tree_sitter.Node, tree_sitter.Node, bool]


def _named(node: tree_sitter.Node, owner: str) -> Named | None:
    """Name, kind, the definition itself, what its inner symbols are looked for in, and whether others share it."""
    name = text_of(node.child_by_field_name("name"))
    if node.type in DECLARATIONS:
        return name, DECLARATIONS[node.type], node, node, False
    if node.type in MODULES and name and node.child_by_field_name("body") is not None:
        return name.strip("\"'"), "module", node, node, False
    if node.type in MEMBERS and owner == "class":
        value = node.child_by_field_name("value")
        if not node.type.endswith("field_definition"):
            return name, "method", node, node, False
        label = text_of(node.child_by_field_name("property")) or name
        return (label, "method", node, node, False) if function_value(value) is not None else None
    if node.type in {"lexical_declaration", "variable_declaration"}:
        declarators = [child for child in node.named_children if child.type == "variable_declarator"]
        for one in declarators:
            value = function_value(one.child_by_field_name("value"))
            if value is not None:
                kind = "class" if value.type == "class" else "function"
                label = text_of(one.child_by_field_name("name"))
                return label, kind, node, value, len(declarators) > 1
    if node.type == "export_statement":
        value = function_value(node.child_by_field_name("value"))
        if value is not None:
            return "default", "class" if value.type == "class" else "function", value, value, False
    return None


def function_value(value: tree_sitter.Node | None) -> tree_sitter.Node | None:
    """The function or class that an expression is, also where another function wraps it; None for other values."""
    while value is not None and value.type in WRAPPERS:
        value = value.named_children[0] if value.named_children else None
    if value is None or value.type in FUNCTION_VALUES:
        return value
    arguments = value.child_by_field_name("arguments") if value.type == "call_expression" else None
    for argument in arguments.named_children if arguments is not None else ():
        inner = function_value(argument)
        if inner is not None:
            return inner
    return None


def _outermost(node: tree_sitter.Node) -> tree_sitter.Node:
    """The statement with ``export`` and ``declare`` around the declaration."""
    parent = node.parent
    while parent is not None and parent.type in {"export_statement", "ambient_declaration"}:
        node, parent = parent, parent.parent
    if parent is not None and parent.type == "expression_statement" and node.type in MODULES:
        return parent
    return node


def _with_decorators(node: tree_sitter.Node) -> int:
    before = node.prev_sibling
    while before is not None and before.type == "decorator":
        node, before = before, before.prev_sibling
    return node.start_byte


def _with_block_comment(source: bytes, node: tree_sitter.Node, start: int) -> int:
    """The start of the comment right above, a block or lines of it."""
    if source[line_start(source, start) : start].strip():
        return start
    lead, before = start, node.prev_sibling
    while before is not None and before.type == "decorator":
        before = before.prev_sibling
    while before is not None and before.type == "comment":
        between = source[before.end_byte : lead]
        own_line = not source[line_start(source, before.start_byte) : before.start_byte].strip()
        if between.strip() or between.count(b"\n") != 1 or not own_line:
            break
        if source[before.start_byte : before.end_byte].startswith(DIRECTIVES):
            break
        lead, before = before.start_byte, before.prev_sibling
    return lead


def near_names(symbols: Sequence[Symbol], wanted: str) -> list[str]:
    """Names that the wanted one may be a slip of, the likeliest first."""
    names = list(dict.fromkeys(symbol.name for symbol in symbols))
    last = {name: name.rpartition(".")[2] for name in names}
    wanted_last = wanted.rpartition(".")[2]
    whole = process.extract(wanted, names, scorer=fuzz.ratio, limit=5, score_cutoff=55)
    parts = process.extract(wanted_last, last, scorer=fuzz.ratio, limit=5, score_cutoff=60)
    found = [name for name, _, _ in whole] + [name for _, _, name in parts]
    return list(dict.fromkeys(found))[:5] or names[:8]
