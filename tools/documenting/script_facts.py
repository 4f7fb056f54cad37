"""What a JavaScript or TypeScript file says of its functions, methods and classes."""

from collections.abc import Iterator, Mapping, Sequence

import tree_sitter

from tools.documenting.facts import Facts, Parameter
from tools.documenting.script_raises import Raising, own_nodes, raising_of
from tools.editing.symbols import Symbol, function_value, text_of

PATTERNS = {"object_pattern", "array_pattern"}
NOTHING = {"void", "never", "undefined", "Promise<void>", "Promise<never>", "Promise<undefined>"}


def documentable(symbols: Sequence[Symbol]) -> dict[str, Symbol]:
    """Functions, methods and classes by name; of overloads the one with the body."""
    found: dict[str, Symbol] = {}
    for each in symbols:
        if each.kind not in {"function", "method", "class"} or each.shared:
            continue
        known = found.get(each.name)
        if known is None or function_of(known).child_by_field_name("body") is None:
            found[each.name] = each
    return found


def function_of(symbol: Symbol) -> tree_sitter.Node:
    """The function or class itself, also where it is the value of a variable or a field."""
    node = symbol.node
    if node.type == "export_statement" or node.type.endswith("field_definition"):
        return function_value(node.child_by_field_name("value")) or node
    for child in node.named_children if node.type.endswith("_declaration") else ():
        value = (
            function_value(child.child_by_field_name("value"))
            if child.type == "variable_declarator"
            else None
        )
        if value is not None:
            return value
    return node


def script_facts(source: bytes, symbols: Sequence[Symbol]) -> dict[str, Facts]:
    """What the code says of each of them."""
    known = documentable(symbols)
    raising: dict[str, Raising] = {}
    for name, symbol in known.items():
        function = function_of(symbol)
        if symbol.kind != "class":
            raising[name] = raising_of(function, _callable_names(name, known))
    return {name: _facts(name, known, raising, source) for name in known}


def _callable_names(name: str, known: Mapping[str, Symbol]) -> dict[str, str]:
    """How functions of the file are called in this one: by name, by ``new`` or as ``.name`` on this."""
    owner = name.rpartition(".")[0]
    names: dict[str, str] = {}
    for other, symbol in known.items():
        above, _, last = other.rpartition(".")
        if symbol.kind == "class":
            names[last] = f"{other}.constructor"
        elif symbol.kind == "function" and not above:
            names[last] = other
        elif symbol.kind == "method" and above == owner:
            names[f".{last}"] = other
    return names


def _facts(name: str, known: Mapping[str, Symbol], raising: Mapping[str, Raising], source: bytes) -> Facts:
    symbol = known[name]
    node = function_of(symbol)
    body = node.child_by_field_name("body")
    stop = body.start_byte if body is not None else symbol.stop
    signature = " ".join(source[symbol.start : stop].decode("utf-8", "replace").split()).rstrip(" {=>;")
    documented = b"/**" in source[symbol.lead : symbol.start]
    if symbol.kind == "class":
        maker = known.get(f"{name}.constructor")
        parameters = _parameters(function_of(maker), name) if maker else ()
        raised, raisable, is_open = _raisable(f"{name}.constructor", raising)
        return Facts(
            name, "class", signature, parameters=parameters, raised=raised, raisable=raisable,
            open_ended=is_open or maker is None, documented=documented,
        )  # fmt: skip
    raised, raisable, is_open = _raisable(name, raising)
    words = {child.type for child in node.children} | {child.type for child in symbol.node.children}
    generator = "*" in words or node.type.startswith("generator")
    asynchronous = "async" in words
    return_type = _type(node.child_by_field_name("return_type"))
    return Facts(
        name,
        symbol.kind,
        signature,
        parameters=_parameters(node, name),
        asynchronous=asynchronous,
        generator=generator,
        return_type=return_type,
        gives=_gives(node, body, return_type, generator=generator),
        raised=raised,
        raisable=raisable,
        open_ended=is_open,
        documented=documented,
    )


def _type(annotation: tree_sitter.Node | None) -> str:
    return " ".join(text_of(annotation).removeprefix(":").split())


def _parameters(node: tree_sitter.Node, name: str) -> tuple[Parameter, ...]:
    single = node.child_by_field_name("parameter")
    if single is not None:
        return (Parameter(text_of(single)),)
    given = node.child_by_field_name("parameters")
    found: list[Parameter] = []
    for child in given.named_children if given is not None else ():
        if child.type != "comment":
            found += _parameter(child, name, {each.name for each in found})
    return tuple(each for each in found if each.name != "this")


def _parameter(child: tree_sitter.Node, name: str, taken: set[str]) -> Iterator[Parameter]:
    pattern = child.child_by_field_name("pattern") or child.child_by_field_name("left") or child
    value = child.child_by_field_name("value") or child.child_by_field_name("right")
    annotated, default = _type(child.child_by_field_name("type")), " ".join(text_of(value).split())
    if pattern.type == "rest_pattern":
        yield Parameter(f"...{text_of(pattern).removeprefix('...').strip()}", annotated)
    elif pattern.type in PATTERNS:
        root = "props" if name.rpartition(".")[2][:1].isupper() and not taken else "options"
        root = next(
            each for each in (root, *(f"{root}{number}" for number in range(2, 99))) if each not in taken
        )
        yield Parameter(root, annotated, default)
        if pattern.type == "object_pattern":
            yield from _fields(pattern, root)
    else:
        yield Parameter(text_of(pattern), annotated, default)


def _fields(pattern: tree_sitter.Node, root: str) -> Iterator[Parameter]:
    """The names that are taken out of an object, as JSDoc writes them."""
    for each in pattern.named_children:
        if each.type == "shorthand_property_identifier_pattern":
            yield Parameter(f"{root}.{text_of(each)}")
        elif each.type == "object_assignment_pattern":
            value = " ".join(text_of(each.child_by_field_name("right")).split())
            yield Parameter(f"{root}.{text_of(each.child_by_field_name('left'))}", "", value)
        elif each.type == "pair_pattern":
            target = each.child_by_field_name("value")
            inner = target.child_by_field_name("right") if target is not None else None
            key = text_of(each.child_by_field_name("key"))
            yield Parameter(f"{root}.{key}", "", " ".join(text_of(inner).split()))


def _gives(
    node: tree_sitter.Node, body: tree_sitter.Node | None, return_type: str, *, generator: bool
) -> bool | None:
    if generator:
        return True
    if body is None:
        return return_type not in NOTHING if return_type else None
    if body.type != "statement_block":
        return True
    returns = any(each.type == "return_statement" and each.named_children for each in own_nodes(body))
    if not returns and return_type and return_type not in NOTHING:
        return None
    return returns


def _raisable(name: str, raising: Mapping[str, Raising]) -> tuple[frozenset[str], frozenset[str], bool]:
    """Thrown by itself, by everything of the file that it calls, and whether code from elsewhere runs."""
    own = raising.get(name, Raising())
    found, is_open = set(own.raised | own.implied), own.open_ended
    waiting, seen = list(own.calls), {name}
    while waiting:
        callee = waiting.pop()
        if callee in seen or callee not in raising:
            continue
        seen.add(callee)
        found |= raising[callee].raised | raising[callee].implied
        is_open |= raising[callee].open_ended
        waiting += raising[callee].calls
    return frozenset(own.raised), frozenset(found), is_open
