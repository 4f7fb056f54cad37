"""Finds the names of files in sandboxed processes, several at once; a file that ends its process costs only itself."""

import asyncio
import json
import os
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from perdure.contracts.errors import ToolRejected
from perdure.safety.views import SandboxLimits
from perdure.workspace.paths import Files
from tools.symbols.grammars import edition_of
from tools.symbols.inside import run_inside
from tools.symbols.marks import as_utf8
from tools.symbols.python_tags import python_tags
from tools.symbols.tagging_program import key_of
from tools.tool_schemas import ToolContext

PROGRAM = "tools.symbols.tagging_program"
LIMITS = SandboxLimits(time_s=60, memory_bytes=1024**3, output_bytes=256 * 1024**2)
FRAME = re.compile(rb"(\d+) (\S+) (\d+)\n")
SMALLEST_SHARE = 512 * 1024
"""Bytes of files below which another process costs more than it saves."""
LARGEST_SHARE = 32 * 1024**2
MOST_BY_LINES = 256 * 1024
"""Bytes of files that are looked at in this process."""
LARGEST_FILE = 2 * 1024**2
MOST_CRASHES = 8
"""After as many files that end their process the rest of a share is given up."""
UNREAD = b"-"


@dataclass(frozen=True)
class Wanted:
    """One file to look at: its path, its language, and about how many bytes it has."""

    path: str
    language: str
    bytes: int


@dataclass(frozen=True)
class Tagged:
    """What a file holds, and the lines of its names; these are empty where the key was known."""

    key: bytes
    lines: bytes


async def tagged_in_sandbox(
    context: ToolContext, wanted: Sequence[Wanted], known: Sequence[str], *, limits: SandboxLimits = LIMITS
) -> Mapping[str, Tagged | None]:
    """By path what each file holds; None where its parser crashed or ran beyond its limits.

    What could not be read is left out. ``known`` are keys of what need not be looked at again.
    """
    found: dict[str, Tagged | None] = {}

    async def work(share: Sequence[Wanted]) -> None:
        crashes = 0
        while share and crashes < MOST_CRASHES:
            answers = await _one_process(context, share, known, limits)
            for each, answer in zip(share, answers, strict=False):
                if answer.key != UNREAD:
                    found[each.path] = answer
            if len(answers) < len(share):
                # What comes after the last answer is the file that ended the process.
                crashes += 1
                found[share[len(answers)].path] = None
            share = share[len(answers) + 1 :]
        found.update({each.path: None for each in share})

    await asyncio.gather(*(work(share) for share in _shares(wanted)))
    return found


def tagged_by_lines(files: Files, wanted: Sequence[Wanted], known: Collection[str]) -> Mapping[str, Tagged]:
    """By path what those files hold whose names show without a parser, where they are few and small.

    This takes less time than a process in the sandbox would take to begin.
    """
    chosen = [each for each in wanted if each.language == "python"]
    found: dict[str, Tagged] = {}
    if sum(each.bytes for each in chosen) > MOST_BY_LINES:
        return found
    for each in chosen:
        try:
            data = files.read(each.path, limit_bytes=MOST_BY_LINES)
        except ToolRejected:
            # It went away, or became something that is not read, since it was listed.
            continue
        key = key_of(edition_of(each.language), data)
        lines = b"" if key in known else python_tags(as_utf8(data))
        if lines is not None:
            found[each.path] = Tagged(key.encode(), lines)
    return found


def _shares(wanted: Sequence[Wanted]) -> Iterator[Sequence[Wanted]]:
    """The files in shares of about the same size: as many for each processor where that is worth it."""
    processors = os.cpu_count() or 1
    total = sum(each.bytes for each in wanted)
    rounds = -(-total // (processors * LARGEST_SHARE))
    size = max(SMALLEST_SHARE, total // (processors * max(1, rounds)) + 1)
    begin = filled = 0
    for position, each in enumerate(wanted):
        filled += each.bytes
        if filled >= size:
            yield wanted[begin : position + 1]
            begin, filled = position + 1, 0
    if begin < len(wanted):
        yield wanted[begin:]


async def _one_process(
    context: ToolContext, share: Sequence[Wanted], known: Sequence[str], limits: SandboxLimits
) -> Sequence[Tagged]:
    """The answers that one process gave before it ended."""
    request = {
        "files": [(each.path, each.language) for each in share],
        "editions": {language: edition_of(language) for language in {each.language for each in share}},
        "known": known,
        "largest": LARGEST_FILE,
    }
    finished = await run_inside(context, PROGRAM, json.dumps(request).encode(), limits=limits)
    return list(_answers(finished.output))


def _answers(output: bytes) -> Iterator[Tagged]:
    place = position = 0
    while True:
        frame = FRAME.match(output, place)
        # A process that ends badly may leave half a frame, and words of its own behind it.
        if frame is None or int(frame[1]) != position or frame.end() + int(frame[3]) > len(output):
            return
        place = frame.end() + int(frame[3])
        position += 1
        yield Tagged(frame[2], output[frame.end() : place])
