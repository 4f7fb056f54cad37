"""Scopes of JavaScript and TypeScript: which declaration each name of a file stands for."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

import tree_sitter

from tools.editing.symbols import text_of

Meaning = Literal["value", "type", "both"]

FUNCTIONS = {
    "function_declaration",
    "generator_function_declaration",
    "function_signature",
    "function_expression",
    "generator_function",
    "arrow_function",
    "method_definition",
    "method_signature",
    "abstract_method_signature",
    "function_type",
    "constructor_type",
    "construct_signature",
    "call_signature",
}
CLASSES = {"class_declaration", "abstract_class_declaration", "class"}
NAMED_EXPRESSIONS = {"function_expression", "generator_function", "class"}
TYPE_DECLARATIONS = {"interface_declaration", "type_alias_declaration"}
MODULES = {"internal_module", "module"}
BLOCKS = {
    "statement_block",
    "for_statement",
    "for_in_statement",
    "switch_body",
    "catch_clause",
    "class_static_block",
    "conditional_type",
    "object_type",
}
PATTERNS = {
    "object_pattern",
    "array_pattern",
    "rest_pattern",
    "assignment_pattern",
    "object_assignment_pattern",
    "pair_pattern",
}
TAGS = {"jsx_opening_element", "jsx_closing_element", "jsx_self_closing_element"}


@dataclass(eq=False)
class Scope:
    """One stretch of code with names of its own."""

    parent: "Scope | None"
    hoists: bool
    """Whether ``var`` declares here."""
    names: dict[str, list["Occurrence"]] = field(default_factory=dict[str, list["Occurrence"]])

    def within(self, outer: "Scope") -> bool:
        """Whether this scope is the other one or stands in it."""
        at: Scope | None = self
        while at is not None and at is not outer:
            at = at.parent
        return at is outer


@dataclass(frozen=True, eq=False)
class Occurrence:
    """One place where a name stands, as a declaration or as a use."""

    node: tree_sitter.Node
    scope: Scope
    meaning: Meaning
    declares: str = ""
    """What it declares: variable, parameter, function, class, import, type or module; empty for a use."""

    @property
    def name(self) -> str:
        return text_of(self.node)


def resolved(name: str, scope: Scope, meaning: Meaning) -> Scope | None:
    """The scope whose declaration a name means; None for names that the file does not declare."""
    at: Scope | None = scope
    while at is not None:
        declared = at.names.get(name, ())
        if any("both" in {meaning, one.meaning} or one.meaning == meaning for one in declared):
            return at
        at = at.parent
    return None


class Scopes:
    """All names of one file."""

    def __init__(self, root: tree_sitter.Node) -> None:
        self.program = Scope(None, True)
        self.occurrences: list[Occurrence] = []
        # Nested code can be deeper than Python's stack, so that nodes wait in a list; order does not matter.
        self._waiting: list[tuple[tree_sitter.Node, Scope]] = [
            (child, self.program) for child in root.children
        ]
        while self._waiting:
            node, scope = self._waiting.pop()
            self._visit(node, scope)

    def called(self, name: str) -> Iterator[Occurrence]:
        """Every place where this name stands."""
        return (one for one in self.occurrences if one.name == name)

    def _later(self, node: tree_sitter.Node | None, scope: Scope) -> None:
        if node is not None:
            self._waiting.append((node, scope))

    def _children(
        self, node: tree_sitter.Node, scope: Scope, *, but: tuple[tree_sitter.Node | None, ...] = ()
    ) -> None:
        skipped = {one.id for one in but if one is not None}
        for child in node.named_children:
            if child.id not in skipped:
                self._later(child, scope)

    def _declare(self, node: tree_sitter.Node, scope: Scope, what: str, meaning: Meaning) -> None:
        made = Occurrence(node, scope, meaning, what)
        self.occurrences.append(made)
        scope.names.setdefault(made.name, []).append(made)

    def _use(self, node: tree_sitter.Node, scope: Scope, meaning: Meaning) -> None:
        self.occurrences.append(Occurrence(node, scope, meaning))

    def _visit(self, node: tree_sitter.Node, scope: Scope) -> None:
        kind = node.type
        if kind in FUNCTIONS:
            self._function(node, scope)
        elif kind in CLASSES or kind in TYPE_DECLARATIONS or kind == "enum_declaration":
            self._named(node, scope)
        elif kind in MODULES:
            self._module(node, scope)
        elif kind in BLOCKS:
            self._block(node, scope)
        elif kind in {"lexical_declaration", "variable_declaration"}:
            self._variables(node, scope)
        elif kind == "import_statement":
            self._import(node, scope)
        elif kind == "export_specifier":
            if not _exported_from_elsewhere(node):
                self._later(node.child_by_field_name("name"), scope)
        elif kind in TAGS:
            self._tag(node, scope)
        else:
            self._simple(node, scope)

    def _simple(self, node: tree_sitter.Node, scope: Scope) -> None:
        kind = node.type
        if kind in {"identifier", "shorthand_property_identifier", "shorthand_property_identifier_pattern"}:
            self._use(node, scope, "value" if not _in_heritage_of_types(node) else "both")
        elif kind == "type_identifier":
            self._use(node, scope, "type")
        elif kind in {"nested_type_identifier", "nested_identifier"}:
            self._namespace_of(node, scope)
        elif kind in {"required_parameter", "optional_parameter"}:
            pattern = node.child_by_field_name("pattern")
            self._pattern(pattern, scope, "parameter")
            self._children(node, scope, but=(pattern,))
        elif kind in {"type_parameter", "mapped_type_clause", "index_signature", "infer_type"}:
            self._type_name(node, scope)
        elif kind == "export_statement" and node.child_by_field_name("source") is not None:
            return
        else:
            self._children(node, scope)

    def _namespace_of(self, node: tree_sitter.Node, scope: Scope) -> None:
        first = node.named_children[0]
        if first.type == "identifier":
            self._use(first, scope, "both")
        else:
            self._later(first, scope)

    def _type_name(self, node: tree_sitter.Node, scope: Scope) -> None:
        name = node.child_by_field_name("name")
        if name is None and node.type == "infer_type":
            name = node.named_children[0]
        if name is not None and name.type in {"type_identifier", "identifier"}:
            self._declare(name, scope, "type", "type" if name.type == "type_identifier" else "value")
        else:
            name = None
        self._children(node, scope, but=(name,))

    def _function(self, node: tree_sitter.Node, scope: Scope) -> None:
        name = node.child_by_field_name("name")
        inner = Scope(scope, True)
        if name is not None and name.type in {"identifier", "type_identifier"}:
            where = inner if node.type in NAMED_EXPRESSIONS else scope
            self._declare(name, where, "function", "value")
        elif name is not None and name.type == "computed_property_name":
            self._later(name, scope)
        parameter = node.child_by_field_name("parameter")
        self._pattern(parameter, inner, "parameter")
        body = node.child_by_field_name("body")
        parameters = node.child_by_field_name("parameters")
        for child in parameters.named_children if parameters is not None else ():
            if child.type == "identifier" or child.type in PATTERNS:
                self._pattern(child, inner, "parameter")
            else:
                self._later(child, inner)
        if body is not None and body.type == "statement_block":
            # A variable of the body may hide a parameter of the same name, so that they are scopes of their own;
            # what matters here is only that neither is seen from outside.
            self._children(body, inner)
        else:
            self._later(body, inner)
        self._children(node, inner, but=(name, parameter, parameters, body))

    def _named(self, node: tree_sitter.Node, scope: Scope) -> None:
        name = node.child_by_field_name("name")
        inner = Scope(scope, False)
        if name is not None:
            what = "type" if node.type in TYPE_DECLARATIONS else "class"
            where = inner if node.type in NAMED_EXPRESSIONS else scope
            self._declare(name, where, what, "type" if what == "type" else "both")
        body = node.child_by_field_name("body") if node.type == "enum_declaration" else None
        for member in body.named_children if body is not None else ():
            # Within an enum its members are called by their bare names.
            named = member.child_by_field_name("name") if member.type == "enum_assignment" else member
            if named is not None and named.type == "property_identifier":
                self._declare(named, inner, "variable", "value")
        self._children(node, inner, but=(name,))

    def _module(self, node: tree_sitter.Node, scope: Scope) -> None:
        name = node.child_by_field_name("name")
        if name is not None and name.type == "identifier":
            self._declare(name, scope, "module", "both")
        body = node.child_by_field_name("body")
        if body is not None:
            self._children(body, Scope(scope, True))

    def _block(self, node: tree_sitter.Node, scope: Scope) -> None:
        inner = Scope(scope, node.type == "class_static_block")
        left = node.child_by_field_name("left")
        declared: tree_sitter.Node | None = None
        if node.type == "for_in_statement" and left is not None:
            word = text_of(node.child_by_field_name("kind"))
            if word:
                declared = left
                self._pattern(left, inner if word != "var" else _hoisting(scope), "variable")
        elif node.type == "catch_clause":
            declared = node.child_by_field_name("parameter")
            self._pattern(declared, inner, "parameter")
        self._children(node, inner, but=(declared,))

    def _variables(self, node: tree_sitter.Node, scope: Scope) -> None:
        where = _hoisting(scope) if node.type == "variable_declaration" else scope
        for one in node.named_children:
            if one.type != "variable_declarator":
                self._later(one, scope)
                continue
            name = one.child_by_field_name("name")
            self._pattern(name, where, "variable", scope)
            self._children(one, scope, but=(name,))

    def _pattern(
        self, node: tree_sitter.Node | None, scope: Scope, what: str, values: Scope | None = None
    ) -> None:
        """Declare every name of a pattern; default values and computed keys are uses, looked up in ``values``."""
        waiting = [node] if node is not None else []
        while waiting:
            one = waiting.pop()
            if one.type in {"identifier", "shorthand_property_identifier_pattern"}:
                self._declare(one, scope, what, "value")
            elif one.type in {"assignment_pattern", "object_assignment_pattern"}:
                waiting.extend(filter(None, [one.child_by_field_name("left")]))
                self._later(one.child_by_field_name("right"), values or scope)
            elif one.type == "pair_pattern":
                waiting.extend(filter(None, [one.child_by_field_name("value")]))
                self._later(one.child_by_field_name("key"), values or scope)
            elif one.type in PATTERNS:
                waiting.extend(one.named_children)
            else:
                self._later(one, values or scope)

    def _import(self, node: tree_sitter.Node, scope: Scope) -> None:
        waiting = list(node.named_children)
        while waiting:
            one = waiting.pop()
            if one.type == "import_specifier":
                name = one.child_by_field_name("alias") or one.child_by_field_name("name")
                if name is not None:
                    self._declare(name, scope, "import", "both")
            elif one.type == "identifier":
                self._declare(one, scope, "import", "both")
            elif one.type != "string":
                waiting.extend(one.named_children)

    def _tag(self, node: tree_sitter.Node, scope: Scope) -> None:
        name = node.child_by_field_name("name")
        if name is not None and name.type == "identifier" and name.text is not None:
            if not name.text[:1].islower():
                self._use(name, scope, "value")
        elif name is not None and name.type != "jsx_namespace_name":
            self._later(name, scope)
        self._children(node, scope, but=(name,))


def _hoisting(scope: Scope) -> Scope:
    while not scope.hoists and scope.parent is not None:
        scope = scope.parent
    return scope


def _exported_from_elsewhere(node: tree_sitter.Node) -> bool:
    at: tree_sitter.Node | None = node
    while at is not None and at.type != "export_statement":
        at = at.parent
    return at is not None and at.child_by_field_name("source") is not None


def _in_heritage_of_types(node: tree_sitter.Node) -> bool:
    return node.parent is not None and node.parent.type == "extends_type_clause"
