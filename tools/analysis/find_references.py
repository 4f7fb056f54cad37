"""Where a symbol is used."""

import asyncio
from collections.abc import Sequence

from pydantic import Field

from perdure.contracts.calls import Effect
from tools.paths import WorkspacePath
from tools.reading.pages import PAGE_CHARACTERS
from tools.symbols.answers import Answer, Place, in_files, written
from tools.symbols.grammars import language_of_path
from tools.symbols.index import SymbolIndex
from tools.symbols.lookup import Target, ask, lines_of_files, target_at
from tools.symbols.near_names import no_definition
from tools.titles import shown_path
from tools.tool_schemas import Arguments, ToolContext, ToolOutput, tool

MOST_TARGETS = 4
"""Definitions of one name whose uses are looked for in one call."""
MOST_UNSURE = 15


class FindReferences(Arguments):
    """Find every use of a function, class, method or variable. With path and line, of the one that is meant there."""

    symbol: str = Field(min_length=1, max_length=300, description="Name: total, Cart.total.")
    path: WorkspacePath = Field(default="", description="File of its definition or of a use.")
    line: int = Field(default=0, ge=0, le=10_000_000, description="Line there; 0: the first with the name.")
    limit: int = Field(default=80, ge=1, le=1_000, description="Most places.")


@tool(
    FindReferences,
    title=lambda a: f"find_references {a.symbol}" + (f" in {a.path}:{a.line}" if a.path else ""),
    effect=Effect.READ,
    timeout_s=420,
)
async def find_references(arguments: FindReferences, context: ToolContext) -> ToolOutput:
    """The places by file with their lines, which engine says so and how sure it is."""
    target = None
    if arguments.path:
        target = await asyncio.to_thread(target_at, context, arguments.path, arguments.line, arguments.symbol)
    index = await SymbolIndex.current(context)
    targets, left_out = ([target], 0) if target else await _targets(index, arguments.symbol)
    texts: list[str] = []
    heads: list[str] = []
    seen: set[Place] = set()
    for each in targets:
        context.beat(f"looking for uses of {each.name}")
        answer = await ask(context, "references", each, index)
        if answer.places and seen.issuperset(answer.places):
            # Another definition of the same thing, such as an overload or a declaration.
            continue
        seen.update(answer.places)
        heads.append(_head(each, answer))
        texts += await _described(context, heads[-1], answer, arguments.limit, len(targets))
    if left_out:
        texts.append(
            f"[{left_out} more definitions of this name; send path and line of the one that is meant.]"
        )
    if index.coverage.note:
        texts.append(index.coverage.note)
    return ToolOutput(content="\n".join(texts), summary="; ".join(heads))


async def _targets(index: SymbolIndex, symbol: str) -> tuple[list[Target], int]:
    """The definitions of a name as places to ask about, and how many more there are."""
    found = await index.definitions(symbol)
    if not found:
        raise await no_definition(index, symbol)
    targets: list[Target] = []
    for tag in found:
        language = language_of_path(tag.path)
        if language is not None:
            targets.append(Target(tag.path, tag.line, tag.name, language))
    by_name_only = {each.language.name: each for each in reversed(targets) if not _is_served(each)}
    chosen = [each for each in targets if _is_served(each)] + list(by_name_only.values())
    return chosen[:MOST_TARGETS], max(0, len(chosen) - MOST_TARGETS)


def _is_served(target: Target) -> bool:
    return target.language.name in {"python", "javascript", "typescript", "tsx"}


def _head(target: Target, answer: Answer) -> str:
    where = f"{shown_path(target.path)}:{target.line}"
    if not answer.places:
        return f"{answer.engine} finds no use of {target.name!r} as it stands at {where}."
    least = "" if answer.complete else "at least "
    return f"{target.name!r} of {where}: {least}{in_files(answer.places)}, by {answer.engine}."


async def _described(
    context: ToolContext, head: str, answer: Answer, limit: int, parts: int
) -> Sequence[str]:
    texts = await lines_of_files(context, [*answer.places, *answer.unsure])
    room = PAGE_CHARACTERS // parts - len(head)
    lines = [head, f"How sure: {answer.sureness}"]
    if not answer.complete:
        lines.append("The time was over before every file was looked at; use grep_search for the rest.")
    lines += written(answer.places, texts, limit=limit, room=room)
    if answer.unsure:
        lines.append(f"Unsure, for what the name is taken on cannot be told: {in_files(answer.unsure)}")
        lines += written(answer.unsure, texts, limit=MOST_UNSURE, room=room // 2)
    return lines
