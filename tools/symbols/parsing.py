"""Parses texts in sandboxed processes, several at once; a text that ends its process costs only itself."""

import asyncio
import json
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from perdure.contracts.errors import ToolRejected
from perdure.safety.views import SandboxLimits
from tools.symbols.inside import run_inside
from tools.symbols.outlines import Outline
from tools.tool_schemas import ToolContext

PROGRAM = "tools.symbols.parsing_program"
LIMITS = SandboxLimits(time_s=30, memory_bytes=1024**3, output_bytes=256 * 1024**2)
FRAME = re.compile(rb"(\d+) (\d+)\n")
SMALLEST_SHARE = 512 * 1024
"""Bytes of text below which another process costs more than it saves."""
LARGEST_SHARE = 16 * 1024**2
MOST_CRASHES = 8
"""After as many texts that end their process the rest of a share is given up."""


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
    answers: list[bytes | None] = [None] * len(sources)

    async def work(share: list[int]) -> None:
        crashes = 0
        while share and crashes < MOST_CRASHES:
            done = await _one_process(context, wanted, [sources[each] for each in share])
            for each, answer in zip(share, done, strict=False):
                answers[each] = answer
            # What comes after the last answer is the text that ended the process.
            crashes += len(done) < len(share)
            share = share[len(done) + 1 :]

    await asyncio.gather(*(work(share) for share in _shares(sources)))
    return answers


def _shares(sources: Sequence[Source]) -> Iterator[list[int]]:
    """Positions of the texts, in shares of about the same size: as many as processors where that is worth it."""
    total = sum(len(source.data) for source in sources)
    size = min(max(SMALLEST_SHARE, total // (os.cpu_count() or 1) + 1), LARGEST_SHARE)
    share: list[int] = []
    filled = 0
    for position, source in enumerate(sources):
        share.append(position)
        filled += len(source.data)
        if filled >= size:
            yield share
            share, filled = [], 0
    if share:
        yield share


async def _one_process(context: ToolContext, wanted: str, sources: Sequence[Source]) -> list[bytes]:
    """The answers that one process gave before it ended."""
    head = {"wanted": wanted, "texts": [(source.language, len(source.data)) for source in sources]}
    request = b"".join([json.dumps(head).encode(), b"\n", *(source.data for source in sources)])
    finished = await run_inside(context, PROGRAM, request, limits=LIMITS)
    return list(_answers(finished.output))


def _answers(output: bytes) -> Iterable[bytes]:
    place = position = 0
    while True:
        frame = FRAME.match(output, place)
        # A process that ends badly may leave half a frame, and words of its own behind it.
        if frame is None or int(frame[1]) != position or frame.end() + int(frame[2]) > len(output):
            return
        place = frame.end() + int(frame[2])
        position += 1
        yield output[frame.end() : place]
