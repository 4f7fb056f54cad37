"""Finds the names of files in sandboxed processes, several at once; a file that ends its process costs only itself."""

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from perdure.contracts.errors import ToolRejected
from perdure.safety.views import SandboxLimits
from perdure.workspace.paths import Files
from tools.symbols.grammars import edition_of
from tools.symbols.inside import run_inside
from tools.symbols.marks import as_utf8
from tools.symbols.python_tags import python_tags
from tools.symbols.sharing import answered_apart, framed
from tools.symbols.tagging_program import key_of
from tools.tool_schemas import ToolContext

PROGRAM = "tools.symbols.tagging_program"
LIMITS = SandboxLimits(time_s=60, memory_bytes=1024**3, output_bytes=256 * 1024**2)
FRAME = re.compile(rb"(\d+) (\S+) (\d+)\n")
LARGEST_SHARE = 32 * 1024**2
MOST_BY_LINES = 256 * 1024
"""Bytes of files that are looked at in this process."""
LARGEST_FILE = 2 * 1024**2
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

    async def ask(share: Sequence[int]) -> list[Tagged]:
        return await _one_process(context, [wanted[each] for each in share], known, limits)

    answers = await answered_apart([each.bytes for each in wanted], ask, largest=LARGEST_SHARE)
    return {
        each.path: answer
        for each, answer in zip(wanted, answers, strict=True)
        if answer is None or answer.key != UNREAD
    }


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


async def _one_process(
    context: ToolContext, share: Sequence[Wanted], known: Sequence[str], limits: SandboxLimits
) -> list[Tagged]:
    """The answers that one process gave before it ended."""
    request = {
        "files": [(each.path, each.language) for each in share],
        "editions": {language: edition_of(language) for language in {each.language for each in share}},
        "known": known,
        "largest": LARGEST_FILE,
    }
    finished = await run_inside(context, PROGRAM, json.dumps(request).encode(), limits=limits)
    return [Tagged(head[2], lines) for head, lines in framed(finished.output, FRAME)]
