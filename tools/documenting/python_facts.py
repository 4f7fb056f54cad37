"""What a Python file says of its functions, methods and classes."""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tools.documenting.facts import Facts, Parameter
from tools.documenting.python_raises import EVERYTHING, Raising, name_of, own_nodes, raising_of

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
OTHERS_DOCUMENT = {"overload", "setter", "deleter"}
UNTOLD = {"NotImplementedError", "AssertionError", "StopIteration", "StopAsyncIteration"}


@dataclass(frozen=True)
class _Found:
    """One definition and the class around it."""

    node: Definition
    owner: str
    in_class: bool


def python_definitions(tree: ast.Module) -> dict[str, Definition]:
    """Every function, method and class by its dotted name; of several with one name the one that carries the docs."""
    return {name: found.node for name, found in _definitions(tree).items()}


def python_facts(text: str) -> dict[str, Facts]:
    """What the code says of each of them."""
    tree = ast.parse(text)
    found = _definitions(tree)
    bases = {
        name: tuple(name_of(base) for base in each.node.bases)
        for name, each in found.items()
        if isinstance(each.node, ast.ClassDef)
    }
    raising = {
        name: raising_of(each.node.body, _callable_names(each, found), bases)
        for name, each in found.items()
        if isinstance(each.node, FUNCTIONS)
    }
    return {name: _facts(name, found, raising, bases) for name in found}


def _definitions(tree: ast.Module) -> dict[str, _Found]:
    found: dict[str, _Found] = {}
    for name, each in _walk(tree, "", in_class=False):
        if name not in found:
            found[name] = each
    return found


def _walk(node: ast.AST, prefix: str, *, in_class: bool) -> Iterator[tuple[str, _Found]]:
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, (*FUNCTIONS, ast.ClassDef)):
            yield from _walk(child, prefix, in_class=in_class)
            continue
        if not OTHERS_DOCUMENT & {name_of(each) for each in child.decorator_list}:
            yield f"{prefix}{child.name}", _Found(child, prefix, in_class)
        yield from _walk(child, f"{prefix}{child.name}.", in_class=isinstance(child, ast.ClassDef))


def _callable_names(each: _Found, found: Mapping[str, _Found]) -> dict[str, str]:
    """How functions of the file are called in this one: by name, or as ``.name`` on self."""
    names: dict[str, str] = {}
    for name, other in found.items():
        if not other.owner:
            is_class = isinstance(other.node, ast.ClassDef)
            target = f"{name}.__init__" if is_class else name
            if target in found:
                names[name] = target
        elif other.owner == each.owner and isinstance(other.node, FUNCTIONS):
            names[f".{name.removeprefix(each.owner)}"] = name
    return names


def _facts(
    name: str,
    found: Mapping[str, _Found],
    raising: Mapping[str, Raising],
    bases: Mapping[str, tuple[str, ...]],
) -> Facts:
    each = found[name]
    node = each.node
    documented = ast.get_docstring(node) is not None
    if isinstance(node, ast.ClassDef):
        maker = found.get(f"{name}.__init__")
        parameters = _parameters(maker) if maker and isinstance(maker.node, FUNCTIONS) else ()
        own = raising.get(f"{name}.__init__", Raising())
        raised, raisable, is_open = _raisable(f"{name}.__init__", own, raising)
        listed = ", ".join(map(ast.unparse, node.bases))
        return Facts(
            name, "class", f"class {node.name}({listed})" if listed else f"class {node.name}",
            parameters=parameters, fields=tuple(_fields(node)), raised=raised, raisable=raisable,
            open_ended=is_open or maker is None, documented=documented, bases=bases,
        )  # fmt: skip
    raised, raisable, is_open = _raisable(name, raising[name], raising)
    asynchronous = isinstance(node, ast.AsyncFunctionDef)
    generator = any(isinstance(inner, (ast.Yield, ast.YieldFrom)) for inner in own_nodes(node.body))
    result = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    return Facts(
        name,
        "method" if each.in_class else "function",
        f"{'async ' if asynchronous else ''}def {node.name}({ast.unparse(node.args)}){result}",
        parameters=_parameters(each),
        asynchronous=asynchronous,
        generator=generator,
        return_type=ast.unparse(node.returns) if node.returns else "",
        gives=_gives(node, generator=generator),
        raised=raised,
        raisable=raisable,
        open_ended=is_open,
        documented=documented,
        bases=bases,
    )


def _parameters(each: _Found) -> tuple[Parameter, ...]:
    node = each.node
    if not isinstance(node, FUNCTIONS):
        return ()
    given = node.args
    plain = [*given.posonlyargs, *given.args]
    defaults = [None] * (len(plain) - len(given.defaults)) + list(given.defaults)
    static = "staticmethod" in {name_of(decorator) for decorator in node.decorator_list}
    if each.in_class and plain and not static:
        plain, defaults = plain[1:], defaults[1:]
    found = [_parameter(one, default) for one, default in zip(plain, defaults, strict=True)]
    found += [_parameter(given.vararg, None, "*")] if given.vararg else []
    found += [
        _parameter(one, default) for one, default in zip(given.kwonlyargs, given.kw_defaults, strict=True)
    ]
    found += [_parameter(given.kwarg, None, "**")] if given.kwarg else []
    return tuple(found)


def _parameter(one: ast.arg, default: ast.expr | None, stars: str = "") -> Parameter:
    annotated = ast.unparse(one.annotation) if one.annotation else ""
    return Parameter(f"{stars}{one.arg}", annotated, ast.unparse(default) if default else "")


def _fields(node: ast.ClassDef) -> Iterator[Parameter]:
    for each in node.body:
        if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name):
            default = ast.unparse(each.value) if each.value else ""
            yield Parameter(each.target.id, ast.unparse(each.annotation), default)


def _gives(node: ast.FunctionDef | ast.AsyncFunctionDef, *, generator: bool) -> bool | None:
    if generator:
        return True
    returned = [each.value for each in own_nodes(node.body) if isinstance(each, ast.Return) and each.value]
    if any(not (isinstance(value, ast.Constant) and value.value is None) for value in returned):
        return True
    if node.returns is not None:
        return ast.unparse(node.returns) not in {"None", "NoReturn", "Never", "'None'", "typing.NoReturn"}
    body = [each for each in node.body if not _says_nothing(each)]
    return False if body else None


def _says_nothing(statement: ast.stmt) -> bool:
    """Whether the statement leaves open what the function does, as in an abstract method."""
    if isinstance(statement, ast.Raise):
        return name_of(statement.exc) == "NotImplementedError"
    return isinstance(statement, ast.Pass) or (
        isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    )


def _raisable(
    name: str, own: Raising, raising: Mapping[str, Raising]
) -> tuple[frozenset[str], frozenset[str], bool]:
    """Raised by itself, by everything of the file that it calls, and whether code from elsewhere runs."""
    found, is_open = set(own.raised | own.implied), own.open_ended
    waiting, seen = list(own.calls), {(name, frozenset[str]())}
    while waiting:
        callee, caught = waiting.pop()
        if (callee, caught) in seen or callee not in raising:
            continue
        seen.add((callee, caught))
        inner = raising[callee]
        found |= {each for each in inner.raised | inner.implied if own.escapes(each, caught)}
        is_open |= inner.open_ended and not caught & EVERYTHING
        waiting += [(further, caught | around) for further, around in inner.calls]
    return frozenset(own.raised - UNTOLD), frozenset(found), is_open
