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
    """Names that the file exports, as a module or by ``module.exports``."""
    names: set[str] = set()
    for node in root.named_children:
        if node.type == "export_statement":
            names.update(_of_statement(node))
        elif node.type == "expression_statement" and node.named_children:
            names.update(_of_assignment(node.named_children[0]))
    return frozenset(names)


def _of_statement(node: tree_sitter.Node) -> Iterator[str]:
    if any(child.type == DEFAULT for child in node.children):
        yield DEFAULT
        return
    declaration = node.child_by_field_name("declaration")
    if declaration is not None:
        for child in (declaration, *declaration.named_children):
            if (name := child.child_by_field_name("name")) is not None and child.type != "type_annotation":
                yield text_of(name)
    for clause in node.named_children:
        if clause.type == "export_clause":
            for one in clause.named_children:
                yield text_of(one.child_by_field_name("alias") or one.child_by_field_name("name"))


def _of_assignment(node: tree_sitter.Node) -> Iterator[str]:
    if node.type != "assignment_expression":
        return
    left, right = text_of(node.child_by_field_name("left")), node.child_by_field_name("right")
    if left.startswith(("exports.", "module.exports.")):
        yield left.rpartition(".")[2]
    elif left == "module.exports" and right is not None:
        if right.type != "object":
            yield DEFAULT
            return
        for one in right.named_children:
            if one.type in {"shorthand_property_identifier", "method_definition", "pair"}:
                yield text_of(one.child_by_field_name("name") or one.child_by_field_name("key") or one)


def unquoted(node: tree_sitter.Node | None) -> str:
    """The text of a string without its quotes."""
    return text_of(node).strip(QUOTES)
