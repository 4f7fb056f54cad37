"""Where a symbol is defined."""

import asyncio
from collections.abc import Sequence

from pydantic import Field

from perdure.contracts.calls import Effect
from tools.paths import WorkspacePath
from tools.symbols.answers import Place, in_files, written
from tools.symbols.index import SymbolIndex
from tools.symbols.lookup import ask, lines_of_files, target_at
from tools.symbols.near_names import no_definition
from tools.symbols.tags import Tag
from tools.titles import shown_path
from tools.tool_schemas import Arguments, ToolContext, ToolOutput, tool


class FindDefinitions(Arguments):
    """Find where a function, class, method or variable is defined. With path and line of a use it says what that use
    means; without, every definition of the name."""

    symbol: str = Field(min_length=1, max_length=300, description="Name: total, Cart.total, app.money.total.")
    path: WorkspacePath = Field(default="", description="File of a use.")
    line: int = Field(default=0, ge=0, le=10_000_000, description="Line of the use; 0: the first.")
    limit: int = Field(default=40, ge=1, le=500, description="Most places.")


@tool(
    FindDefinitions,
    title=lambda a: f"find_definitions {a.symbol}" + (f" in {a.path}:{a.line}" if a.path else ""),
    effect=Effect.READ,
    timeout_s=180,
)
async def find_definitions(arguments: FindDefinitions, context: ToolContext) -> ToolOutput:
    """The places with their lines, and which engine says so."""
    target = None
    if arguments.path:
        target = await asyncio.to_thread(target_at, context, arguments.path, arguments.line, arguments.symbol)
    index = await SymbolIndex.current(context)
    if target is None:
        return await _by_name(arguments, context, index)
    answer = await ask(context, "definitions", target, index)
    where = f"{shown_path(target.path)}:{target.line}"
    if not answer.places:
        named = await index.definitions(arguments.symbol)
        places = [Place(tag.path, tag.line, kind=tag.kind, defines=True) for tag in named]
        head = f"{answer.engine} cannot tell what {target.name!r} at {where} means"
        if not places:
            return ToolOutput(content=f"{head}, and nothing of that name is defined in the workspace.")
        head += f"; by name alone there are {in_files(places)}:"
        return await _output(context, head, places, arguments.limit)
    head = f"{target.name!r} at {where} is defined at {in_files(answer.places)}, by {answer.engine}."
    return await _output(context, head, answer.places, arguments.limit)


async def _by_name(arguments: FindDefinitions, context: ToolContext, index: SymbolIndex) -> ToolOutput:
    found = await index.definitions(arguments.symbol)
    if not found:
        raise await no_definition(index, arguments.symbol)
    places = [Place(tag.path, tag.line, kind=tag.kind, defines=True) for tag in found]
    head = f"{arguments.symbol!r} is defined at {in_files(places)}, by syntax trees ({_kinds(found)})."
    if len(found) > 1:
        head += " Send path and line of a use to learn which of them it means."
    head += f" {index.coverage.note}" if index.coverage.note else ""
    return await _output(context, head, places, arguments.limit)


def _kinds(tags: Sequence[Tag]) -> str:
    return ", ".join(dict.fromkeys(f"{tag.kind} {tag.dotted}" for tag in tags[:5]))


async def _output(context: ToolContext, head: str, places: Sequence[Place], limit: int) -> ToolOutput:
    texts = await lines_of_files(context, places)
    shown = [Place(each.path, each.line, each.column, each.kind, inside=each.inside) for each in places]
    return ToolOutput(content="\n".join([head, *written(shown, texts, limit=limit)]), summary=head)
