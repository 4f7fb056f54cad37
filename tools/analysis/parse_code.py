"""The structure of one file."""

import asyncio
from collections import Counter
from collections.abc import Sequence

from pydantic import Field

from perdure.contracts.calls import Effect
from tools.paths import WorkspacePath
from tools.reading.pages import PAGE_CHARACTERS
from tools.symbols.outlines import Flaw, OutlineEntry
from tools.symbols.parsing import outline_in_sandbox
from tools.symbols.reading import SourceFile, read_source
from tools.text_files import lines_of
from tools.titles import shown_path
from tools.tool_schemas import Arguments, ToolContext, ToolOutput, tool

CODE_DEPTH = 3
DATA_DEPTH = 2


class ParseCode(Arguments):
    """Show what a source or data file consists of: functions, classes, keys, elements, with line ranges, signatures and
    first words of their documentation."""

    path: WorkspacePath = Field(min_length=1, description="File.")
    name: str = Field(default="", max_length=200, description="Only names that contain this, at any depth.")
    depth: int = Field(default=0, ge=0, le=20, description="Levels; 0 chooses by language.")


@tool(ParseCode, title=lambda a: f"parse_code {a.path}", effect=Effect.READ, timeout_s=90)
async def parse_code(arguments: ParseCode, context: ToolContext) -> ToolOutput:
    """One line for each definition, in the order of the file."""
    file = await asyncio.to_thread(read_source, context.copy, arguments.path)
    outline = await outline_in_sandbox(context, file.source)
    depth = arguments.depth or (CODE_DEPTH if file.language.is_code else DATA_DEPTH)
    if arguments.name:
        chosen = [entry for entry in outline.entries if arguments.name.lower() in entry.name.lower()]
    else:
        chosen = [entry for entry in outline.entries if entry.depth < depth]
    head = _head(arguments, file, outline.entries)
    lines = [head, *_flaw_lines(outline.flaws)]
    shown = _entry_lines(chosen, room=PAGE_CHARACTERS - sum(len(line) + 1 for line in lines))
    notes: list[str] = []
    if len(shown) < len(chosen):
        notes.append(f"[{len(chosen) - len(shown)} more; narrow it with name or a smaller depth.]")
    if not arguments.name and len(chosen) < len(outline.entries):
        notes.append(
            f"[{len(outline.entries) - len(chosen)} deeper ones are left out; send depth={depth + 1}.]"
        )
    return ToolOutput(content="\n".join([*lines, *shown, *notes]), summary=head)


def _head(arguments: ParseCode, file: SourceFile, entries: Sequence[OutlineEntry]) -> str:
    counts = Counter(entry.kind for entry in entries)
    parts = [f"{count} {_plural(kind, count)}" for kind, count in counts.most_common()]
    size = len(lines_of(file.text))
    what = ", ".join(parts) or "no definition"
    return f"{shown_path(arguments.path)}: {file.language.shown}, {size} {_plural('line', size)}, {what}"


def _plural(noun: str, count: int) -> str:
    if count == 1:
        return noun
    if noun.endswith(("ss", "x")):
        return f"{noun}es"
    if noun == "keyframes":
        return noun
    return f"{noun[:-1]}ies" if noun.endswith("y") and noun != "key" else f"{noun}s"


def _flaw_lines(flaws: Sequence[Flaw]) -> list[str]:
    if not flaws:
        return []
    first = flaws[0]
    more = f", and at {len(flaws) - 1} more places" if len(flaws) > 1 else ""
    return [f"It does not parse: line {first.line}: {first.message}{more}. What is shown may be incomplete."]


def _entry_lines(entries: Sequence[OutlineEntry], *, room: int) -> list[str]:
    lines: list[str] = []
    for entry in entries:
        place = f"{entry.line}-{entry.end_line}" if entry.end_line > entry.line else f"{entry.line}"
        text = f"{'  ' * entry.depth}{place} {entry.signature}"
        text += f"  # {entry.documentation}" if entry.documentation else ""
        room -= len(text) + 1
        if room < 0 and lines:
            break
        lines.append(text)
    return lines
