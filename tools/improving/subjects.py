"""What suggestions are asked for: files, what linters say of them, and the tests that name them."""

import asyncio
import posixpath
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from perdure.contracts.errors import ToolRejected
from perdure.workspace.working_copy import WorkingCopy
from tools.checking.project_checks import Checked, project_checks
from tools.diagnostics import Diagnostic
from tools.improving.weaker_tests import is_test_file
from tools.paths import located, missing
from tools.proving.rounds import model_of
from tools.proving.sources import Source, source_of
from tools.quality_gate import all_files, related_tests
from tools.symbols.grammars import language_of_path
from tools.symbols.index import CODE
from tools.symbols.listing import source_files
from tools.tool_schemas import ToolContext

MOST_FILES = 20
MOST_TESTS = 40
SHARE_OF_SOURCES = 0.6
SHARE_OF_TESTS = 0.2
SHOWN_DIAGNOSTICS = 30


@dataclass(frozen=True)
class Subject:
    """Everything that one call looks at."""

    sources: dict[str, Source]
    symbol: str
    lines: range
    """The lines that are asked about, where a symbol is; else empty."""
    checked: Checked
    tests: tuple[str, ...]
    """Test files that may notice a change."""
    left_out: tuple[str, ...] = ()
    """Files that were not looked at, with the reason."""

    @property
    def diagnostics(self) -> list[Diagnostic]:
        """What linters and type checkers say of it as it is."""
        return self.checked.diagnostics

    def has_line(self, path: str, first: int, last: int) -> str:
        """Why these lines cannot be spoken of; empty where they can."""
        source = self.sources.get(path)
        if source is None:
            return f"{path!r} is none of the files that were asked about: {', '.join(self.sources)}."
        lines = source.text.split("\n")
        count = len(lines) - (lines[-1] == "")
        place = f"{path}:{first}-{last}"
        if not 1 <= first <= last <= count:
            return f"{place} is spoken of, but the file has the lines 1 to {count}."
        if not "".join(lines[first - 1 : last]).strip():
            return f"{place} is spoken of, but nothing stands there."
        if self.lines and (first < self.lines.start or last >= self.lines.stop):
            asked = f"{self.lines.start} to {self.lines.stop - 1}"
            return f"{place} is spoken of, but only {self.symbol!r} was asked about, in the lines {asked}."
        return ""


async def subject_of(context: ToolContext, path: str, symbol: str) -> Subject:
    """The file or folder with all that is known of it; ToolRejected where there is nothing to read."""
    target = posixpath.normpath(located(context.copy, path))
    files = context.copy.files
    if not files.exists(target):
        raise missing(files, path)
    left_out: list[str] = []
    if files.stat(target).kind == "folder":
        if symbol:
            raise ToolRejected(f"{path!r} is a folder, so it has no {symbol!r}.", "Name the symbol's file.")
        sources = await _below(context, target, left_out)
    else:
        found = source_of(context, target, parsed=())
        language = language_of_path(found.path)
        if language is None or not language.is_code:
            raise ToolRejected(f"{path!r} is not source code.", "Name a file of source code, or a folder.")
        if not found.text.strip():
            raise ToolRejected(f"{path!r} is empty.", "Name a file with something in it.")
        sources = [found]
    model_of(context)
    lines = _lines_of(sources[0], symbol) if symbol else range(0)
    paths = [each.path for each in sources]
    checked = await project_checks(context, paths, types="where set up")
    tests = await asyncio.to_thread(_tests_for, context.copy, paths)
    known = {each.path: each for each in sources}
    return Subject(known, symbol, lines, checked or Checked([], []), tests, tuple(left_out))


async def _below(context: ToolContext, folder: str, left_out: list[str]) -> list[Source]:
    """Source files at and below a folder, as many as the model can read; tests only where there is nothing else."""
    listed = [
        path for path in await source_files(context, CODE) if folder == "." or path.startswith(f"{folder}/")
    ]
    wanted = [path for path in listed if not is_test_file(path)] or listed
    room = model_of(context).room_characters * SHARE_OF_SOURCES
    found: list[Source] = []
    for path in wanted:
        try:
            source = source_of(context, path, parsed=())
        except ToolRejected as refusal:
            left_out.append(refusal.message)
            continue
        room -= len(source.numbered)
        if not source.text.strip():
            continue
        if room < 0 or len(found) == MOST_FILES:
            left_out.append(f"{path!r} was one too many to read at once.")
            continue
        found.append(source)
    if not found:
        why = f" {left_out[0]}" if left_out else ""
        raise ToolRejected(f"There is no source code below {folder!r} that can be read.{why}")
    return found


def _lines_of(source: Source, symbol: str) -> range:
    kinds = ("function", "method", "class", "module")
    chosen = source.chosen([symbol], kinds)[0]
    first = source.data.count(b"\n", 0, chosen.lead) + 1
    return range(first, source.data.count(b"\n", 0, chosen.stop) + 2)


def _tests_for(copy: WorkingCopy, paths: Sequence[str]) -> tuple[str, ...]:
    """Every test file of a small suite, else those that name one of the files."""
    tests = [path for path in all_files(copy) if is_test_file(path)]
    return tuple(related_tests(copy, paths, tests)[:MOST_TESTS])


def material_of(subject: Subject, context: ToolContext, focus: str) -> str:
    """What the model reads."""
    asked = ", ".join(subject.sources)
    what = f"{subject.symbol} of {asked}" if subject.symbol else asked
    parts = [f"Suggest improvements of {focus} for {what}."]
    parts += [
        f"{each.path}, with line numbers:\n{_numbered(each, subject.lines)}"
        for each in subject.sources.values()
    ]
    said = [str(each) for each in subject.diagnostics[:SHOWN_DIAGNOSTICS]]
    parts.append("Linters and type checkers say:\n" + ("\n".join(said) or "nothing"))
    room = int(model_of(context).room_characters * SHARE_OF_TESTS)
    stems = {PurePosixPath(path).stem for path in subject.sources}
    for path in subject.tests:
        text = context.copy.files.read(path, limit_bytes=256 * 1024).decode("utf-8", "replace")
        if len(text) <= room and path not in subject.sources and any(stem in text for stem in stems):
            room -= len(text)
            parts.append(f"Tests, not to be changed, {path}:\n{text}")
    return "\n\n".join(parts)


def _numbered(source: Source, lines: range) -> str:
    if not lines:
        return source.numbered
    return "\n".join(source.numbered.split("\n")[lines.start - 1 : lines.stop - 1])


def with_texts(context: ToolContext, texts: dict[str, bytes]) -> ToolContext:
    """The context in which programs see these files."""
    return replace(context, on_trial={**context.on_trial, **texts})
