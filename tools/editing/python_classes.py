"""Whose attribute a dotted name is: the classes of a Python file, what they inherit, and what a receiver can be."""

from collections.abc import Iterable
from typing import Literal, TypeAlias

import libcst as cst
from libcst.metadata import Assignment, ImportAssignment, Scope

from perdure.contracts.errors import ToolRejected
from tools.editing.python_names import Names, Span

Owner: TypeAlias = cst.ClassDef | Literal["other"] | None
"""The class that a receiver is of; "other" for what is surely none of this file, None where it cannot be told."""

HARMLESS_BASES = {"object", "ABC", "Protocol", "Generic", "Enum", "NamedTuple", "TypedDict"}
BY_STRING = {"getattr", "hasattr", "setattr", "delattr"}
LITERALS = (
    cst.BaseNumber,
    cst.BaseString,
    cst.List,
    cst.Dict,
    cst.Set,
    cst.Tuple,
    cst.ListComp,
    cst.DictComp,
    cst.SetComp,
    cst.GeneratorExp,
)


class Classes:
    """The classes of a file, seen from one attribute's name."""

    def __init__(self, names: Names, attribute: str) -> None:
        self._names = names
        self._attribute = attribute
        self._all = [one for one in names.definitions if isinstance(one, cst.ClassDef)]

    def family_of(self, one: cst.ClassDef) -> list[cst.ClassDef]:
        """The class, what inherits from it, and what it overrides, with all that inherits from those."""
        family = [one]
        for member in family:
            parents = [base for base in self._bases(member) if self._defines(base)]
            children = [other for other in self._all if member in self._bases(other)]
            family.extend(other for other in [*parents, *children] if other not in family)
        return family

    def notes(self, family: Iterable[cst.ClassDef]) -> list[str]:
        """What stays unknown because it is in other files."""
        outside = sorted(
            {
                base.value.value
                for one in family
                for base in one.bases
                if isinstance(base.value, cst.Name)
                and base.value.value not in HARMLESS_BASES
                and self._class_named(base.value) is None
            }
        )
        if not outside:
            return []
        return [
            f"Not seen: whether {', '.join(outside)} (another file) has a {self._attribute!r} of its own."
        ]

    def attribute_spans(self, family: list[cst.ClassDef], new: str) -> set[Span]:
        """The attribute behind every receiver of the family; refuses where a receiver cannot be told."""
        spans: set[Span] = set()
        unsure: list[int] = []
        for node in self._names.attributes:
            if node.attr.value == new and self._owner(node.value) in family:
                self._refuse(f"{new!r} is an attribute there already (line {self._names.line(node)}).")
            if node.attr.value != self._attribute:
                continue
            owner = self._owner(node.value)
            if owner is None:
                unsure.append(self._names.line(node))
            elif owner in family:
                spans.add(self._names.span(node.attr))
        unsure += [self._names.line(call) for call in self._names.calls if self._by_string(call)]
        if unsure:
            lines = ", ".join(map(str, sorted(set(unsure))[:8]))
            self._refuse(f"it cannot be told whose {self._attribute!r} is meant at line {lines}.")
        return spans

    def _refuse(self, why: str) -> None:
        raise ToolRejected(
            f"Nothing was written: {why}", "Send blocks instead, which show exactly what is meant."
        )

    def _defines(self, one: cst.ClassDef) -> bool:
        return bool(self._names.body_scope(one).assignments[self._attribute])

    def _bases(self, one: cst.ClassDef) -> list[cst.ClassDef]:
        found = [self._class_named(base.value) for base in one.bases]
        return [base for base in found if base is not None]

    def _class_named(self, node: cst.BaseExpression) -> cst.ClassDef | None:
        if isinstance(node, cst.Subscript):
            node = node.value
        if not isinstance(node, cst.Name):
            return None
        nodes = self._assigned(self._names.scope_of(node), node.value)
        found = [one for one in nodes if isinstance(one, cst.ClassDef)]
        return found[0] if len(found) == len(nodes) == 1 else None

    def _assigned(self, scope: Scope, name: str) -> list[cst.CSTNode]:
        return [one.node for one in scope[name] if isinstance(one, Assignment)]

    def _owner(self, receiver: cst.BaseExpression) -> Owner:
        if isinstance(receiver, LITERALS):
            return "other"
        if isinstance(receiver, cst.Call):
            return self._owner_of_call(receiver)
        if isinstance(receiver, cst.Await | cst.NamedExpr) or not isinstance(receiver, cst.Name):
            return None
        assignments = list(self._names.scope_of(receiver)[receiver.value])
        if any(isinstance(one, ImportAssignment) for one in assignments):
            return "other"
        owners: list[Owner] = [
            self._owner_of_binding(one.node) for one in assignments if isinstance(one, Assignment)
        ]
        if not owners or any(owner is not owners[0] for owner in owners):
            return None
        return owners[0]

    def _owner_of_call(self, call: cst.Call) -> Owner:
        if isinstance(call.func, cst.Name) and call.func.value == "super":
            return self._names.class_around(call)
        return self._class_named(call.func)

    def _owner_of_binding(self, node: cst.CSTNode) -> Owner:
        """What a variable holds, as far as the place where it gets its value tells."""
        if isinstance(node, cst.ClassDef):
            return node
        if isinstance(node, cst.FunctionDef):
            return "other"
        parent = self._names.parent(node)
        if isinstance(parent, cst.Param) or isinstance(node, cst.Param):
            return self._owner_of_parameter(parent if isinstance(parent, cst.Param) else node)
        if isinstance(parent, cst.AnnAssign):
            return self._class_named(parent.annotation.annotation)
        if isinstance(parent, cst.AssignTarget):
            assign = self._names.parent(parent)
            value = assign.value if isinstance(assign, cst.Assign) else None
            if isinstance(value, LITERALS):
                return "other"
            return self._owner_of_call(value) if isinstance(value, cst.Call) else None
        return None

    def _owner_of_parameter(self, node: cst.CSTNode) -> Owner:
        function = self._names.function_around(node)
        if function is None or not isinstance(node, cst.Param):
            return None
        if node.annotation is not None:
            annotation = node.annotation.annotation
            if isinstance(annotation, cst.SimpleString):
                found = [one for one in self._all if one.name.value == annotation.evaluated_value]
                return found[0] if len(found) == 1 else None
            return self._class_named(annotation)
        positional = [*function.params.posonly_params, *function.params.params]
        static = any(
            isinstance(one.decorator, cst.Name) and one.decorator.value == "staticmethod"
            for one in function.decorators
        )
        block = self._names.parent(function)
        owner = self._names.parent(block) if block is not None else None
        if positional and positional[0] is node and not static and isinstance(owner, cst.ClassDef):
            return owner
        return None

    def _by_string(self, call: cst.Call) -> bool:
        """Whether the attribute is named by a string."""
        return (
            isinstance(call.func, cst.Name)
            and call.func.value in BY_STRING
            and len(call.args) > 1
            and isinstance(call.args[1].value, cst.SimpleString)
            and call.args[1].value.evaluated_value == self._attribute
        )
