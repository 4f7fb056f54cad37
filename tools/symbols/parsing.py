"""Parses a text in a sandboxed process."""

import json
from dataclasses import dataclass

from perdure.contracts.errors import ToolRejected
from perdure.safety.views import SandboxLimits
from tools.symbols.inside import run_inside
from tools.symbols.outlines import Outline
from tools.tool_schemas import ToolContext

PROGRAM = "tools.symbols.parsing_program"
LIMITS = SandboxLimits(time_s=30, memory_bytes=1024**3, output_bytes=256 * 1024**2)


@dataclass(frozen=True)
class Source:
    """One text and its language."""

    language: str
    data: bytes


async def outline_in_sandbox(context: ToolContext, source: Source) -> Outline:
    """The outline of one text; ToolRejected where its parser did not come to an end."""
    request = f"{source.language}\n".encode() + source.data
    finished = await run_inside(context, PROGRAM, request, limits=LIMITS)
    if finished.exit_code != 0:
        raise ToolRejected(
            f"The parser for {source.language} did not come to an end on this text.",
            "Read the file with read_file instead.",
        )
    return Outline.from_json(json.loads(finished.output))
