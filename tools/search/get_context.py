"""Gather what matters for a symbol or a question, within a budget of tokens."""

from dataclasses import replace

from pydantic import Field

from perdure.contracts.calls import Effect
from perdure.contracts.errors import ToolRejected
from tools.gathering.packing import CHARACTERS_A_TOKEN, left_out_note, pack, smallest
from tools.gathering.question_pieces import gather_question
from tools.gathering.symbol_pieces import Gathered, gather_symbol, is_written_as_name, symbol_in
from tools.paths import WorkspacePath, located, missing
from tools.searching.words import Words
from tools.symbols.index import SymbolIndex
from tools.symbols.near_names import no_definition
from tools.symbols.tags import Tag
from tools.titles import shown_path
from tools.tool_schemas import Arguments, ToolContext, ToolOutput, tool

MOST_TOKENS = 8_000
USUAL_TOKENS = 2_000


class GetContext(Arguments):
    """Gather what matters for a symbol or a question in one call: definitions, callers, tests, importing files, packed
    into a budget of tokens."""

    query: str = Field(min_length=1, max_length=1_000, description="Cart.total, or: how are carts priced")
    path: WorkspacePath = Field(default=".", min_length=1, description="Only definitions or matches in here.")
    budget: int = Field(default=USUAL_TOKENS, ge=1, le=MOST_TOKENS, description="Tokens at most.")


@tool(
    GetContext,
    title=lambda a: f"get_context {a.query!r}" + (f" in {a.path}" if a.path != "." else ""),
    effect=Effect.READ,
    timeout_s=300,
    output_limit=MOST_TOKENS * CHARACTERS_A_TOKEN,
)
async def get_context(arguments: GetContext, context: ToolContext) -> ToolOutput:
    """The pieces, each with the reason why it is there; what did not fit is named."""
    top = located(context.copy, arguments.path)
    if not context.copy.files.exists(top):
        raise missing(context.copy.files, arguments.path)
    symbol = symbol_in(arguments.query)
    if not symbol and not Words().terms(arguments.query):
        raise ToolRejected(f"{arguments.query!r} holds no word to look for.", "Send a name, or a question.")
    return _output(await _gathered(arguments, context, symbol, top), arguments.budget)


async def _gathered(arguments: GetContext, context: ToolContext, symbol: str, top: str) -> Gathered:
    """Around the symbol where the query is one that is defined, else for the words."""
    index = await SymbolIndex.current(context)
    everywhere = await index.definitions(symbol) if symbol else []
    found = [tag for tag in everywhere if _is_below(tag, top)]
    if found:
        return await gather_symbol(context, index, symbol, found)
    if everywhere:
        places = ", ".join(f"{shown_path(tag.path)}:{tag.line}" for tag in everywhere[:5])
        raise ToolRejected(f"{symbol!r} is not defined in {arguments.path!r}.", f"It is at {places}.")
    unknown = await no_definition(index, symbol) if symbol else None
    if unknown is not None and is_written_as_name(arguments.query):
        raise _renamed(unknown)
    gathered = await gather_question(context, arguments.query, top)
    if gathered is not None:
        notes = [*gathered.notes, *([f"{unknown.message} {_renamed(unknown).hint}"] if unknown else [])]
        return replace(gathered, notes=notes)
    if unknown is not None:
        raise _renamed(unknown)
    raise ToolRejected(
        f"Nothing in {arguments.path!r} fits {arguments.query!r}.",
        "Ask in other words, or use grep_search for exact text.",
    )


def _renamed(refusal: ToolRejected) -> ToolRejected:
    """The refusal in the words of this tool's arguments."""
    return ToolRejected(refusal.message, refusal.hint.replace("symbol=", "query="))


def _is_below(tag: Tag, top: str) -> bool:
    return top == "." or tag.path == top or tag.path.startswith(f"{top}/")


def _output(gathered: Gathered, budget: int) -> ToolOutput:
    notes = [f"[{note}]" for note in gathered.notes]
    fixed = len("\n".join([gathered.head, *notes])) + 1
    room = budget * CHARACTERS_A_TOKEN - fixed
    least = smallest(fixed, gathered.pieces)
    if least > budget * CHARACTERS_A_TOKEN:
        tokens = -(-least // CHARACTERS_A_TOKEN)
        raise ToolRejected(
            f"A budget of {budget} tokens is too small to show anything of use.",
            f"Send budget={tokens} or more.",
        )
    packed = pack(gathered.pieces, room)
    left = room - sum(len(block) + 1 for block in packed.blocks) - 1
    note = left_out_note(packed, left, most_tokens=MOST_TOKENS, tokens=budget)
    content = "\n".join([gathered.head, *packed.blocks, *([note] if note else []), *notes])
    shown = f"{len(packed.blocks)} of {len(gathered.pieces)} pieces"
    tokens = -(-len(content) // CHARACTERS_A_TOKEN)
    return ToolOutput(content=content, summary=f"{gathered.head}; {shown} in {tokens:,} tokens")
