"""Leaves out of a Python file what a rename cannot concern, so that resolving its scopes takes little time.

The body of a function that names neither the old name nor the new one, and declares nothing global, binds no name that
anything else can see; so do its parameters. They are replaced by blanks of the same length, so that every other place
stays where it is; the whole function is, where nothing that it returns is declared and no decorator needs it.
"""

import re

import tree_sitter

from tools.editing.symbols import PYTHON, tree_of

BLANK_BODY = b"0"
"""The shortest statement there is: a body of one byte can hold it."""


def without_bystanders(source: bytes, names: tuple[str, ...]) -> bytes:
    """The source, as long as before, with the bodies of functions that the names cannot concern left blank."""
    words = "|".join(re.escape(name) for name in names)
    concerned = re.compile(rf"(?<!\w)(?:{words}|global|nonlocal)(?!\w)".encode())
    escaped = b"\\" in source
    parts: list[bytes] = []
    done = 0
    waiting = [tree_of(PYTHON, source).root_node]
    while waiting:
        node = waiting.pop()
        body = node.child_by_field_name("body") if node.type == "function_definition" else None
        if body is not None and _is_bystander(concerned, source, node, escaped=escaped):
            start, stop = node.start_byte, node.end_byte
            parts += [source[done:start], BLANK_BODY.ljust(stop - start)]
            done = stop
            continue
        if body is not None and not _concerns(concerned, source, body, escaped=escaped):
            inside = node.child_by_field_name("parameters")
            if inside is not None and not _concerns(concerned, source, inside, escaped=escaped):
                start, stop = inside.start_byte + 1, inside.end_byte - 1
                parts += [source[done:start], b" " * (stop - start)]
                done = stop
            start, stop = body.start_byte, body.end_byte
            parts += [source[done:start], BLANK_BODY.ljust(stop - start)]
            done = stop
            continue
        waiting.extend(reversed(node.named_children))
    return b"".join([*parts, source[done:]])


def _is_bystander(
    pattern: re.Pattern[bytes], source: bytes, function: tree_sitter.Node, *, escaped: bool
) -> bool:
    """Whether a whole function is as good as none."""
    decorated = function.parent is not None and function.parent.type == "decorated_definition"
    typed = function.child_by_field_name("return_type") is not None
    return not decorated and not typed and not _concerns(pattern, source, function, escaped=escaped)


def _concerns(pattern: re.Pattern[bytes], source: bytes, body: tree_sitter.Node, *, escaped: bool) -> bool:
    """Whether one of the names stands in a body; also where it may be written by an escape, or in another form."""
    text = source[body.start_byte : body.end_byte]
    if body.start_byte == body.end_byte or body.has_error or not text.isascii():
        return True
    # A walrus in a parameter's default binds a name around the function.
    return bool(pattern.search(text)) or b":=" in text or (escaped and (rb"\x" in text or rb"\u" in text))
