"""Read text files: whole, by lines, or as an outline; of other files their type, size and digest."""

import asyncio

from pydantic import Field

from perdure.contracts.calls import Effect
from perdure.contracts.errors import ToolRejected
from tools.paths import WorkspacePath
from tools.reading.pages import PAGE_CHARACTERS
from tools.reading.reading import Reading, Wish, read_one
from tools.tool_schemas import Arguments, ToolContext, ToolOutput, tool

MOST_FILES = 8


class ReadFile(Arguments):
    """Read a text file. Each line is shown after its number and a tab. A long file shows its outline first."""

    path: WorkspacePath = Field(min_length=1, description="Path from the workspace root.")
    more: list[WorkspacePath] = Field(
        default=[], max_length=MOST_FILES - 1, description="Paths of other files to read as well."
    )
    start: int = Field(default=1, ge=1, le=10_000_000, description="First line.")
    limit: int = Field(default=300, ge=1, le=2_000, description="Most lines.")


def _named(arguments: ReadFile) -> list[str]:
    return list(dict.fromkeys([arguments.path, *arguments.more]))


def _title(arguments: ReadFile) -> str:
    return f"read_file {', '.join(_named(arguments))}"


@tool(ReadFile, title=_title, effect=Effect.READ, timeout_s=60)
async def read_file(arguments: ReadFile, context: ToolContext) -> ToolOutput:
    """The numbered lines, what is unusual about each file, and where to read on."""
    paths = _named(arguments)
    room = PAGE_CHARACTERS // len(paths)
    outline = not {"start", "limit"} & arguments.model_fields_set
    readings: list[Reading] = []
    refusals: list[ToolRejected] = []
    for path in paths:
        wish = Wish(path, arguments.start, arguments.limit, room, outline=outline)
        try:
            readings.append(await asyncio.to_thread(read_one, context.copy, wish))
        except ToolRejected as refusal:
            refusals.append(refusal)
            readings.append(Reading(head=f"Not read: {refusal.message}", shown=refusal.hint))
    if len(refusals) == len(paths):
        raise refusals[0]
    return ToolOutput(
        content="\n\n".join(f"{one.head}\n{one.shown}" if one.shown else one.head for one in readings),
        ok=not refusals,
        summary=readings[0].head if len(paths) == 1 else f"Read {len(paths) - len(refusals)} files.",
        seen={one.path: one.digest for one in readings if one.digest},
    )
