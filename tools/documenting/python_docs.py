"""Docstrings of Python: written in a style, put into a file, and proved to be all that differs."""

import ast
import inspect
import io
import textwrap
import tokenize
from collections.abc import Iterator, Mapping

from tools.documenting.facts import Example, Facts, Parameter, ParameterDocs, SymbolDocs
from tools.documenting.python_facts import Definition, python_definitions
from tools.documenting.styles import Style

NARROWEST = 40


def doctest_of(example: Example) -> str:
    """The example as a session of the interpreter; SyntaxError where it is no Python."""
    lines = [_without_prompt(line) for line in example.code.strip("\n").split("\n")]
    code = "\n".join(lines)
    shown: list[str] = []
    for statement in ast.parse(code).body:
        first = min([statement.lineno, *(each.lineno for each in getattr(statement, "decorator_list", ()))])
        part = lines[first - 1 : statement.end_lineno]
        shown += [f">>> {part[0]}", *(f"... {line}".rstrip() for line in part[1:])]
        if len(part) > 1 and isinstance(statement, (ast.FunctionDef, ast.ClassDef, ast.For, ast.With)):
            shown.append("...")
    result = example.result.strip("\n")
    shown += [line or "<BLANKLINE>" for line in result.split("\n")] if result else []
    return "\n".join(shown)


def _without_prompt(line: str) -> str:
    for prompt in (">>> ", "... "):
        if line.startswith(prompt):
            return line[len(prompt) :]
    return "" if line in {">>>", "..."} else line


def docstring_of(docs: SymbolDocs, facts: Facts, style: Style, width: int) -> str:
    """The text of the docstring, from its first column on."""
    parts = [_wrapped(docs.summary.strip(), width)]
    parts += [_wrapped(each, width) for each in docs.description.strip().split("\n\n") if each.strip()]
    names = {_bare(each.name): each for each in docs.parameters}
    known = {_bare(each.name) for each in facts.parameters}
    parameters = [(each, names[_bare(each.name)]) for each in facts.parameters if _bare(each.name) in names]
    fields = [
        (each, names[each.name]) for each in facts.fields if each.name in names and each.name not in known
    ]
    sections = {"google": _google, "numpy": _numpy, "sphinx": _sphinx}[style]
    parts += sections(docs, facts, parameters, fields, width)
    return "\n\n".join(parts)


Pairs = list[tuple[Parameter, ParameterDocs]]


def _google(docs: SymbolDocs, facts: Facts, parameters: Pairs, fields: Pairs, width: int) -> Iterator[str]:
    for title, pairs in (("Args", parameters), ("Attributes", fields)):
        if pairs:
            entries = [f"{real.name}{_in_brackets(real, said)}: {_text(real, said)}" for real, said in pairs]
            yield _section(f"{title}:", entries, width)
    if docs.returns.strip():
        kind = "" if facts.return_type or not docs.returns_type.strip() else f"{docs.returns_type.strip()}: "
        yield _section("Yields:" if facts.generator else "Returns:", [f"{kind}{docs.returns.strip()}"], width)
    if docs.raises:
        yield _section("Raises:", [f"{each.type}: {each.text.strip()}" for each in docs.raises], width)
    if docs.examples:
        shown = "\n\n".join(map(doctest_of, docs.examples))
        yield "Examples:\n" + textwrap.indent(shown, "    ")


def _section(title: str, entries: list[str], width: int) -> str:
    return "\n".join([title, *(_wrapped(each, width, first="    ", rest="        ") for each in entries)])


def _in_brackets(real: Parameter, said: ParameterDocs) -> str:
    return f" ({said.type.strip()})" if said.type.strip() and not real.type else ""


def _numpy(docs: SymbolDocs, facts: Facts, parameters: Pairs, fields: Pairs, width: int) -> Iterator[str]:
    for title, pairs in (("Parameters", parameters), ("Attributes", fields)):
        if pairs:
            entries = [(_typed(real.name, real.type or said.type), _text(real, said)) for real, said in pairs]
            yield _underlined(title, entries, width)
    if docs.returns.strip():
        kind = facts.return_type or docs.returns_type.strip() or "object"
        yield _underlined("Yields" if facts.generator else "Returns", [(kind, docs.returns.strip())], width)
    if docs.raises:
        yield _underlined("Raises", [(each.type, each.text.strip()) for each in docs.raises], width)
    if docs.examples:
        yield "Examples\n--------\n" + "\n\n".join(map(doctest_of, docs.examples))


def _typed(name: str, kind: str) -> str:
    return f"{name} : {kind.strip()}" if kind.strip() else name


def _underlined(title: str, entries: list[tuple[str, str]], width: int) -> str:
    lines = [title, "-" * len(title)]
    for head, text in entries:
        lines += [head, _wrapped(text, width, first="    ", rest="    ")]
    return "\n".join(lines)


def _sphinx(docs: SymbolDocs, facts: Facts, parameters: Pairs, fields: Pairs, width: int) -> Iterator[str]:
    entries = [
        f":param {said.type.strip() + ' ' if said.type.strip() and not real.type else ''}{_bare(real.name)}: "
        + _text(real, said)
        for real, said in parameters
    ]
    entries += [f":ivar {real.name}: {_text(real, said)}" for real, said in fields]
    entries += [f":returns: {docs.returns.strip()}"] if docs.returns.strip() else []
    if docs.returns.strip() and docs.returns_type.strip() and not facts.return_type:
        entries.append(f":rtype: {docs.returns_type.strip()}")
    entries += [f":raises {each.type}: {each.text.strip()}" for each in docs.raises]
    yield from map(doctest_of, docs.examples)
    if entries:
        yield "\n".join(_wrapped(each, width, first="", rest="    ") for each in entries)


def _text(real: Parameter, said: ParameterDocs) -> str:
    text = " ".join(said.text.split())
    if real.default and "default" not in text.lower():
        text = f"{text.rstrip('.')}. Defaults to {real.default}."
    return text


def _bare(name: str) -> str:
    return name.strip().lstrip("*")


def _wrapped(text: str, width: int, *, first: str = "", rest: str = "") -> str:
    return textwrap.fill(
        " ".join(text.split()),
        max(width, NARROWEST),
        initial_indent=first,
        subsequent_indent=rest,
        break_long_words=False,
        break_on_hyphens=False,
    )


def room_of(text: str, name: str, width: int) -> int:
    """How wide the docstring's lines may be where it will stand."""
    return width - len(_indent(python_definitions(ast.parse(text))[name], text.split("\n")))


def with_docstrings(text: str, docs: Mapping[str, str], end: str) -> str:
    """The file with these docstrings, in the place of those that are there; ``end`` is its line end."""
    data = text.encode("utf-8", "surrogateescape")
    starts = [0]
    for line in data.split(b"\n")[:-1]:
        starts.append(starts[-1] + len(line) + 1)
    found = python_definitions(ast.parse(text))
    edits = [_edit(found[name], text, starts, said, end) for name, said in docs.items()]
    for start, stop, new in sorted(edits, reverse=True):
        data = data[:start] + new.encode("utf-8", "surrogateescape") + data[stop:]
    return data.decode("utf-8", "surrogateescape")


def _edit(node: Definition, text: str, starts: list[int], said: str, end: str) -> tuple[int, int, str]:
    lines = text.split("\n")
    indent, first = _indent(node, lines), node.body[0]
    literal = _literal(said, indent, end)
    if ast.get_docstring(node, clean=False) is not None:
        start = starts[first.lineno - 1] + first.col_offset
        return start, starts[(first.end_lineno or first.lineno) - 1] + (first.end_col_offset or 0), literal
    row, column = _colon(node, lines)
    if _first_line(first) > row + 1:
        place = starts[row + 1] if row + 1 < len(starts) else len(text.encode("utf-8", "surrogateescape"))
        return place, place, f"{indent}{literal}{end}"
    place = starts[row] + len(lines[row][: column + 1].encode("utf-8", "surrogateescape"))
    return place, starts[first.lineno - 1] + first.col_offset, f"{end}{indent}{literal}{end}{indent}"


def _first_line(node: ast.stmt) -> int:
    return min([node.lineno, *(each.lineno for each in getattr(node, "decorator_list", ()))])


def _indent(node: Definition, lines: list[str]) -> str:
    """The blanks before the lines of the body."""
    line = lines[node.body[0].lineno - 1]
    blanks = line[: len(line) - len(line.lstrip(" \t"))]
    if node.body[0].lineno > node.lineno and len(blanks.encode()) == node.body[0].col_offset:
        return blanks
    own = lines[node.lineno - 1]
    before = own[: len(own) - len(own.lstrip(" \t"))]
    return before + ("\t" if "\t" in before else "    ")


def _colon(node: Definition, lines: list[str]) -> tuple[int, int]:
    """Row and column, from 0, of the colon that ends the head."""
    depth, first = 0, node.lineno - 1
    reader = io.StringIO("\n".join(lines[first:])).readline
    for token in tokenize.generate_tokens(reader):
        if token.type == tokenize.OP:
            depth += (token.string in "([{") - (token.string in ")]}")
            if token.string == ":" and depth == 0:
                return first + token.start[0] - 1, token.start[1]
    raise ValueError(f"{node.name!r} has no body.")


def _literal(said: str, indent: str, end: str) -> str:
    """The docstring as source, raw where it has backslashes."""
    prefix = 'r"""' if "\\" in said else '"""'
    lines = said.split("\n")
    if len(lines) == 1 and not said.endswith(('"', "\\")):
        return f'{prefix}{said}"""'
    rest = [f"{indent}{line}" if line else "" for line in (*lines[1:], "")]
    return prefix + end.join([lines[0], *rest[:-1], f'{indent}"""'])


def differs(before: str, after: str, docs: Mapping[str, str]) -> str:
    """What differs beside the docstrings that were meant; empty where nothing does."""
    try:
        old, new = ast.parse(before), ast.parse(after)
    except SyntaxError as error:
        return f"it would no longer parse: {error}"
    written = python_definitions(new)
    for name, said in docs.items():
        if (ast.get_docstring(written[name]) or "").rstrip() != inspect.cleandoc(said):
            return f"the docstring of {name!r} would not read as it was written"
    for tree in (old, new):
        _strip(tree)
    return "" if ast.dump(old) == ast.dump(new) else "code would change with it"


def _strip(tree: ast.Module) -> None:
    for node in ast.walk(tree):
        if isinstance(node, Definition) and ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:]
