"""Write one whole text file."""

import asyncio

from pydantic import Field

from perdure.contracts.calls import Effect
from perdure.contracts.errors import ToolRejected
from perdure.workspace.working_copy import WorkingCopy
from tools.editing.changes import Replacement, counted, open_for_change, preview_of_changes, write_all
from tools.paths import WorkspacePath, located
from tools.reading.sightings import digest_of_file, effect_on, refuse_hidden_credentials, refuse_unread
from tools.syntax import syntax_error
from tools.text_files import TextFile, line_end_of, with_line_ends
from tools.titles import shown_path
from tools.tool_schemas import Arguments, Preview, ToolContext, ToolOutput, Touches, tool


class WriteFile(Arguments):
    """Create a text file, or replace all of one that was read. To change parts of a file use edit_file."""

    path: WorkspacePath = Field(
        min_length=1, description="Path from the workspace root; missing folders are made."
    )
    content: str = Field(max_length=1_000_000, description="The whole new text.")


def _title(arguments: WriteFile) -> str:
    return f"write_file {arguments.path}, {len(arguments.content.splitlines())} lines"


def _touches(arguments: WriteFile) -> Touches:
    return Touches(paths=(arguments.path,))


def _effect(arguments: WriteFile) -> Effect:
    return effect_on([arguments.path])


async def _preview(arguments: WriteFile, context: ToolContext) -> Preview:
    change = await asyncio.to_thread(_work_out, arguments, context.copy)
    await refuse_unread(context.seen, change)
    return preview_of_changes(_title(arguments), [change])


@tool(
    WriteFile,
    title=_title,
    effect=_effect,
    effects=(Effect.WRITE, Effect.DESTRUCTIVE),
    timeout_s=60,
    preview=_preview,
    touches=_touches,
)
async def write_file(arguments: WriteFile, context: ToolContext) -> ToolOutput:
    """Write the file in the encoding and with the line ends it had."""
    change = await asyncio.to_thread(_work_out, arguments, context.copy)
    if change.data_before == change.data_after:
        text = f"{shown_path(change.path)} already has exactly this content; nothing was written."
    else:
        refuse_hidden_credentials([arguments.path], [change])
        await refuse_unread(context.seen, change)
        await asyncio.to_thread(write_all, context.copy.files, [change])
        text = _said(change)
    return ToolOutput(
        content=text,
        changed_paths=(change.path,) if change.data_before != change.data_after else (),
        seen={change.path: digest_of_file(change.data_after)},
    )


def _work_out(arguments: WriteFile, copy: WorkingCopy) -> Replacement:
    files = copy.files
    path, content = located(copy, arguments.path), arguments.content
    if "\0" in content:
        raise ToolRejected(f"{path!r} was not written: the content holds a NUL character, so it is not text.")
    if not files.exists(path):
        after = TextFile(path, content)
        return Replacement(path, None, None, after, after.encoded())
    before, data = open_for_change(files, path)
    if before.line_end in {"crlf", "cr"} and line_end_of(content) == "lf":
        content = with_line_ends(content, before.line_end)
    after = before.with_text(content.removeprefix("\ufeff") if before.mark else content)
    if not before.invalid_bytes:
        try:
            return Replacement(path, before, data, after, after.encoded())
        except ToolRejected:
            # The new text has characters that the old encoding lacks; a whole file may change its encoding.
            pass
    after = TextFile(path, content)
    return Replacement(path, before, data, after, after.encoded())


def _said(change: Replacement) -> str:
    """What was written."""
    text = f"Wrote {counted([change])}, {len(change.data_after):,} bytes"
    described = change.after.described()
    text += f"; {described}." if described else "."
    if change.before and change.before.encoding != change.after.encoding:
        text += f" It was {change.before.encoding} before, which lacks some of the new characters."
    error = syntax_error(change.path, change.data_after)
    if error:
        text += f"\nwarning: it does not parse: {error}"
    return text
