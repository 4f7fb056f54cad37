"""Replace exact pieces of text in one or more files, all of them or none."""

import asyncio
import re
from dataclasses import dataclass, field

from pydantic import Field

from perdure.contracts.calls import Effect
from perdure.contracts.errors import ToolRejected
from perdure.workspace.paths import Files
from perdure.workspace.working_copy import WorkingCopy
from tools.blocks import Found, find_place
from tools.changes import Change, counted, open_for_change, preview_of_changes, write_all
from tools.paths import WorkspacePath, located, missing
from tools.syntax import syntax_error
from tools.text_files import TextFile, visible
from tools.tool_schemas import Arguments, Preview, ToolContext, ToolOutput, Touches, tool

EXPLAINED_BLOCKS = 3


class Block(Arguments):
    """One replacement."""

    path: WorkspacePath = Field(default="", description="File, if not the path above.")
    search: str = Field(
        max_length=200_000, description="Exact text, found once in the file. Empty: create the file."
    )
    replace: str = Field(max_length=1_000_000, description="The text to put there.")


class EditFile(Arguments):
    """Replace exact text in files. Give every search text exactly as read_file shows it, without line numbers, with
    enough lines to occur only once. Blocks apply in order; if one fails, nothing is written."""

    path: WorkspacePath = Field(default="", description="File of the blocks that name none.")
    blocks: list[Block] = Field(min_length=1, max_length=50)


@dataclass
class _Draft:
    """A file while blocks are applied to it; ``file`` is None until it exists."""

    file: TextFile | None
    before: TextFile | None = None
    data_before: bytes | None = None


@dataclass
class _Outcome:
    drafts: dict[str, _Draft] = field(default_factory=dict[str, _Draft])
    matched: list[int] = field(default_factory=list[int])
    refusals: dict[int, str] = field(default_factory=dict[int, str])


def _paths(arguments: EditFile) -> list[str]:
    return list(dict.fromkeys(block.path or arguments.path for block in arguments.blocks))


def _title(arguments: EditFile) -> str:
    count = len(arguments.blocks)
    return f"edit_file {', '.join(_paths(arguments))}, {count} {'hunk' if count == 1 else 'hunks'}"


def _touches(arguments: EditFile) -> Touches:
    return Touches(paths=tuple(_paths(arguments)))


async def _preview(arguments: EditFile, context: ToolContext) -> Preview:
    changes = await asyncio.to_thread(_work_out, arguments, context.copy)
    return preview_of_changes(_title(arguments), changes)


@tool(EditFile, title=_title, effect=Effect.WRITE, timeout_s=120, preview=_preview, touches=_touches)
async def edit_file(arguments: EditFile, context: ToolContext) -> ToolOutput:
    """Apply the blocks and show what changed."""
    changes = await asyncio.to_thread(_work_out, arguments, context.copy)
    if not changes:
        return ToolOutput(content="The files already read like this; nothing was written.")
    await asyncio.to_thread(write_all, context.copy.files, changes)
    summary = f"Edited {counted(changes)}."
    return ToolOutput(
        content=f"{summary}\n" + "".join(change.difference for change in changes),
        summary=summary,
        changed_paths=tuple(change.path for change in changes),
    )


def _work_out(arguments: EditFile, copy: WorkingCopy) -> list[Change]:
    """The end state of every file that changes; ToolRejected explains each block that has no place."""
    outcome = _Outcome()
    for number, block in enumerate(arguments.blocks, 1):
        refusal = _apply_block(outcome, copy, block, block.path or arguments.path)
        if refusal:
            outcome.refusals[number] = refusal
        else:
            outcome.matched.append(number)
    if outcome.refusals:
        raise _refusal(outcome, len(arguments.blocks))
    changes = [change for path, draft in outcome.drafts.items() if (change := _change(path, draft))]
    _check_syntax(changes)
    return changes


def _apply_block(outcome: _Outcome, copy: WorkingCopy, block: Block, named: str) -> str:
    """Apply one block to the draft of its file, or say why it cannot be applied."""
    if not named:
        return "it names no file, and neither does path."
    try:
        path = located(copy, named)
        draft = outcome.drafts.get(path) or _opened(copy.files, path)
        if draft.file is None and block.search:
            raise missing(copy.files, path)
    except ToolRejected as error:
        return str(error)
    outcome.drafts[path] = draft
    if not block.search:
        return _create(draft, path, block)
    return _replace(draft, draft.file, block) if draft.file else ""


def _opened(files: Files, path: str) -> _Draft:
    if not files.exists(path):
        return _Draft(file=None)
    file, data = open_for_change(files, path)
    return _Draft(file=file, before=file, data_before=data)


def _create(draft: _Draft, path: str, block: Block) -> str:
    if draft.file is not None and draft.file.text:
        return f"its search text is empty, which creates a file, but {path!r} exists and has text."
    draft.file = draft.file.with_text(block.replace) if draft.file else TextFile(path, block.replace)
    return ""


def _replace(draft: _Draft, file: TextFile, block: Block) -> str:
    place = find_place(file, block.search, block.replace)
    if not isinstance(place, Found):
        return f"in {file.path!r} {place.why}"
    draft.file = file.with_text(file.text[: place.start] + place.replacement + file.text[place.end :])
    return ""


def _change(path: str, draft: _Draft) -> Change | None:
    if draft.file is None:
        return None
    data = draft.file.encoded()
    if data == draft.data_before:
        return None
    return Change(path, draft.before, draft.data_before, draft.file, data)


def _refusal(outcome: _Outcome, count: int) -> ToolRejected:
    """What is wrong with each bad block, which ones are good, and what to send."""
    explained = list(outcome.refusals.items())[:EXPLAINED_BLOCKS]
    lines = [f"Block {number}: {why}" for number, why in explained]
    if len(outcome.refusals) > len(explained):
        rest = ", ".join(str(number) for number in list(outcome.refusals)[EXPLAINED_BLOCKS:])
        lines.append(f"Blocks {rest} fail too.")
    if count == 1:
        return ToolRejected(
            "Nothing was written. " + "\n".join(lines) + "\n", "Send the block again, mended."
        )
    good = ", ".join(map(str, outcome.matched))
    matched = f"Good as they are: {good}." if good else "No other block matches."
    return ToolRejected(
        f"Nothing was written, because {len(outcome.refusals)} of {count} blocks fail.\n"
        + "\n".join(lines)
        + f"\n{matched}\n",
        "Mend the failing blocks and send all blocks again in one call.",
    )


def _check_syntax(changes: list[Change]) -> None:
    """Refuse an end state that no longer parses where the file parsed before."""
    for change in changes:
        error = syntax_error(change.path, change.data_after)
        if error and not syntax_error(change.path, change.data_before or b""):
            raise ToolRejected(
                f"Nothing was written: after these blocks {change.path!r} would no longer parse, {error}.\n"
                f"{_around(change.after.text, error)}",
                "Check indentation and brackets of the replacement, and send all blocks again.",
            )


def _around(text: str, error: str) -> str:
    """The lines around the one that the error names, as they would read."""
    named = re.match(r"line (\d+)", error)
    if not named:
        return ""
    line, lines = int(named[1]), text.split("\n")
    first = max(1, line - 3)
    shown = "\n".join(
        f"{number}\t{lines[number - 1]}" for number in range(first, min(len(lines), line + 2) + 1)
    )
    return f"It would read:\n{visible(shown[:1_500])}\n"
