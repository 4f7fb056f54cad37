"""Renames a Python function, class or method with its references in the same file, by the rules of scope."""

import keyword
import re
from collections.abc import Iterator
from typing import NoReturn

import libcst as cst
from libcst.metadata import Assignment, ClassScope, GlobalScope, ImportAssignment, Scope

from perdure.contracts.errors import ToolRejected
from tools.editing.python_blanks import without_bystanders
from tools.editing.python_classes import Classes
from tools.editing.python_names import Names, Span
from tools.editing.symbols import Symbol


def renamed_in_python(source: bytes, found: list[Symbol], new_name: str) -> tuple[bytes, list[str]]:
    """The source with the new name, and what is worth saying; ToolRejected where a reference is uncertain."""
    old = found[0].name.rpartition(".")[2]
    _check_name(old, new_name)
    try:
        names = Names(without_bystanders(source, (old, new_name)).decode("utf-8"), source)
    except (cst.ParserSyntaxError, UnicodeDecodeError) as error:
        raise _refusal(f"it cannot be read as Python: {error}") from error
    starts = {
        node.start_byte for symbol in found if (node := symbol.node.child_by_field_name("name")) is not None
    }
    definitions = [one for one in names.definitions if names.span(one.name)[0] in starts]
    if not definitions:
        raise _refusal(f"the definition of {old!r} was not found.")
    for capture in names.captures:
        if capture.value in {old, new_name}:
            _refuse_at(names, capture, f"a pattern or a comprehension binds {capture.value!r}")
    scope = names.scope_of(definitions[0])
    spans = _spans_in_scope(names, scope, old, new_name)
    notes: list[str] = []
    if isinstance(scope, ClassScope):
        owners = {id(names.parent_class(one)) for one in definitions}
        if len(owners) > 1:
            raise _refusal(f"{found[0].name!r} is a method of {len(owners)} classes of one name.")
        classes = Classes(names, old)
        family = classes.family_of(names.parent_class(definitions[0]))
        for one in family:
            spans |= _spans_in_scope(names, names.body_scope(one), old, new_name)
        spans |= classes.attribute_spans(family, new_name)
        notes = classes.notes(family)
    return _with_spans(source, spans, new_name), notes


def _check_name(old: str, new: str) -> None:
    if not new.isidentifier() or keyword.iskeyword(new):
        raise _refusal(f"{new!r} is no name that Python allows.", "Send another new_name.")
    if new == old:
        raise _refusal(f"it is called {old!r} already.", "Send another new_name.")
    if old.startswith("__") and old.endswith("__"):
        raise _refusal(f"Python itself calls {old!r} by this name.")


def _refusal(why: str, hint: str = "Send blocks instead, which show exactly what is meant.") -> ToolRejected:
    return ToolRejected(f"Nothing was written: {why}", hint)


def _spans_in_scope(names: Names, scope: Scope, old: str, new: str) -> set[Span]:
    """Every place where the name stands for what this scope defines; refuses where the new name is in the way."""
    for assignment in scope.assignments[old]:
        if isinstance(assignment, ImportAssignment):
            raise _refusal(f"{old!r} is imported as well, so it cannot be told what is meant.")
    if any(one.scope is scope for one in scope.assignments[new]):
        raise _refusal(f"{new!r} is defined there already.", "Send another new_name.")
    spans: set[Span] = set()
    for node in names.called(old):
        at = names.looked_up_in(node)
        if not _resolves_to(at, old, scope):
            continue
        spans.add(names.span(node))
        hidden = next(
            (one for one in _visible(at, new) if one is not scope and not _is_above(one, scope)), None
        )
        if hidden is not None:
            _refuse_at(names, node, f"{new!r} means something else there")
    for node in names.called(new):
        at = names.looked_up_in(node)
        owners = list(_visible(at, new))
        inner = [one for one in owners if one is not scope and not _is_above(one, scope)]
        if not inner and (at is scope or (_is_above(scope, at) and _sees(at, scope))):
            _refuse_at(names, node, f"{new!r} is used already and would mean the renamed {old!r}")
    spans |= set(_in_strings(names, scope, old))
    return spans


def _refuse_at(names: Names, node: cst.CSTNode, why: str) -> NoReturn:
    raise _refusal(f"{why}, at line {names.line(node)}.", "Send another new_name.")


def _visible(at: Scope, name: str) -> Iterator[Scope]:
    """The scopes that define the name as it is seen here; built-in names have none."""
    for assignment in at[name]:
        if isinstance(assignment, Assignment):
            yield assignment.scope


def _resolves_to(at: Scope, name: str, scope: Scope) -> bool:
    return any(one is scope for one in _visible(at, name))


def _is_above(outer: Scope, inner: Scope) -> bool:
    """Whether one scope encloses the other."""
    while inner.parent is not inner:
        inner = inner.parent
        if inner is outer:
            return True
    return False


def _sees(at: Scope, scope: Scope) -> bool:
    """Whether names of the outer scope can be seen from within; those of a class body cannot."""
    return isinstance(scope, GlobalScope) or not isinstance(scope, ClassScope)


def _in_strings(names: Names, scope: Scope, old: str) -> Iterator[Span]:
    """The name in annotations that are written as strings, and in ``__all__``."""
    word = re.compile(rf"(?<![\w.]){re.escape(old)}(?!\w)")
    for node in names.annotation_strings:
        if _resolves_to(names.scope_of(node), old, scope):
            start, _ = names.span(node)
            for found in word.finditer(node.value):
                before = len(node.value[: found.start()].encode())
                yield start + before, start + before + len(old.encode())
    if isinstance(scope, GlobalScope):
        for node in names.exported_strings:
            if node.evaluated_value == old:
                start, _ = names.span(node)
                inner = node.value.rindex(old)
                yield start + inner, start + inner + len(old.encode())


def _with_spans(source: bytes, spans: set[Span], new: str) -> bytes:
    parts: list[bytes] = []
    done = 0
    for start, stop in sorted(spans):
        parts += [source[done:start], new.encode()]
        done = stop
    return b"".join([*parts, source[done:]])
