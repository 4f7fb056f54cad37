"""Which errors a JavaScript function can throw, as far as its own file tells."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import tree_sitter

from tools.editing.symbols import text_of

FUNCTIONS = {
    "arrow_function", "function_expression", "function_declaration", "generator_function",
    "generator_function_declaration", "method_definition", "class", "class_declaration",
}  # fmt: skip
#: Methods and functions of the language that run no code but what stands in their arguments.
HARMLESS: Mapping[str, set[str]] = {
    **{name: set() for name in (
        "trim", "trimStart", "trimEnd", "toLowerCase", "toUpperCase", "slice", "substring", "split", "join", "concat",
        "includes", "indexOf", "lastIndexOf", "startsWith", "endsWith", "replace", "replaceAll", "match", "test",
        "charAt", "charCodeAt", "push", "pop", "shift", "unshift", "splice", "reverse", "flat", "fill", "at", "keys",
        "values", "entries", "has", "get", "set", "add", "delete", "clear", "map", "filter", "forEach", "reduce",
        "some", "every", "find", "findIndex", "flatMap", "sort", "isArray", "assign", "freeze", "fromEntries", "from",
        "of", "abs", "floor", "ceil", "round", "min", "max", "trunc", "sqrt", "pow", "random", "sign", "now",
        "isInteger", "isNaN", "isFinite", "parseInt", "parseFloat", "Number", "String", "Boolean", "Array", "Object",
        "Map", "Set", "Date", "Error", "TypeError", "RangeError", "SyntaxError", "padStart", "padEnd", "log",
        "stringify", "toString", "hasOwn", "localeCompare",
    )},
    "parse": {"SyntaxError"}, "toFixed": {"RangeError"}, "toPrecision": {"RangeError"}, "repeat": {"RangeError"},
    "normalize": {"RangeError"}, "toISOString": {"RangeError"}, "RegExp": {"SyntaxError"}, "URL": {"TypeError"},
    "BigInt": {"RangeError", "SyntaxError"}, "decodeURIComponent": {"URIError"}, "decodeURI": {"URIError"},
    "encodeURIComponent": {"URIError"}, "encodeURI": {"URIError"},
}  # fmt: skip


@dataclass
class Raising:
    """What one function may throw by itself, and which functions of the file it calls."""

    raised: set[str] = field(default_factory=set[str])
    implied: set[str] = field(default_factory=set[str])
    calls: list[str] = field(default_factory=list[str])
    open_ended: bool = False


def own_nodes(node: tree_sitter.Node) -> Iterator[tree_sitter.Node]:
    """The nodes of a body without those of functions inside it."""
    waiting = [node]
    while waiting:
        each = waiting.pop()
        yield each
        waiting.extend(child for child in reversed(each.named_children) if child.type not in FUNCTIONS)


def raising_of(function: tree_sitter.Node, known: Mapping[str, str]) -> Raising:
    """What the function may throw; ``known`` has the names by which functions of the file are called."""
    found = Raising()
    body = function.child_by_field_name("body")
    if body is not None:
        _visit(body, found, known)
    else:
        found.open_ended = True
    return found


def _visit(node: tree_sitter.Node, found: Raising, known: Mapping[str, str]) -> None:
    if node.type == "try_statement" and node.child_by_field_name("handler") is not None:
        # What is thrown in its body is caught; what the handler throws again cannot be told.
        for part in (node.child_by_field_name("handler"), node.child_by_field_name("finalizer")):
            if part is not None:
                _visit(part, found, known)
        return
    if node.type == "throw_statement":
        _thrown(node, found)
    elif node.type in {"call_expression", "new_expression"}:
        _called(node, found, known)
    elif node.type in {"member_expression", "subscript_expression"}:
        found.implied.add("TypeError")
    elif node.type in {"await_expression", "for_in_statement"}:
        found.implied.add("TypeError")
        found.open_ended |= node.named_children[-1].type == "identifier"
    for child in node.named_children:
        # A function that is handed over is most often called there and then.
        if child.type not in FUNCTIONS or node.type == "arguments":
            _visit(child, found, known)


def _thrown(node: tree_sitter.Node, found: Raising) -> None:
    thrown = node.named_children[0] if node.named_children else node
    made = text_of(thrown.child_by_field_name("constructor")) if thrown.type == "new_expression" else ""
    if made:
        found.raised.add(made.rpartition(".")[2])
    else:
        found.open_ended = True


def _called(node: tree_sitter.Node, found: Raising, known: Mapping[str, str]) -> None:
    found.implied.add("TypeError")
    function = node.child_by_field_name("function") or node.child_by_field_name("constructor")
    if function is None:
        return
    if function.type == "member_expression":
        name = text_of(function.child_by_field_name("property"))
        on_this = text_of(function.child_by_field_name("object")) == "this"
        name_known = f".{name}" if on_this else ""
    else:
        name = name_known = text_of(function)
    if name_known in known:
        found.calls.append(known[name_known])
    elif name in HARMLESS:
        found.implied |= HARMLESS[name]
    elif not (node.type == "new_expression" and name.endswith("Error")):
        found.open_ended = True
