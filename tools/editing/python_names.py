"""Names of a Python file with their places and scopes, as libcst resolves them."""

from collections import defaultdict
from typing import TypeAlias

import libcst as cst
from libcst.metadata import (
    Assignment,
    ByteSpanPositionProvider,
    ClassScope,
    MetadataWrapper,
    ParentNodeProvider,
    Scope,
    ScopeProvider,
)

Span: TypeAlias = tuple[int, int]
Definition: TypeAlias = cst.FunctionDef | cst.ClassDef


class Names:
    """Where every name of one file stands. Places are bytes of its UTF-8 text; lines are those of ``source``."""

    def __init__(self, text: str, source: bytes) -> None:
        wrapper = MetadataWrapper(cst.parse_module(text), unsafe_skip_copy=True)
        self._source = source
        self._spans = wrapper.resolve(ByteSpanPositionProvider)
        self._parents = wrapper.resolve(ParentNodeProvider)
        self._scopes = wrapper.resolve(ScopeProvider)
        self.module = wrapper.module
        self.definitions: list[Definition] = []
        self.attributes: list[cst.Attribute] = []
        self.calls: list[cst.Call] = []
        self.annotation_strings: list[cst.SimpleString] = []
        self.exported_strings: list[cst.SimpleString] = []
        self.captures: list[cst.Name] = []
        """Names that patterns of ``match`` bind, or ``:=`` within a comprehension: the scopes place them wrongly."""
        self._names: dict[str, list[cst.Name]] = defaultdict(list)
        self.module.visit(_Collector(self, self._names))

    def called(self, name: str) -> list[cst.Name]:
        """Every place where this name stands by itself: not behind a dot, not as a keyword argument."""
        return self._names[name]

    def span(self, node: cst.CSTNode) -> Span:
        """First byte and the byte behind the last."""
        found = self._spans[node]
        return found.start, found.start + found.length

    def line(self, node: cst.CSTNode) -> int:
        """The line's number, from 1."""
        return self._source.count(b"\n", 0, self.span(node)[0]) + 1

    def parent(self, node: cst.CSTNode) -> cst.CSTNode | None:
        """The node around this one."""
        return self._parents.get(node)

    def scope_of(self, node: cst.CSTNode) -> Scope:
        """The scope that a name at this place is looked up in."""
        at: cst.CSTNode | None = node
        while at is not None:
            scope = self._scopes.get(at)
            if scope is not None:
                return scope
            at = self.parent(at)
        raise LookupError("a file without a scope")

    def looked_up_in(self, node: cst.Name) -> Scope:
        """Where this name is looked up: a class body takes it from outside until it has bound it itself."""
        scope = self.scope_of(node)
        if not isinstance(scope, ClassScope):
            return scope
        start = self.span(node)[0]
        bindings = [one.node for one in scope.assignments[node.value] if isinstance(one, Assignment)]
        binds = any(one is node or getattr(one, "name", None) is node for one in bindings)
        if binds or not bindings or any(self._statement_stop(one) <= start for one in bindings):
            return scope
        return scope.parent

    def _statement_stop(self, node: cst.CSTNode) -> int:
        """Where the statement ends that binds a name, which is when the name is bound."""
        at: cst.CSTNode | None = node
        while at is not None and not isinstance(at, cst.BaseSmallStatement | cst.BaseCompoundStatement):
            at = self.parent(at)
        start, stop = self.span(at or node)
        return stop if stop > start else start

    def body_scope(self, definition: cst.ClassDef) -> Scope:
        """The scope of a class's body."""
        for statement in definition.body.body:
            scope = self.scope_of(statement)
            if isinstance(scope, ClassScope):
                return scope
        return self.scope_of(definition.body)

    def parent_class(self, node: cst.CSTNode) -> cst.ClassDef:
        """The class that a method stands in; the nearest one around any other node."""
        found = self.class_around(node)
        if found is None:
            raise LookupError("a method outside of a class")
        return found

    def class_around(self, node: cst.CSTNode) -> cst.ClassDef | None:
        """The nearest class around a node."""
        at = self.parent(node)
        while at is not None and not isinstance(at, cst.ClassDef):
            at = self.parent(at)
        return at

    def function_around(self, node: cst.CSTNode) -> cst.FunctionDef | None:
        """The nearest function around a node."""
        at = self.parent(node)
        while at is not None and not isinstance(at, cst.FunctionDef):
            at = self.parent(at)
        return at


class _Collector(cst.CSTVisitor):
    """Sorts the nodes of a file by what a rename asks of them."""

    def __init__(self, names: Names, by_name: dict[str, list[cst.Name]]) -> None:
        super().__init__()
        self._names = names
        self._by_name = by_name
        self._annotations = 0
        self._literals = 0

    def visit_FunctionDef(self, node: cst.FunctionDef) -> None:
        self._names.definitions.append(node)

    def visit_ClassDef(self, node: cst.ClassDef) -> None:
        self._names.definitions.append(node)

    def visit_Call(self, node: cst.Call) -> None:
        self._names.calls.append(node)

    def visit_Name(self, node: cst.Name) -> None:
        parent = self._names.parent(node)
        hidden = (
            (isinstance(parent, cst.Attribute) and parent.attr is node)
            or (isinstance(parent, cst.Arg) and parent.keyword is node)
            or isinstance(parent, cst.ImportAlias | cst.MatchKeywordElement)
        )
        if not hidden:
            self._by_name[node.value].append(node)

    def visit_MatchAs(self, node: cst.MatchAs) -> None:
        self._captures(node.name)

    def visit_MatchStar(self, node: cst.MatchStar) -> None:
        self._captures(node.name)

    def visit_MatchMapping(self, node: cst.MatchMapping) -> None:
        self._captures(node.rest)

    def visit_NamedExpr(self, node: cst.NamedExpr) -> None:
        if isinstance(node.target, cst.Name) and self._is_in_comprehension(node):
            self._captures(node.target)

    def _is_in_comprehension(self, node: cst.CSTNode) -> bool:
        at = self._names.parent(node)
        while at is not None and not isinstance(at, cst.FunctionDef | cst.Lambda | cst.ClassDef):
            if isinstance(at, cst.BaseComp):
                return True
            at = self._names.parent(at)
        return False

    def _captures(self, name: cst.Name | None) -> None:
        if name is not None:
            self._names.captures.append(name)

    def visit_Attribute(self, node: cst.Attribute) -> None:
        self._names.attributes.append(node)

    def visit_Annotation(self, node: cst.Annotation) -> None:
        self._annotations += 1

    def leave_Annotation(self, original_node: cst.Annotation) -> None:
        self._annotations -= 1

    def visit_Subscript(self, node: cst.Subscript) -> None:
        self._literals += _is_literal(node)

    def leave_Subscript(self, original_node: cst.Subscript) -> None:
        self._literals -= _is_literal(original_node)

    def visit_SimpleString(self, node: cst.SimpleString) -> None:
        if self._annotations and not self._literals:
            self._names.annotation_strings.append(node)

    def visit_Assign(self, node: cst.Assign) -> None:
        self._exports([target.target for target in node.targets], node.value)

    def visit_AugAssign(self, node: cst.AugAssign) -> None:
        self._exports([node.target], node.value)

    def visit_AnnAssign(self, node: cst.AnnAssign) -> None:
        self._exports([node.target], node.value)

    def _exports(
        self, targets: list[cst.BaseAssignTargetExpression], value: cst.BaseExpression | None
    ) -> None:
        named = any(isinstance(target, cst.Name) and target.value == "__all__" for target in targets)
        if named and isinstance(value, cst.List | cst.Tuple | cst.Set):
            strings = [one.value for one in value.elements if isinstance(one.value, cst.SimpleString)]
            self._names.exported_strings.extend(strings)


def _is_literal(node: cst.Subscript) -> bool:
    named = node.value.attr if isinstance(node.value, cst.Attribute) else node.value
    return isinstance(named, cst.Name) and named.value == "Literal"
