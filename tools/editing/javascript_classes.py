"""Whose member a dotted name is in JavaScript and TypeScript: classes of a file, and what a receiver can be."""

from collections.abc import Iterator
from typing import Literal, TypeAlias

import tree_sitter

from perdure.contracts.errors import ToolRejected
from tools.editing.javascript_scopes import CLASSES, Scope, Scopes, resolved
from tools.editing.symbols import MEMBERS, WRAPPERS, Symbol, text_of

Owner: TypeAlias = int | Literal["other"] | None
"""The class (its node's id); "other" for what is surely none of this file, None where it cannot be told."""
Places: TypeAlias = dict[int, tuple[int, str]]

LITERALS = {"string", "template_string", "number", "array", "object", "regex", "true", "false", "null"}
OWN_THIS = {
    "function_declaration",
    "function_expression",
    "generator_function",
    "generator_function_declaration",
}


class ScriptClasses:
    """The classes of a file, seen from one member's name."""

    def __init__(self, root: tree_sitter.Node, scopes: Scopes, member: str) -> None:
        self._root = root
        self._member = member
        self._scope_at: dict[int, Scope] = {one.node.id: one.scope for one in scopes.occurrences}
        self._declared = {one.node.id: one for one in scopes.occurrences if one.declares}
        self._classes = {node.id: node for node in _all(root) if node.type in CLASSES}

    def renamed(self, found: list[Symbol], new: str) -> Places:
        """Every place of the member with its new name; refuses where a receiver cannot be told."""
        owner = self._class_around(found[0].node)
        if owner is None:
            raise _refusal(f"the class of {self._member!r} was not found.")
        family = self._family(owner)
        self._refuse_interfaces(family)
        places: Places = {}
        unsure: list[int] = []
        for node in _all(self._root):
            name, owner = self._member_at(node)
            line = node.start_point.row + 1
            if name is None:
                continue
            if text_of(name) == new and owner in family:
                raise _refusal(f"{new!r} is a member there already (line {line}).")
            if text_of(name) == self._member and owner is None:
                unsure.append(line)
            elif text_of(name) == self._member and owner in family:
                places[name.start_byte] = (name.end_byte, new)
        if unsure:
            lines = ", ".join(map(str, sorted(set(unsure))[:8]))
            raise _refusal(f"it cannot be told whose {self._member!r} is meant at line {lines}.")
        return places

    def _member_at(self, node: tree_sitter.Node) -> tuple[tree_sitter.Node | None, Owner]:
        """The name of a member that is defined or used here, and whose it is."""
        if node.type in MEMBERS:
            return _own_name(node), self._class_around(node)
        if node.type == "member_expression":
            return node.child_by_field_name("property"), self._owner(node.child_by_field_name("object"))
        # By a string, or by taking the member out of an object: whose it is cannot be told.
        if node.type == "subscript_expression":
            index = node.child_by_field_name("index")
            parts = index.named_children if index is not None and index.type == "string" else []
            return (parts[0] if parts else None), None
        if node.type == "shorthand_property_identifier_pattern":
            return node, None
        return (node.child_by_field_name("key") if node.type == "pair_pattern" else None), None

    def _names(self, node: tree_sitter.Node, family: list[int], name: str) -> bool:
        return text_of(_own_name(node)) == name and self._class_around(node) in family

    def _family(self, owner: int) -> list[int]:
        """The class, what inherits from it, and what it overrides, with all that inherits from those."""
        family = [owner]
        for one in family:
            base = self._base(one)
            children = [other for other in self._classes if self._base(other) == one]
            parents = [base] if base is not None and self._defines(base) else []
            family.extend(other for other in [*parents, *children] if other not in family)
        return family

    def _defines(self, owner: int) -> bool:
        return any(
            node.type in MEMBERS and self._names(node, [owner], self._member)
            for node in _all(self._classes[owner])
        )

    def _base(self, owner: int) -> int | None:
        for child in self._classes[owner].named_children:
            if child.type == "class_heritage":
                clause = next((one for one in child.named_children if one.type == "extends_clause"), child)
                value = clause.child_by_field_name("value") or (clause.named_children or [None])[0]
                found = self._owner(value) if value is not None and value.type == "identifier" else None
                return found if isinstance(found, int) else None
        return None

    def _refuse_interfaces(self, family: list[int]) -> None:
        wanted = {
            text_of(name)
            for owner in family
            for node in _all(self._classes[owner])
            if node.type == "implements_clause"
            for name in _all(node)
            if name.type == "type_identifier"
        }
        for node in _all(self._root):
            if node.type == "interface_declaration" and text_of(node.child_by_field_name("name")) in wanted:
                inside = (one.child_by_field_name("name") for one in _all(node))
                if any(text_of(name) == self._member for name in inside):
                    raise _refusal(
                        f"the interface at line {node.start_point.row + 1} asks for {self._member!r}."
                    )

    def _class_around(self, node: tree_sitter.Node) -> int | None:
        at = node.parent
        while at is not None and at.type not in CLASSES:
            at = at.parent
        return at.id if at is not None else None

    def _owner(self, receiver: tree_sitter.Node | None) -> Owner:
        while receiver is not None and receiver.type in WRAPPERS and receiver.type != "as_expression":
            receiver = receiver.named_children[0] if receiver.named_children else None
        if receiver is None:
            return None
        if receiver.type in LITERALS:
            return "other"
        if receiver.type in {"this", "super"}:
            return self._owner_of_this(receiver)
        if receiver.type == "new_expression":
            return self._owner(receiver.child_by_field_name("constructor"))
        if receiver.type == "identifier":
            return self._owner_of_name(receiver)
        return None

    def _owner_of_this(self, node: tree_sitter.Node) -> Owner:
        at = node.parent
        while at is not None:
            if at.type in OWN_THIS:
                return None
            if at.type == "method_definition" and (at.parent is None or at.parent.type != "class_body"):
                return "other"
            if at.type in CLASSES:
                return at.id
            at = at.parent
        return None

    def _owner_of_name(self, node: tree_sitter.Node) -> Owner:
        scope = self._scope_at.get(node.id)
        owner = resolved(text_of(node), scope, "value") if scope is not None else None
        if owner is None:
            # Names that the file does not declare are the language's own, such as Math or console.
            return "other"
        owners: set[Owner] = {
            self._owner_of_declaration(one.node, one.declares) for one in owner.names[text_of(node)]
        }
        return owners.pop() if len(owners) == 1 else None

    def _owner_of_declaration(self, name: tree_sitter.Node, declares: str) -> Owner:
        parent = name.parent
        if parent is None or declares in {"import", "module", "function"}:
            return "other" if parent is not None else None
        if parent.type in CLASSES:
            return parent.id
        annotation = parent.child_by_field_name("type")
        if annotation is not None and annotation.named_children:
            kind = annotation.named_children[0]
            if kind.type == "generic_type":
                kind = kind.named_children[0]
            if kind.type == "predefined_type":
                return "other"
            return self._class_named(kind) if kind.type == "type_identifier" else None
        if parent.type == "variable_declarator":
            value = parent.child_by_field_name("value")
            if value is not None and value.type in CLASSES:
                return value.id
            constant = parent.parent is not None and text_of(parent.parent).startswith("const")
            made = value is not None and value.type in {"new_expression", *LITERALS}
            return self._owner(value) if constant and made else None
        return None

    def _class_named(self, node: tree_sitter.Node) -> Owner:
        scope = self._scope_at.get(node.id)
        owner = resolved(text_of(node), scope, "type") if scope is not None else None
        declared = owner.names[text_of(node)] if owner is not None else []
        found = [
            one.node.parent.id
            for one in declared
            if one.node.parent is not None and one.node.parent.type in CLASSES
        ]
        if owner is None:
            return "other"
        return found[0] if len(found) == 1 else None


def _refusal(why: str) -> ToolRejected:
    return ToolRejected(
        f"Nothing was written: {why}", "Send blocks instead, which show exactly what is meant."
    )


def _own_name(node: tree_sitter.Node) -> tree_sitter.Node | None:
    return node.child_by_field_name("name") or node.child_by_field_name("property")


def _all(node: tree_sitter.Node) -> Iterator[tree_sitter.Node]:
    waiting = [node]
    while waiting:
        one = waiting.pop()
        yield one
        waiting.extend(one.named_children)
