"""Renames a JavaScript or TypeScript function, class or method with its references in the same file."""

import re

import tree_sitter

from perdure.contracts.errors import ToolRejected
from tools.editing.javascript_classes import ScriptClasses
from tools.editing.javascript_scopes import Occurrence, Scope, Scopes, resolved
from tools.editing.symbols import Symbol, text_of

NAME = re.compile(r"#?[^\W\d][\w$]*|#?\$[\w$]*")
RESERVED = frozenset(
    [
        "break",
        "case",
        "catch",
        "class",
        "const",
        "continue",
        "debugger",
        "default",
        "delete",
        "do",
        "else",
        "enum",
        "export",
        "extends",
        "false",
        "finally",
        "for",
        "function",
        "if",
        "import",
        "in",
        "instanceof",
        "new",
        "null",
        "return",
        "super",
        "switch",
        "this",
        "throw",
        "true",
        "try",
        "typeof",
        "var",
        "void",
        "while",
        "with",
        "let",
        "static",
        "yield",
        "await",
        "implements",
        "interface",
        "package",
        "private",
        "protected",
        "public",
        "arguments",
        "eval",
        "undefined",
    ]
)


def renamed_in_script(source: bytes, found: list[Symbol], new_name: str) -> tuple[bytes, list[str]]:
    """The source with the new name, and what is worth saying; ToolRejected where a reference is uncertain."""
    old = found[0].name.rpartition(".")[2]
    method = found[0].kind == "method"
    _check_name(old, new_name, method=method)
    root = found[0].node
    while root.parent is not None:
        root = root.parent
    scopes = Scopes(root)
    if method:
        owners = {one.node.parent.id for one in found if one.node.parent is not None}
        if len(owners) > 1:
            raise _refusal(f"{found[0].name!r} is a method of {len(owners)} classes of one name.")
        classes = ScriptClasses(root, scopes, old)
        return _with_names(source, classes.renamed(found, new_name)), []
    starts = {one.node.id for symbol in found for one in scopes.called(old) if _defines(symbol, one)}
    definitions = [one for one in scopes.called(old) if one.node.id in starts]
    if not definitions:
        raise _refusal(f"the definition of {old!r} was not found.")
    scope = definitions[0].scope
    if any(one.scope is not scope for one in definitions):
        lines = ", ".join(str(one.node.start_point.row + 1) for one in definitions[::-1])
        raise _refusal(f"{old!r} is defined in more than one scope (lines {lines}).")
    _refuse_uncertain(root, scope, old)
    if scope is not scopes.program and scope.parent is not None and "." in found[0].name:
        _refuse_members(root, old)
    uses = [one for one in scopes.called(old) if resolved(old, one.scope, one.meaning) is scope]
    _refuse_collisions(scopes, scope, uses, old, new_name)
    places = {one.node.start_byte: (one.node.end_byte, _written(one, old, new_name)) for one in uses}
    notes = _outside(found[0], uses, old, new_name)
    return _with_names(source, places), notes


def _refusal(why: str, hint: str = "Send blocks instead, which show exactly what is meant.") -> ToolRejected:
    return ToolRejected(f"Nothing was written: {why}", hint)


def _check_name(old: str, new: str, *, method: bool) -> None:
    private = old.startswith("#")
    if not NAME.fullmatch(new) or (new in RESERVED and not method) or new.startswith("#") != private:
        raise _refusal(f"{new!r} is no name for it in JavaScript.", "Send another new_name.")
    if old in {"constructor", "default"} or new == "constructor":
        raise _refusal(f"{old!r} cannot become {new!r}, because the language gives them a meaning.")
    if new == old:
        raise _refusal(f"it is called {old!r} already.", "Send another new_name.")


def _defines(symbol: Symbol, one: Occurrence) -> bool:
    return (
        bool(one.declares)
        and one.declares != "parameter"
        and (
            one.node.parent is not None
            and (one.node.parent.id == symbol.node.id or _parent_of(one.node.parent) == symbol.node.id)
        )
    )


def _parent_of(node: tree_sitter.Node) -> int:
    return node.parent.id if node.parent is not None else -1


def _refuse_uncertain(root: tree_sitter.Node, scope: Scope, old: str) -> None:
    declared = scope.names[old]
    if any(one.declares == "import" for one in declared):
        raise _refusal(f"{old!r} is imported as well, so it cannot be told what is meant.")
    if len({one.meaning for one in declared}) > 1 and not any(one.meaning == "both" for one in declared):
        raise _refusal(f"{old!r} is a value and a type of its own, so it cannot be told which is meant.")
    waiting = [root]
    while waiting:
        node = waiting.pop()
        direct = node.type == "call_expression" and text_of(node.child_by_field_name("function")) == "eval"
        if direct or node.type == "with_statement":
            raise _refusal(f"line {node.start_point.row + 1} looks names up while the program runs.")
        waiting.extend(node.named_children)


def _refuse_members(root: tree_sitter.Node, old: str) -> None:
    """What a namespace exports is used as its member, which is no name of a scope."""
    waiting = [root]
    while waiting:
        node = waiting.pop()
        member = node.child_by_field_name("property") if node.type == "member_expression" else None
        if node.type == "nested_type_identifier":
            member = node.child_by_field_name("name")
        if text_of(member) == old:
            line = node.start_point.row + 1
            raise _refusal(f"it cannot be told whether {old!r} is meant at line {line}.")
        waiting.extend(node.named_children)


def _refuse_collisions(scopes: Scopes, scope: Scope, uses: list[Occurrence], old: str, new: str) -> None:
    for one in scopes.called(new):
        owner = resolved(new, one.scope, one.meaning) or resolved(new, one.scope, "both")
        inner = owner is not None and owner is not scope and owner.within(scope)
        if one.scope.within(scope) and not inner:
            line = one.node.start_point.row + 1
            raise _refusal(
                f"{new!r} is used already (line {line}) and would mean the renamed {old!r}.",
                "Send another new_name.",
            )
    for one in uses:
        owner = resolved(new, one.scope, "both")
        line = one.node.start_point.row + 1
        if owner is not None and owner is not scope and owner.within(scope):
            raise _refusal(f"{new!r} means something else at line {line}.", "Send another new_name.")
        tag = one.node.parent is not None and one.node.parent.type.startswith("jsx_")
        if tag and new[0].islower():
            raise _refusal(
                f"{old!r} is a component (line {line}), whose name must begin with a capital letter."
            )


def _written(one: Occurrence, old: str, new: str) -> str:
    """The new name as it stands at this place, where the old one may have been two things at once."""
    kind, parent = one.node.type, one.node.parent
    if kind in {"shorthand_property_identifier", "shorthand_property_identifier_pattern"}:
        return f"{old}: {new}"
    if (
        parent is not None
        and parent.type == "export_specifier"
        and parent.child_by_field_name("alias") is None
    ):
        return f"{new} as {old}"
    return new


def _outside(symbol: Symbol, uses: list[Occurrence], old: str, new: str) -> list[str]:
    if symbol.exported and symbol.node.parent is not None and symbol.node.parent.type == "export_statement":
        default = any(child.type == "default" for child in symbol.node.parent.children)
        if not default:
            return [f"It is exported as {new!r} now: files that import {old!r} must follow."]
    aliased = any(one.node.parent is not None and one.node.parent.type == "export_specifier" for one in uses)
    return [f"Other files still import it as {old!r}."] if aliased else []


def _with_names(source: bytes, places: dict[int, tuple[int, str]]) -> bytes:
    parts: list[bytes] = []
    done = 0
    for start, (stop, text) in sorted(places.items()):
        parts += [source[done:start], text.encode()]
        done = stop
    return b"".join([*parts, source[done:]])
