"""The modules that most of a repository is built on, and what stands in them."""

import asyncio
import json
import re
from collections.abc import Iterator, Sequence

from tools.dependencies.import_files import FileImports, file_imports
from tools.summaries.tree import ASIDE, Section, Tree, listed
from tools.symbols.grammars import language_of_path
from tools.symbols.outlines import Outline
from tools.symbols.parsing import Source, parsed_in_sandbox
from tools.titles import one_line, shown_path
from tools.tool_schemas import ToolContext

MOST_MODULES = 12
MOST_NAMES = 6
FEW = 3
VALUES = {"variable", "constant", "key"}
STYLES = (".css", ".scss", ".less", ".html", ".htm")
DOCUMENTATION_CHARACTERS = 120
ABOUT = re.compile(r'\A(?:#![^\n]*\n)?(?:\s*#[^\n]*\n)*\s*[rRuU]?("""|\'\'\'|"|\')(?P<text>.+?)\1', re.DOTALL)
SCRIPT_ABOUT = re.compile(r"\A\s*/\*\*?(?P<text>.+?)\*/", re.DOTALL)
LEGAL = re.compile(r"copyright|licen[sc]e|spdx|eslint|@ts-", re.IGNORECASE)


async def outlines_of(context: ToolContext, tree: Tree, paths: Sequence[str]) -> dict[str, Outline]:
    """What the files consist of; those that no parser comes to an end on are left out."""

    def read() -> list[tuple[str, Source]]:
        found = [(path, language_of_path(path), tree.text(path)) for path in paths]
        return [
            (path, Source(language.name, text.encode("utf-8", "surrogateescape")))
            for path, language, text in found
            if language is not None and text
        ]

    sources = await asyncio.to_thread(read)
    answers = await parsed_in_sandbox(context, "outlines", [source for _, source in sources])
    return {
        path: Outline.from_json(json.loads(answer))
        for (path, _), answer in zip(sources, answers, strict=True)
        if answer is not None
    }


async def modules_of(context: ToolContext, tree: Tree) -> tuple[Section, list[str]]:
    """The most central files by PageRank over who imports whom, without tests; and their paths."""
    # It loads numpy, which a worker's start should not wait for.
    from tools.dependencies.centrality import ranks_of

    context.beat("reading imports")
    everything = tree.paths if tree.folder == "." else (await Tree.of(context, ".")).paths
    imports = await file_imports(context, everything)
    chosen = _own(tree)
    edges = imports.edges(chosen)
    linked = {path for path, targets in edges.items() if targets}.union(*edges.values())
    ranks = await asyncio.to_thread(ranks_of, {path: edges[path] for path in linked})
    central = sorted(ranks, key=lambda path: (-ranks[path], path))
    by = "by PageRank over the imports"
    if not central:
        central = sorted(chosen, key=lambda path: (-tree.lines.get(path, 0), path))
        by = "by length, since none imports another"
    central = central[:MOST_MODULES]
    outlines = await outlines_of(context, tree, central)
    lines = [_module(tree, imports, path, outlines.get(path)) for path in central]
    lines += [] if imports.complete else ["[A limit ended the reading of imports.]"]
    return Section(f"Main modules, {by}", lines or ["There is no code."]), central


def _own(tree: Tree) -> list[str]:
    """The code of the repository itself, without tests, style sheets and, where there is other code, examples."""
    chosen = [path for path in tree.code if path not in tree.of_tests and not path.endswith(STYLES)]
    own = [path for path in chosen if ASIDE.isdisjoint(path.split("/")[:-1])]
    return own or chosen


def _module(tree: Tree, imports: FileImports, path: str, outline: Outline | None) -> str:
    importers = {line.path for line in imports.importers.get(path, ())} - {path}
    of_code = [each for each in importers if not tree.tests.holds(each)]
    said = [f"{tree.lines.get(path, 0):,} lines"]
    if importers:
        said.append(
            f"imported by {len(of_code)}"
            + (f" and {len(importers) - len(of_code)} of tests" if len(importers) > len(of_code) else "")
        )
    text = f"{shown_path(tree.shown(path))} ({', '.join(said)})"
    names = list(_names(outline)) if outline else []
    text += f": {listed(names, MOST_NAMES)}" if names else ""
    taken = dict.fromkeys(shown_path(tree.shown(target)) for _, target in imports.statements.get(path, ()))
    text += f": takes from {listed(taken, MOST_NAMES)}" if taken and not names else ""
    about = about_file(tree.text(path))
    return f"{text} — {about}" if about else text


def _names(outline: Outline) -> Iterator[str]:
    """What stands at the top of a file, classes and functions before values, the longest first."""
    tops = [
        entry for entry in outline.entries if entry.depth == 0 and not entry.name.startswith(("_", "'", '"'))
    ]
    made = sorted(
        (entry for entry in tops if entry.kind not in VALUES),
        key=lambda entry: (entry.line - entry.end_line, entry.name),
    )
    # Of a file that defines functions or classes, its values are details.
    values = [] if len(made) >= FEW else [entry for entry in tops if entry.kind in VALUES]
    yield from dict.fromkeys(one_line(entry.name, 60) for entry in [*made, *values])


def about_file(text: str) -> str:
    """The first sentence that a file says of itself; empty where it says none, or only its licence."""
    found = ABOUT.match(text[:4_000]) or SCRIPT_ABOUT.match(text[:4_000])
    if found is None:
        return ""
    words = " ".join(line.strip(" \t*") for line in found["text"].splitlines()).split()
    sentence = re.split(r"(?<=[.!?])\s", " ".join(words), maxsplit=1)[0]
    return "" if LEGAL.search(sentence) else one_line(sentence, DOCUMENTATION_CHARACTERS)
