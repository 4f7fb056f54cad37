"""Edits of a function, class or method by its name."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

from perdure.contracts.errors import ToolRejected
from tools.editing.drafts import Drafts
from tools.editing.indentation import common_indent, in_kind_of, indent_of
from tools.editing.javascript_rename import renamed_in_script
from tools.editing.lines import in_style_of, with_plain_ends
from tools.editing.symbols import (
    PYTHON,
    Symbol,
    language_name,
    line_start,
    line_stop,
    near_names,
    symbols_of,
    tree_of,
)
from tools.syntax import syntax_error
from tools.text_files import TextFile


@dataclass(frozen=True)
class SymbolEdit:
    """What is done to which symbol."""

    op: str
    symbol: str
    kind: str = ""
    text: str = ""
    new_name: str = ""


def apply_symbol_edit(drafts: Drafts, path: str, edit: SymbolEdit) -> list[str]:
    """Apply the edit to the draft of the file, and say what it kept by itself; ToolRejected where it is unsure."""
    _check(edit)
    draft, file = drafts.existing(path)
    language = language_name(draft.path)
    if not language:
        raise ToolRejected(
            f"Nothing was written: {draft.path!r} is not Python, JavaScript or TypeScript, so its symbols are not known.",
            "Send blocks or ranges instead.",
        )
    source = file.text.encode("utf-8", "surrogatepass")
    symbols = symbols_of(language, source, tree_of(language, source))
    found = _find(symbols, edit, draft.path)
    if edit.op == "rename":
        error = syntax_error(draft.path, file.encoded())
        if error:
            _refuse(f"{draft.path!r} does not parse ({error}), so its references are not known.")
        result, notes = _renamed(language, source, found, edit.new_name)
    else:
        result, notes = _changed(language, file, source, _only(found, draft.path), edit)
    draft.file = file.with_text(result.decode("utf-8", "surrogatepass"))
    return notes


def _renamed(language: str, source: bytes, found: list[Symbol], new_name: str) -> tuple[bytes, list[str]]:
    if language != PYTHON:
        return renamed_in_script(source, found, new_name)
    # libcst is an eighth of what a worker loads at its start, and only this needs it.
    from tools.editing.python_rename import renamed_in_python

    return renamed_in_python(source, found, new_name)


def _refuse(why: str, hint: str = "Send blocks or ranges instead.") -> NoReturn:
    raise ToolRejected(f"Nothing was written: {why}", hint)


def _check(edit: SymbolEdit) -> None:
    if not edit.op or not edit.symbol:
        _refuse("an edit by symbol needs both op and symbol.", "Send both.")
    if edit.op in {"replace", "insert_before", "insert_after"} and not edit.text.strip():
        _refuse(f"{edit.op} needs the new code in 'text'.", "Send it; to take the symbol away, op is delete.")
    if edit.op == "rename" and not edit.new_name:
        _refuse("rename needs 'new_name'.", "Send it.")


def _find(symbols: Sequence[Symbol], edit: SymbolEdit, path: str) -> list[Symbol]:
    """All definitions of the one name that is meant."""
    known = [symbol for symbol in symbols if symbol.kind != "module"]
    kinds = [symbol for symbol in known if not edit.kind or symbol.kind == edit.kind]
    named = [symbol for symbol in kinds if symbol.name == edit.symbol]
    if not named:
        named = [symbol for symbol in kinds if symbol.name.endswith(f".{edit.symbol}")]
    names = list(dict.fromkeys(symbol.name for symbol in named))
    if len(names) > 1:
        _refuse(
            f"{edit.symbol!r} may be any of {', '.join(map(repr, names[:8]))} in {path!r}.",
            "Send the full dotted name of the one that is meant.",
        )
    if not names:
        other = [symbol for symbol in known if symbol.name == edit.symbol]
        near = ", ".join(f"{symbol.kind} {symbol.name!r}" for symbol in other) or ", ".join(
            map(repr, near_names(known, edit.symbol))
        )
        _refuse(
            f"{path!r} has no {edit.kind or 'function, class or method'} {edit.symbol!r}."
            + (f" There is {near}." if near else " It defines none at all."),
            "Send one of the names that are there.",
        )
    return named


def _only(found: list[Symbol], path: str) -> Symbol:
    if len(found) > 1:
        lines = ", ".join(str(symbol.line) for symbol in found)
        _refuse(f"{found[0].name!r} is defined {len(found)} times in {path!r}, at lines {lines}.")
    if found[0].shared:
        _refuse(f"the declaration of {found[0].name!r} (line {found[0].line}) declares other names too.")
    return found[0]


def _changed(
    language: str, file: TextFile, source: bytes, symbol: Symbol, edit: SymbolEdit
) -> tuple[bytes, list[str]]:
    if edit.op == "delete":
        return _deleted(source, symbol), []
    if edit.op == "replace":
        return _replaced(language, file, source, symbol, edit.text)
    return _inserted(language, file, source, symbol, edit), []


def _code(language: str, source: bytes, symbol: Symbol, text: str) -> list[str]:
    """The lines of the new code at the symbol's depth."""
    lines = with_plain_ends(text).strip("\n").split("\n")
    while lines and not lines[-1].strip():
        lines.pop()
    while lines and not lines[0].strip():
        lines.pop(0)
    frozen = _inside_strings(language, "\n".join(lines))
    loose = [line for number, line in enumerate(lines) if number not in frozen]
    depth = common_indent(loose)
    indent = symbol.indent.decode()
    moved = [line.removeprefix(depth) if line.strip() else line.strip() for line in loose]
    moved = in_kind_of(indent or _first_indent(source), moved)
    fresh = iter(indent + line if line else line for line in moved)
    return [line if number in frozen else next(fresh) for number, line in enumerate(lines)]


def _first_indent(source: bytes) -> str:
    lines = source.decode("utf-8", "replace").split("\n")
    return next((indent_of(line) for line in lines if line.strip() and indent_of(line)), "")


def _inside_strings(language: str, text: str) -> set[int]:
    """Lines (from 0) that begin inside a string of several lines, whose blanks are its content."""
    found: set[int] = set()
    waiting = [tree_of(language, text.encode("utf-8", "surrogatepass")).root_node]
    while waiting:
        node = waiting.pop()
        parent = node.parent
        documents = parent is not None and parent.type == "expression_statement" and language == PYTHON
        if node.type in {"string", "template_string"} and not documents:
            found.update(range(node.start_point.row + 1, node.end_point.row + 1))
        else:
            waiting.extend(node.children)
    return found


def _styled(file: TextFile, source: bytes, start: int, stop: int, text: str) -> bytes:
    before = len(source[:start].decode("utf-8", "surrogatepass"))
    after = before + len(source[start:stop].decode("utf-8", "surrogatepass"))
    return in_style_of(file, before, after, text).encode("utf-8", "surrogatepass")


def _replaced(
    language: str, file: TextFile, source: bytes, symbol: Symbol, text: str
) -> tuple[bytes, list[str]]:
    """The symbol's code anew. Decorators, ``export`` and the comment above stay where the text has none of its own."""
    code = "\n".join(_code(language, source, symbol, text))
    begins = code.lstrip()
    notes: list[str] = []
    start = symbol.start
    if begins.startswith(("#", "//", "/*")):
        start = symbol.lead
    elif symbol.core > symbol.start and not begins.startswith(("@", "export ")):
        start = symbol.core
        kept = source[symbol.start : symbol.core].decode("utf-8", "replace").strip()
        notes.append(f"{' '.join(kept.split())!r} in front of {symbol.name!r} was kept.")
    stop = symbol.stop
    if source[stop - 1 : stop] == b";" and not code.rstrip().endswith((";", "}")):
        stop -= 1
    new = _styled(file, source, start, stop, code.removeprefix(symbol.indent.decode()))
    return source[:start] + new + source[stop:], notes


def _alone(source: bytes, symbol: Symbol) -> bool:
    """Whether nothing but blanks and a comment shares the symbol's lines."""
    before = source[line_start(source, symbol.lead) : symbol.lead].strip()
    after = source[symbol.stop : line_stop(source, symbol.stop)].strip() if symbol.stop < len(source) else b""
    return not before and (
        not after or after.startswith((b"//", b"#")) or (after.startswith(b"/*") and after.endswith(b"*/"))
    )


def _inserted(language: str, file: TextFile, source: bytes, symbol: Symbol, edit: SymbolEdit) -> bytes:
    if not _alone(source, symbol):
        _refuse(f"{symbol.name!r} shares its line with other code, so nothing can be put beside it.")
    code = "\n".join(_code(language, source, symbol, edit.text))
    gap = "\n" * (2 if language == PYTHON and not symbol.indent else 1)
    if edit.op == "insert_before":
        place = line_start(source, symbol.lead)
        return source[:place] + _styled(file, source, place, place, f"{code}\n{gap}") + source[place:]
    place = line_stop(source, symbol.stop) if symbol.stop < len(source) else len(source)
    ended = source[:place].endswith(b"\n")
    new = f"{gap}{code}\n" if ended else f"\n{gap}{code}"
    return source[:place] + _styled(file, source, place, place, new) + source[place:]


def _deleted(source: bytes, symbol: Symbol) -> bytes:
    """The source without the symbol, its decorators and the comment attached to it, and without a doubled gap."""
    if not _alone(source, symbol):
        return source[: symbol.start] + source[symbol.stop :]
    before = source[: line_start(source, symbol.lead)]
    after = source[line_stop(source, symbol.stop) :] if symbol.stop < len(source) else b""
    above, below = before.splitlines(keepends=True), after.splitlines(keepends=True)
    gap_above, gap_below = _blanks(above[::-1]), _blanks(below)
    if gap_below == len(below):
        return b"".join(above[: len(above) - gap_above])
    closes = len(below[gap_below]) - len(below[gap_below].lstrip(b" \t")) < len(symbol.indent)
    if closes:
        return b"".join(above[: len(above) - gap_above] + below)
    opens = gap_above == len(above) or above[-1 - gap_above].rstrip().endswith((b":", b"{"))
    cut = gap_below if opens else min(gap_above, gap_below)
    return b"".join(above + below[cut:])


def _blanks(lines: Sequence[bytes]) -> int:
    return next((number for number, line in enumerate(lines) if line.strip()), len(lines))
