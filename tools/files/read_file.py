"""Read lines of one text file."""

import asyncio
import re

from pydantic import Field

from perdure.contracts.calls import Effect
from perdure.contracts.errors import ToolRejected
from perdure.workspace.working_copy import WorkingCopy
from tools.pages import page_of
from tools.paths import WorkspacePath, located, text_file_facts
from tools.text_files import TextFile, decoded, lines_of
from tools.titles import shown_path
from tools.tool_schemas import Arguments, ToolContext, ToolOutput, tool

LARGEST_BYTES = 32 * 1024**2
INVISIBLE = re.compile(
    "[\x00-\x08\x0b\x0d-\x1f\x7f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\U000e0000-\U000e007f]"
)


class ReadFile(Arguments):
    """Read a text file. Each line is shown after its number and a tab."""

    path: WorkspacePath = Field(min_length=1, description="Path from the workspace root.")
    start: int = Field(default=1, ge=1, le=10_000_000, description="First line.")
    limit: int = Field(default=300, ge=1, le=2_000, description="Most lines.")


@tool(ReadFile, title=lambda a: f"read_file {a.path}", effect=Effect.READ, timeout_s=30)
async def read_file(arguments: ReadFile, context: ToolContext) -> ToolOutput:
    """The numbered lines, what is unusual about the file, and where to read on."""
    return await asyncio.to_thread(_read, arguments, context.copy)


def _read(arguments: ReadFile, copy: WorkingCopy) -> ToolOutput:
    path = arguments.path
    target = located(copy, path)
    size = text_file_facts(copy.files, target).bytes
    if size > LARGEST_BYTES:
        raise ToolRejected(
            f"{path!r} has {size:,} bytes, more than the {LARGEST_BYTES:,} that can be read.",
            "Use grep_search, or execute_command with head, tail or sed -n.",
        )
    # A file that grows while it is read is taken as it was when its size was asked.
    data = copy.files.read(target, limit_bytes=size) if size else b""
    file = decoded(path, data)
    lines = lines_of(file.text)
    if not lines:
        return ToolOutput(content=f"{shown_path(path)} is empty: {len(data)} bytes.")
    if arguments.start > len(lines):
        raise ToolRejected(
            f"{path!r} has {len(lines)} lines, so line {arguments.start} is beyond its end.",
            f"Send a start from 1 to {len(lines)}.",
        )
    return _page(arguments, file, lines)


def _page(arguments: ReadFile, file: TextFile, lines: list[str]) -> ToolOutput:
    wanted = lines[arguments.start - 1 : arguments.start - 1 + arguments.limit]
    shown = page_of(enumerate(wanted, arguments.start))
    last = arguments.start + len(shown) - 1
    notes = [file.described(), _invisible(shown, arguments.start)]
    if not file.text.endswith(("\n", "\r")) and last == len(lines):
        notes.append("no line end after the last line")
    head = f"{shown_path(arguments.path)}, lines {arguments.start}-{last} of {len(lines)}"
    head += "".join(f"; {note}" for note in notes if note)
    more = f"\n[To read on, send start={last + 1}.]" if last < len(lines) else ""
    return ToolOutput(content=head + "\n" + "\n".join(shown) + more, summary=head)


def _invisible(shown: list[str], start: int) -> str:
    """Where characters stand that nobody sees, such as those that turn the reading direction."""
    found = [
        f"line {number} ({', '.join(sorted({f'U+{ord(letter):04X}' for letter in letters}))})"
        for number, line in enumerate(shown, start)
        if (letters := INVISIBLE.findall(line))
    ]
    return (
        f"invisible characters in {', '.join(found[:5])}{' and more' if len(found) > 5 else ''}"
        if found
        else ""
    )
