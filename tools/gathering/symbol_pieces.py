"""What matters around a symbol: its definitions, who calls it, which tests mention it, who imports it, what it uses."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest

from tools.dependencies.import_files import FileImports, file_imports
from tools.dependencies.import_lines import ImportLine
from tools.gathering.pieces import Files, Listing, Piece, Shown, counted, shortened
from tools.gathering.test_files import TestFiles
from tools.gathering.uses import uses_of
from tools.searching.file_list import listed_files
from tools.symbols.grammars import language_of_path
from tools.symbols.index import SymbolIndex
from tools.symbols.lookup import family_of
from tools.symbols.tags import Tag
from tools.titles import shown_path
from tools.tool_schemas import ToolContext

MOST_DEFINITIONS = 4
MOST_IMPORTERS = 60
MOST_USED = 8
UNUSED = {"variable", "constant", "field"}
NAME = re.compile(r"[A-Za-z_$][\w$]*")
SYMBOL = re.compile(r"`?([A-Za-z_$][\w$]*(?:(?:\.|::|#)[A-Za-z_$][\w$]*)*)(?:\(\))?`?")
WRITTEN_AS_NAME = re.compile(r"[._$]|[a-z][A-Z]|\A[A-Z]")


@dataclass(frozen=True)
class Gathered:
    """What there is to show, the most important first."""

    head: str
    pieces: Sequence[Shown]
    notes: Sequence[str]


def symbol_in(query: str) -> str:
    """The name where the query is nothing but a name, with dots; else empty."""
    found = SYMBOL.fullmatch(query.strip())
    return re.sub(r"::|#", ".", found[1]) if found else ""


def is_written_as_name(query: str) -> bool:
    """Whether a single word can only be a name, not a word of a question."""
    return bool(WRITTEN_AS_NAME.search(query.strip("`"))) or query.rstrip("`").endswith("()")


async def gather_symbol(
    context: ToolContext, index: SymbolIndex, symbol: str, found: Sequence[Tag]
) -> Gathered:
    """Around the definitions of a symbol, of which there is at least one."""
    files, tests = Files(context, index), TestFiles(context.copy.files)
    definitions = sorted(
        found, key=lambda tag: (tests.holds(tag.path), bool(tag.container), tag.path, tag.line)
    )
    imports = await file_imports(context, await listed_files(context, "."))
    importing = _imports_of(files, imports, definitions)
    statements = {
        (each.path, line) for each in imports.lines for line in range(each.line, each.last_line + 1)
    }
    uses = await uses_of(context, index, files, tests, definitions, imports=statements)
    own = [tag for tag in definitions if not tests.holds(tag.path)] or definitions
    of_tests = [tag for tag in definitions if tag not in own]
    shown = [await files.of_definition("definition", tag) for tag in own[:MOST_DEFINITIONS]]
    other = [await files.of_definition("definition", tag) for tag in [*own[MOST_DEFINITIONS:], *of_tests]]
    used = await _used(files, imports, definitions[0])
    woven = _woven(uses.callers, uses.tests, _importers(files, tests, importing), used)
    pieces = _without_repeats([*shown, *woven, *other])
    importers = {each.path for each in importing}
    least = "" if uses.complete else "at least "
    counts = [
        counted(len(found), "definition"),
        least + counted(len(uses.callers), "place that uses it", "places that use it"),
        least + counted(len(uses.tests), "test"),
        counted(len(importers), "importing file"),
    ]
    notes = [*uses.notes, index.coverage.note]
    if not uses.tests and uses.complete:
        near = sum(map(tests.holds, importers))
        notes.append(
            f"No test mentions it; {counted(near, 'test file')} import{'s' * (near == 1)} it or its file."
        )
    return Gathered(f"{symbol}: {', '.join(counts)}", pieces, [note for note in notes if note])


def _imports_of(files: Files, imports: FileImports, definitions: Sequence[Tag]) -> list[ImportLine]:
    """Imports of the name itself from its file, or of its whole file; also by way of a package that passes it on."""
    found: dict[tuple[str, int], ImportLine] = {}
    for tag in definitions[:MOST_DEFINITIONS]:
        top = tag.dotted.partition(".")[0]
        waiting, seen = [tag.path], {tag.path}
        for path in waiting:
            for line in imports.importers.get(path, ()):
                if line.names and not {top, "*"} & set(line.names) and not _is_module_of(line, path):
                    continue
                found.setdefault((line.path, line.line), line)
                if line.path not in seen and _passes_on(files, line):
                    seen.add(line.path)
                    waiting.append(line.path)
    return [found[each] for each in sorted(found)]


def _is_module_of(line: ImportLine, path: str) -> bool:
    """Whether the module itself is taken: ``from app import money``."""
    stem = path.rpartition("/")[2].partition(".")[0]
    return stem in line.names


def _passes_on(files: Files, line: ImportLine) -> bool:
    """Whether others may import the name from here."""
    is_package = line.path.rpartition("/")[2] == "__init__.py" and bool(line.names)
    return is_package or files.line(line.path, line.line).lstrip().startswith("export")


def _importers(files: Files, tests: TestFiles, importing: Sequence[ImportLine]) -> list[Listing]:
    """The first import of each file, tests last."""
    first: dict[str, ImportLine] = {}
    for line in importing:
        first.setdefault(line.path, line)
    ordered = sorted(first.values(), key=lambda line: (tests.holds(line.path), line.path))
    entries = [
        f"{shown_path(each.path)}:{each.line}: {shortened(files.line(each.path, each.line).strip())}"
        for each in ordered[:MOST_IMPORTERS]
    ]
    return [Listing("imports it", entries)] if entries else []


async def _used(files: Files, imports: FileImports, tag: Tag) -> list[Piece]:
    """Definitions, in its own file and in those it imports, of what a definition calls."""
    language = language_of_path(tag.path)
    if language is None:
        return []
    near = [tag.path, *(target for _, target in imports.statements.get(tag.path, ()))]
    known: dict[str, Tag] = {}
    for path in dict.fromkeys(near):
        other = language_of_path(path)
        if other is None or other.name not in family_of(language):
            continue
        for each in await files.tags(path):
            # What is defined in another function cannot be meant.
            if (
                each.is_definition
                and each.kind not in UNUSED
                and (each.kind == "method" or not each.container)
            ):
                known.setdefault(each.name, each)
    lines = files.lines(tag.path)[tag.line - 1 : tag.end_line]
    # What is no function calls nothing, but may be made of what it names; a class, of what its first line names.
    wholly = tag.kind in {"variable", "constant", "type"}
    named = NAME.findall("\n".join(lines if wholly else lines[:1]))
    called = [
        each.name
        for each in await files.tags(tag.path)
        if not each.is_definition and tag.line <= each.line <= tag.end_line and each.name != tag.name
    ]
    chosen = [known[name] for name in dict.fromkeys([*named, *called]) if name in known and name != tag.name]
    outside = [each for each in chosen if each.path != tag.path or not tag.line <= each.line <= tag.end_line]
    return [await files.of_definition("used by it", each) for each in outside[:MOST_USED]]


def _woven(*kinds: Sequence[Shown]) -> list[Shown]:
    """Two callers, a test, one that it uses, the importing files, and so on, so that none is crowded out by another."""
    callers, tests, importers, used = kinds
    turns = zip_longest(callers[::2], callers[1::2], tests, used, importers)
    return [piece for turn in turns for piece in turn if piece is not None]


def _without_repeats(pieces: Sequence[Shown]) -> list[Shown]:
    """Without those that an earlier definition shows whole."""
    kept: list[Shown] = []
    for piece in pieces:
        if not any(
            isinstance(piece, Piece) and isinstance(other, Piece) and piece.is_within(other) for other in kept
        ):
            kept.append(piece)
    return kept
