"""What a file of JavaScript or TypeScript gives to others, and what it takes from them, by its syntax."""

from collections.abc import Iterator

import tree_sitter

from tools.editing.symbols import text_of

DEFAULT = "default"
QUOTES = "\"'`"


def walk(node: tree_sitter.Node) -> Iterator[tree_sitter.Node]:
    """The node and everything in it that has a name, in the order of the text."""
    waiting = [node]
    while waiting:
        found = waiting.pop()
        yield found
        waiting += reversed(found.named_children)


def exported(root: tree_sitter.Node) -> frozenset[str]:
    """Names by which others know what the file exports, as a module or by ``module.exports``."""
    return frozenset(exports(root).values())


def exports(root: tree_sitter.Node) -> dict[str, str]:
    """What the file exports: the name inside → the name outside, ``default`` where that has none."""
    found: dict[str, str] = {}
    for node in root.named_children:
        if node.type == "export_statement":
            found.update(_of_statement(node))
        elif node.type == "expression_statement" and node.named_children:
            found.update(_of_assignment(node.named_children[0]))
    return found


def _of_statement(node: tree_sitter.Node) -> Iterator[tuple[str, str]]:
    declaration = node.child_by_field_name("declaration")
    if any(child.type == DEFAULT for child in node.children):
        value = node.child_by_field_name("value")
        named = declaration.child_by_field_name("name") if declaration is not None else value
        yield (text_of(named) if named is not None and "identifier" in named.type else DEFAULT), DEFAULT
        return
    if declaration is not None:
        for child in (declaration, *declaration.named_children):
            name = child.child_by_field_name("name")
            if name is not None:
                yield text_of(name), text_of(name)
    for clause in node.named_children:
        for one in clause.named_children if clause.type == "export_clause" else ():
            name = text_of(one.child_by_field_name("name"))
            yield name, text_of(one.child_by_field_name("alias")) or name


def _of_assignment(node: tree_sitter.Node) -> Iterator[tuple[str, str]]:
    if node.type != "assignment_expression":
        return
    left, right = text_of(node.child_by_field_name("left")), node.child_by_field_name("right")
    if left.startswith(("exports.", "module.exports.")):
        name = left.rpartition(".")[2]
        yield (text_of(right) if right is not None and right.type == "identifier" else name), name
    elif left == "module.exports" and right is not None:
        if right.type != "object":
            yield (text_of(right) if right.type == "identifier" else DEFAULT), DEFAULT
            return
        for one in right.named_children:
            name = text_of(one.child_by_field_name("name") or one.child_by_field_name("key") or one)
            value = one.child_by_field_name("value")
            if one.type in {"shorthand_property_identifier", "method_definition", "pair"}:
                yield (text_of(value) if value is not None and value.type == "identifier" else name), name


def unquoted(node: tree_sitter.Node | None) -> str:
    """The text of a string without its quotes."""
    return text_of(node).strip(QUOTES)
