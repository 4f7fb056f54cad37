"""Change parts of files: by search text, by line numbers, by symbol, or by patch; all of it or nothing."""

import asyncio
from typing import Literal

from pydantic import Field

from perdure.contracts.calls import Effect
from perdure.contracts.errors import ToolRejected
from perdure.workspace.working_copy import WorkingCopy
from tools.editing.block_edits import apply_blocks
from tools.editing.changes import Change, changed_paths, counted, preview_of_changes, write_all
from tools.editing.drafts import Drafts
from tools.editing.patch_edits import apply_patch, read_patch
from tools.editing.range_edits import apply_ranges
from tools.editing.script_gate import refuse_broken_files
from tools.editing.symbol_edits import SymbolEdit, apply_symbol_edit
from tools.paths import WorkspacePath, located
from tools.reading.sightings import effect_on, refuse_hidden_credentials, refuse_stale, seen_after
from tools.titles import one_line
from tools.tool_schemas import Arguments, Preview, ToolContext, ToolOutput, Touches, tool


class Block(Arguments):
    """One replacement."""

    path: WorkspacePath = ""
    search: str = Field(
        max_length=200_000, description="Text found once in the file; empty: create the file."
    )
    replace: str = Field(max_length=1_000_000)


class Range(Arguments):
    """Lines to replace, numbered on the file as it is."""

    path: WorkspacePath = ""
    start: int
    end: int = Field(description="Inclusive; start - 1 inserts before start.")
    expected: str = Field(max_length=200_000, description="What these lines say now.")
    replace: str = Field(max_length=1_000_000)


class EditFile(Arguments):
    """Edit files, all or nothing, by one of: blocks (exact search text as read_file shows it, without line numbers),
    ranges (lines by number), op and symbol (Python, JS, TS), or patch. Blocks apply in order."""

    path: WorkspacePath = Field(default="", description="File of what names none.")
    blocks: list[Block] = Field(default=[], max_length=100)
    ranges: list[Range] = Field(default=[], max_length=100)
    op: Literal["", "replace", "insert_before", "insert_after", "delete", "rename"] = ""
    symbol: str = Field(default="", max_length=300, description="Function, class or Class.method.")
    kind: Literal["", "function", "class", "method"] = ""
    text: str = Field(default="", max_length=1_000_000, description="The new code of op.")
    new_name: str = Field(default="", max_length=200)
    patch: str = Field(default="", max_length=2_000_000, description="Unified diff or *** Begin Patch.")


def _form(arguments: EditFile) -> str:
    """Which of the four forms the call has; ToolRejected for none or several."""
    given = {
        "blocks": bool(arguments.blocks),
        "ranges": bool(arguments.ranges),
        "symbol": bool(arguments.op or arguments.symbol),
        "patch": bool(arguments.patch),
    }
    forms = [form for form, present in given.items() if present]
    if len(forms) != 1:
        said = f"it has {' and '.join(forms)}" if forms else "it has none of them"
        raise ToolRejected(
            f"Nothing was written: an edit is either blocks, ranges, op with symbol, or patch; {said}.",
            "Send one form a call.",
        )
    return forms[0]


def _title(arguments: EditFile) -> str:
    if arguments.op or arguments.symbol:
        return one_line(f"edit_file {arguments.path}, {arguments.op} {arguments.symbol}")
    if arguments.patch:
        return f"edit_file by a patch of {arguments.patch.count(chr(10)) + 1} lines"
    parts = [*arguments.blocks, *arguments.ranges]
    paths = ", ".join(dict.fromkeys(part.path or arguments.path for part in parts))
    return f"edit_file {paths}, {len(parts)} {'hunk' if len(parts) == 1 else 'hunks'}"


def _touches(arguments: EditFile) -> Touches:
    if arguments.patch:
        try:
            files = read_patch(arguments.patch)
        except ToolRejected:
            # A patch that cannot be read is refused when it runs, so that it touches nothing.
            return Touches()
        paths = [path for made in files for path in (made.path, made.moved_to) if path]
    else:
        parts = [*arguments.blocks, *arguments.ranges]
        paths = [part.path or arguments.path for part in parts] or [arguments.path]
    return Touches(paths=tuple(dict.fromkeys(paths)))


async def _preview(arguments: EditFile, context: ToolContext) -> Preview:
    changes, _ = await asyncio.to_thread(_work_out, arguments, context.copy)
    await refuse_broken_files(context, changes)
    await _refuse_stale(arguments, context, changes)
    return preview_of_changes(_title(arguments), changes)


def _effect(arguments: EditFile) -> Effect:
    return effect_on(_touches(arguments).paths)


@tool(
    EditFile,
    title=_title,
    effect=_effect,
    effects=(Effect.WRITE, Effect.DESTRUCTIVE),
    timeout_s=120,
    preview=_preview,
    touches=_touches,
)
async def edit_file(arguments: EditFile, context: ToolContext) -> ToolOutput:
    """Make the edit and show what changed."""
    changes, notes = await asyncio.to_thread(_work_out, arguments, context.copy)
    if not changes:
        return ToolOutput(content="The files already read like this; nothing was written.")
    notes.append(await refuse_broken_files(context, changes))
    refuse_hidden_credentials(_touches(arguments).paths, changes)
    await _refuse_stale(arguments, context, changes)
    seen = await seen_after(context.seen, changes)
    await asyncio.to_thread(write_all, context.copy.files, changes)
    summary = f"Edited {counted(changes)}."
    text = "\n".join([summary, *filter(None, notes), "".join(change.difference for change in changes)])
    return ToolOutput(content=text, summary=summary, changed_paths=changed_paths(changes), seen=seen)


async def _refuse_stale(arguments: EditFile, context: ToolContext, changes: list[Change]) -> None:
    """ToolRejected where line numbers were taken from a file that has changed since."""
    if not arguments.ranges:
        return
    bare = [one.path or arguments.path for one in arguments.ranges if not one.expected]
    unguarded = {await asyncio.to_thread(located, context.copy, path) for path in bare}
    await refuse_stale(context.seen, changes, unguarded)


def _work_out(arguments: EditFile, copy: WorkingCopy) -> tuple[list[Change], list[str]]:
    """The end state of every file that changes, with what is worth saying of it; ToolRejected where it cannot be."""
    form = _form(arguments)
    drafts = Drafts(copy)
    notes: list[str] = []
    if form == "blocks":
        notes = apply_blocks(drafts, [(block.path or arguments.path, block) for block in arguments.blocks])
    elif form == "ranges":
        apply_ranges(drafts, [(one.path or arguments.path, one) for one in arguments.ranges])
    elif form == "patch":
        apply_patch(drafts, read_patch(arguments.patch))
    else:
        edit = SymbolEdit(arguments.op, arguments.symbol, arguments.kind, arguments.text, arguments.new_name)
        notes = apply_symbol_edit(drafts, arguments.path, edit)
    changes = drafts.changes()
    return changes, notes
