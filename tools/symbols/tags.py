"""The names that one file defines and uses, as lines of text that are cheap to write, to keep and to search.

A line holds fields between tabs: ``D``, kind, name, line, last line, container for a definition, and ``R``, kind, name,
line for a use. Lines are counted from 1. The container is the dotted name of what the definition is in.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import tree_sitter

from tools.symbols.grammars import parsed, query_of

DEFINITION, REFERENCE = b"D", b"R"
NESTING = {
    b"class",
    b"struct",
    b"interface",
    b"function",
    b"method",
    b"module",
    b"namespace",
    b"enum",
    b"implementation",
}
OWNERS = {b"class", b"struct", b"interface", b"implementation"}
"""What a function in it is a method of."""

_Found: TypeAlias = tuple[int, int, bytes, bytes, tree_sitter.Node, tree_sitter.Node | None]


@dataclass(frozen=True)
class Tag:
    """One definition or use of a name in one file."""

    path: str
    name: str
    kind: str
    line: int
    is_definition: bool
    end_line: int = 0
    container: str = ""

    @property
    def dotted(self) -> str:
        """The name after the names of what it is in."""
        return f"{self.container}.{self.name}" if self.container else self.name


def tags_of(language: str, data: bytes) -> bytes:
    """Every definition and use in a text, in the order of the file."""
    cursor = tree_sitter.QueryCursor(query_of(language))
    found: list[_Found] = []
    defined: dict[int, _Found] = {}
    for _, captures in cursor.matches(parsed(language, data).root_node):
        name = captures["name"][0]
        for label, nodes in captures.items():
            if label.startswith("definition."):
                outer = nodes[0]
                one = (outer.start_byte, -outer.end_byte, DEFINITION, label[11:].encode(), name, outer)
                # A variable that holds a function is the function.
                if name.start_byte not in defined or one[3] != b"variable":
                    defined[name.start_byte] = one
            elif label.startswith("reference."):
                found.append((name.start_byte, 0, REFERENCE, label[10:].encode(), name, None))
    found += defined.values()
    found.sort(key=lambda each: each[:2])
    return b"".join(_lines(found))


def _lines(found: list[_Found]) -> Iterator[bytes]:
    around: list[tuple[int, bytes, bytes]] = []
    for start, _, what, kind, name, outer in found:
        text = _name(name)
        line = name.start_point.row + 1
        if outer is None:
            yield b"R\t%b\t%b\t%d\n" % (kind, text, line)
            continue
        while around and around[-1][0] <= start:
            around.pop()
        container = b".".join(each for _, each, _ in around)
        if kind == b"function" and around and around[-1][2] in OWNERS:
            kind = b"method"
        yield b"%b\t%b\t%b\t%d\t%d\t%b\n" % (what, kind, text, line, outer.end_point.row + 1, container)
        if kind in NESTING:
            around.append((outer.end_byte, text, kind))


def _name(node: tree_sitter.Node) -> bytes:
    text = node.text or b""
    return b" ".join(text.split()) if b"\t" in text or b"\n" in text else text


def read_tags(path: str, lines: bytes, *, name: str = "") -> Iterator[Tag]:
    """The tags of a file from their lines; with a ``name`` only those of that name."""
    wanted = name.encode("utf-8", "surrogateescape")
    for line in lines.splitlines():
        fields = line.split(b"\t")
        if wanted and fields[2] != wanted:
            continue
        kind, text = (field.decode("utf-8", "replace") for field in fields[1:3])
        if fields[0] == DEFINITION:
            container = fields[5].decode("utf-8", "replace")
            yield Tag(path, text, kind, int(fields[3]), True, int(fields[4]), container)
        else:
            yield Tag(path, text, kind, int(fields[3]), False)
