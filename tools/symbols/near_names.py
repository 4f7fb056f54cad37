"""What is said where nothing has the name that was asked for."""

import asyncio

from rapidfuzz import fuzz, process

from perdure.contracts.errors import ToolRejected
from tools.symbols.index import SymbolIndex
from tools.titles import one_line

MOST_NEAR = 5
LEAST_LIKENESS = 60.0


async def no_definition(index: SymbolIndex, name: str) -> ToolRejected:
    """The refusal, with the names that are most like it."""
    last = name.rpartition(".")[2]
    names = {tag.name for tag in await index.all_tags() if tag.is_definition}
    found = await asyncio.to_thread(
        process.extract, last, sorted(names), scorer=fuzz.ratio, limit=MOST_NEAR, score_cutoff=LEAST_LIKENESS
    )
    near = [each[0] for each in found]
    shown = one_line(name, 80)
    where = f"in the {index.coverage.files} source files of the workspace"
    if last in names:
        return ToolRejected(
            f"Nothing {where} defines {shown!r}, but there are definitions of {last!r}.",
            f"Send symbol={last!r}.",
        )
    return ToolRejected(
        f"Nothing {where} defines {shown!r}.",
        f"Names like it: {', '.join(near)}." if near else "Use grep_search for the text.",
    )
