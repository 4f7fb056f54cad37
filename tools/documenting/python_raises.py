"""Which exceptions a Python function can raise, as far as its own file tells."""

import ast
import builtins
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
EVERYTHING = frozenset({"Exception", "BaseException"})
DIVIDING = (ast.Div, ast.FloorDiv, ast.Mod, ast.Pow)
CONVERTING = {"ValueError", "TypeError", "OverflowError"}
FILES = {
    "OSError", "IOError", "FileNotFoundError", "PermissionError", "IsADirectoryError", "NotADirectoryError",
    "FileExistsError", "ValueError",
}  # fmt: skip
#: Built-ins that run no code of others, with what they may raise beside a TypeError.
HARMLESS: Mapping[str, set[str]] = {
    **{name: set() for name in (
        "len", "sum", "sorted", "range", "enumerate", "zip", "print", "str", "repr", "bool", "list", "set", "tuple",
        "frozenset", "isinstance", "issubclass", "callable", "abs", "round", "any", "all", "reversed", "id", "hash",
        "type", "super", "object", "format", "iter", "divmod", "slice", "vars", "ascii", "bin", "hex", "oct",
    )},
    **dict.fromkeys(("int", "float", "complex", "pow", "chr", "ord", "bytes", "bytearray", "dict"), CONVERTING),
    "min": {"ValueError"}, "max": {"ValueError"}, "next": {"StopIteration"}, "open": FILES,
    "getattr": {"AttributeError"}, "setattr": {"AttributeError"}, "delattr": {"AttributeError"}, "hasattr": set(),
    "input": {"EOFError"}, "divmod": {"ZeroDivisionError"},
}  # fmt: skip
#: Methods of the built-in types, by their names alone.
METHODS: Mapping[str, set[str]] = {
    **{name: set() for name in (
        "strip", "lstrip", "rstrip", "lower", "upper", "title", "capitalize", "casefold", "replace", "startswith",
        "endswith", "splitlines", "isdigit", "isalpha", "isalnum", "isspace", "isupper", "islower", "isdecimal",
        "isnumeric", "count", "find", "rfind", "partition", "rpartition", "removeprefix", "removesuffix", "zfill",
        "append", "extend", "insert", "clear", "copy", "reverse", "sort", "items", "keys", "values", "get", "update",
        "setdefault", "add", "discard", "union", "intersection", "difference", "join", "hex", "bit_length", "center",
        "ljust", "rjust", "swapcase", "translate", "expandtabs",
    )},
    "split": {"ValueError"}, "rsplit": {"ValueError"}, "index": {"ValueError"}, "rindex": {"ValueError"},
    "remove": {"ValueError", "KeyError"}, "pop": {"KeyError", "IndexError"}, "popitem": {"KeyError"},
    "encode": {"UnicodeEncodeError", "UnicodeError"}, "decode": {"UnicodeDecodeError", "UnicodeError"},
    "format": {"KeyError", "IndexError", "ValueError"}, "fromkeys": set(),
}  # fmt: skip


@dataclass
class Raising:
    """What one function may raise by itself, and which functions of the file it calls."""

    raised: set[str] = field(default_factory=set[str])
    implied: set[str] = field(default_factory=set[str])
    calls: list[tuple[str, frozenset[str]]] = field(default_factory=list[tuple[str, frozenset[str]]])
    """Name, and what is caught around the call."""
    open_ended: bool = False
    bases: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    """Of the classes of the file."""

    def escapes(self, name: str, caught: frozenset[str]) -> bool:
        """Whether an exception is none of those that are caught, and no kind of one."""
        return not caught & EVERYTHING and not caught & set(kinds_of(name, self.bases))


def kinds_of(name: str, bases: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    """The name of an exception and of everything that it is a kind of, as far as the file and Python tell."""
    waiting, seen = [name], set[str]()
    while waiting:
        each = waiting.pop()
        if each in seen:
            continue
        seen.add(each)
        yield each
        waiting += bases.get(each, ())
        made: object = getattr(builtins, each, None)
        if isinstance(made, type) and issubclass(made, BaseException):
            waiting += [base.__name__ for base in made.__mro__ if base is not object]


def name_of(node: ast.AST | None) -> str:
    """The last part of a name or of a dotted one; empty for other expressions."""
    node = node.func if isinstance(node, ast.Call) else node
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def own_nodes(body: list[ast.stmt]) -> Iterator[ast.AST]:
    """The nodes of a function that run when it runs, without those of functions inside it."""
    waiting: list[ast.AST] = list(reversed(body))
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, SCOPES):
            waiting.extend(reversed(list(ast.iter_child_nodes(node))))


def raising_of(
    body: list[ast.stmt], known: Mapping[str, str], bases: Mapping[str, tuple[str, ...]]
) -> Raising:
    """What the statements may raise; ``known`` has the names by which functions of the file are called."""
    found = Raising(bases=bases)
    for statement in body:
        _visit(statement, found, known, frozenset(), {})
    return found


def _visit(
    node: ast.AST,
    found: Raising,
    known: Mapping[str, str],
    caught: frozenset[str],
    aliases: Mapping[str, set[str]],
) -> None:
    if isinstance(node, SCOPES):
        return
    if isinstance(node, (ast.Try, ast.TryStar)):
        _visit_try(node, found, known, caught, aliases)
        return
    if isinstance(node, ast.Raise):
        for name in _raised_names(node, aliases):
            if name == "":
                found.open_ended = True
            elif found.escapes(name, caught):
                found.raised.add(name)
        # Making the exception is no call of code that may raise another one.
        for part in node.exc.args if isinstance(node.exc, ast.Call) else ():
            _visit(part, found, known, caught, aliases)
        return
    if isinstance(node, ast.Call):
        _called(node, found, known, caught)
    found.implied |= {name for name in _implied(node) if found.escapes(name, caught)}
    for child in ast.iter_child_nodes(node):
        _visit(child, found, known, caught, aliases)


def _visit_try(
    node: ast.Try | ast.TryStar,
    found: Raising,
    known: Mapping[str, str],
    caught: frozenset[str],
    aliases: Mapping[str, set[str]],
) -> None:
    handled: set[str] = set()
    for handler in node.handlers:
        handled |= _handled(handler)
    for statement in node.body:
        _visit(statement, found, known, caught | handled, aliases)
    for handler in node.handlers:
        own = {**aliases, "": _handled(handler)}
        own |= {handler.name: _handled(handler)} if handler.name else {}
        for statement in handler.body:
            _visit(statement, found, known, caught, own)
    for statement in (*node.orelse, *node.finalbody):
        _visit(statement, found, known, caught, aliases)


def _handled(handler: ast.ExceptHandler) -> set[str]:
    if handler.type is None:
        return {"BaseException"}
    parts = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return {name_of(part) for part in parts}


def _raised_names(node: ast.Raise, aliases: Mapping[str, set[str]]) -> set[str]:
    """The exceptions of one statement; an empty name where it cannot be told."""
    if node.exc is None:
        return set(aliases.get("", {""})) - EVERYTHING or {""}
    name = name_of(node.exc)
    if isinstance(node.exc, ast.Name) and name in aliases:
        return set(aliases[name]) - EVERYTHING or {""}
    return {name} if name[:1].isupper() else {""}


def _called(call: ast.Call, found: Raising, known: Mapping[str, str], caught: frozenset[str]) -> None:
    function = call.func
    name = name_of(function)
    if isinstance(function, ast.Name) and name in known:
        found.calls.append((known[name], caught))
    elif (
        isinstance(function, ast.Attribute)
        and f".{name}" in known
        and name_of(function.value) in {"self", "cls"}
    ):
        found.calls.append((known[f".{name}"], caught))
    elif isinstance(function, ast.Name) and name in HARMLESS:
        found.implied |= {each for each in HARMLESS[name] if found.escapes(each, caught)}
        found.open_ended |= any(each.arg == "key" for each in call.keywords)
    elif isinstance(function, ast.Attribute) and name in METHODS:
        found.implied |= {each for each in METHODS[name] if found.escapes(each, caught)}
    elif not _makes_exception(name):
        found.open_ended |= not caught & EVERYTHING


def _makes_exception(name: str) -> bool:
    made: object = getattr(builtins, name, None)
    return isinstance(made, type) and issubclass(made, BaseException)


def _implied(node: ast.AST) -> Iterator[str]:
    if isinstance(node, (ast.BinOp, ast.AugAssign)):
        yield "TypeError"
        if isinstance(node.op, DIVIDING):
            yield "ZeroDivisionError"
        if isinstance(node.op, (ast.Pow, ast.Mult)):
            yield "OverflowError"
    elif isinstance(node, ast.Subscript):
        yield from ("KeyError", "IndexError", "TypeError")
    elif isinstance(node, ast.Attribute):
        yield "AttributeError"
    elif isinstance(node, (ast.Compare, ast.For, ast.Call, ast.UnaryOp)):
        yield "TypeError"
    elif isinstance(node, ast.Assert):
        yield "AssertionError"
    elif isinstance(node, (ast.Import, ast.ImportFrom)):
        yield from ("ImportError", "ModuleNotFoundError")
    elif isinstance(node, ast.Assign) and any(
        isinstance(each, (ast.Tuple, ast.List)) for each in node.targets
    ):
        yield from ("ValueError", "TypeError")
