"""Parses texts in sandboxed processes, several at once; a text that ends its process costs only itself."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from perdure.contracts.errors import ToolRejected
from perdure.safety.views import SandboxLimits
from tools.symbols.inside import run_inside
from tools.symbols.outlines import Outline
from tools.symbols.sharing import answered_apart, framed
from tools.tool_schemas import ToolContext

PROGRAM = "tools.symbols.parsing_program"
LIMITS = SandboxLimits(time_s=30, memory_bytes=1024**3, output_bytes=256 * 1024**2)
FRAME = re.compile(rb"(\d+) (\d+)\n")
LARGEST_SHARE = 16 * 1024**2


@dataclass(frozen=True)
class Source:
    """One text and its language."""

    language: str
    data: bytes


async def outline_in_sandbox(context: ToolContext, source: Source) -> Outline:
    """The outline of one text; ToolRejected where its parser did not come to an end."""
    answers = await parsed_in_sandbox(context, "outlines", [source])
    if answers[0] is None:
        raise ToolRejected(
            f"The parser for {source.language} did not come to an end on this text.",
            "Read the file with read_file instead.",
        )
    return Outline.from_json(json.loads(answers[0]))


async def parsed_in_sandbox(
    context: ToolContext, wanted: Literal["tags", "outlines"], sources: Sequence[Source]
) -> list[bytes | None]:
    """The answer for each text, in order; None for one whose parser crashed or ran beyond its limits."""

    async def ask(share: Sequence[int]) -> list[bytes]:
        return await _one_process(context, wanted, [sources[each] for each in share])

    return await answered_apart([len(each.data) for each in sources], ask, largest=LARGEST_SHARE)


async def _one_process(context: ToolContext, wanted: str, sources: Sequence[Source]) -> list[bytes]:
    """The answers that one process gave before it ended."""
    head = {"wanted": wanted, "texts": [(source.language, len(source.data)) for source in sources]}
    request = b"".join([json.dumps(head).encode(), b"\n", *(source.data for source in sources)])
    finished = await run_inside(context, PROGRAM, request, limits=LIMITS)
    return [answer for _, answer in framed(finished.output, FRAME)]
