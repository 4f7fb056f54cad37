"""Suggest improvements whose patches apply, give linters nothing new to say and keep the tests green."""

import posixpath
from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from perdure.contracts.calls import Effect
from perdure.contracts.errors import ToolRejected
from tools.editing.changes import (
    Replacement,
    changed_paths,
    counted,
    open_for_change,
    preview_of_changes,
    write_all,
)
from tools.improving.proofs import MOST_SUGGESTIONS, Prover
from tools.improving.subjects import Subject, material_of, subject_of
from tools.improving.suggestions import Judgement, Suggestions
from tools.paths import WorkspacePath
from tools.proving.parts import Parts, proved_parts
from tools.proving.sources import asked_model
from tools.reading.sightings import seen_after
from tools.text_files import TextFile
from tools.tool_schemas import Arguments, Preview, ToolContext, ToolOutput, Touches, tool

LONGEST_S = 1_800.0
FOCUSES = ("correctness", "readability", "performance", "security")
INSTRUCTIONS = (
    f"Suggest at most {MOST_SUGGESTIONS} improvements of the code, the most valuable first, each for lines that are shown, "
    "with its reason. Where a change is small give it as a patch: search texts copied exactly and standing once in the "
    "file, and what replaces them. A patch changes only the files asked about, keeps all tests passing, and neither "
    "changes tests nor silences a checker. Suggest nothing that the code does already."
)


class SuggestImprovements(Arguments):
    """Suggest improvements of a file, a function or a folder, with patches that were tried: they apply, linters find
    nothing new, and the tests still pass. What is not proved is marked."""

    path: WorkspacePath = Field(min_length=1, description="A file or folder.")
    symbol: str = Field(default="", max_length=200, description="Function or class, e.g. Cart.total.")
    focus: Literal["all", "correctness", "readability", "performance", "security"] = Field(
        default="all", description="What to look for."
    )
    apply: bool = Field(default=False, description="Also write the patches that are proved, together.")


@dataclass(frozen=True)
class Found:
    """What one call came to."""

    subject: Subject
    parts: Parts[Judgement]
    changes: tuple[Replacement, ...]
    """What is to be written; none where that was not asked for."""


def _title(arguments: SuggestImprovements) -> str:
    which = f" {arguments.symbol}" if arguments.symbol else ""
    focus = "" if arguments.focus == "all" else f", {arguments.focus}"
    return f"suggest_improvements{' (applies)' if arguments.apply else ''} {arguments.path}{which}{focus}"


async def _found(arguments: SuggestImprovements, context: ToolContext) -> Found:
    subject = await subject_of(context, arguments.path, arguments.symbol)
    prover = Prover(context, subject, on_top=arguments.apply)
    focus = ", ".join(FOCUSES) if arguments.focus == "all" else arguments.focus
    parts = await proved_parts(
        context,
        instructions=INSTRUCTIONS,
        material=material_of(subject, context, focus),
        answer=Suggestions,
        weigh=prover.weigh,
        what="suggestions",
    )
    files = {path: file for path, file in prover.files.items() if file is not subject.sources[path].file}
    changes = [_replacement(context, subject.sources[path].file, file) for path, file in files.items()]
    return Found(subject, parts, tuple(changes))


def _replacement(context: ToolContext, before: TextFile, after: TextFile) -> Replacement:
    # Refuses what must not be written, such as a read-only file.
    open_for_change(context.copy.files, after.path)
    return Replacement(after.path, before, before.encoded(), after, after.encoded())


async def _preview(arguments: SuggestImprovements, context: ToolContext) -> Preview:
    found = await _found(arguments, context)
    if not found.changes:
        raise ToolRejected(
            "Nothing would be written, because no patch is proved.",
            "Send it without apply to read the suggestions.",
        )
    return preview_of_changes(_title(arguments), found.changes)


@tool(
    SuggestImprovements,
    title=_title,
    effect=lambda a: Effect.WRITE if a.apply else Effect.RUN,
    effects=(Effect.RUN, Effect.WRITE),
    timeout_s=LONGEST_S,
    preview=_preview,
    touches=lambda a: Touches(paths=(posixpath.normpath(a.path),)) if a.apply else Touches(),
    output_limit=16_000,
)
async def suggest_improvements(arguments: SuggestImprovements, context: ToolContext) -> ToolOutput:
    """The suggestions, with what is proved of each patch and what is not."""
    found = await _found(arguments, context)
    held = found.parts.held
    seen = await seen_after(context.seen, found.changes)
    write_all(context.copy.files, found.changes)
    applied = found.changes and f", wrote {counted(found.changes)}"
    proved = sum(each.is_proved for each in held)
    summary = (
        f"{len(held)} suggestion{'' if len(held) == 1 else 's'}, {proved} with a proved patch{applied or ''}"
    )
    return ToolOutput(
        content="\n\n".join(_said(arguments, context, found, summary)),
        ok=bool(found.changes) or not arguments.apply,
        summary=summary,
        changed_paths=changed_paths(found.changes),
        seen=seen,
    )


def _said(arguments: SuggestImprovements, context: ToolContext, found: Found, summary: str) -> list[str]:
    parts = [f"{summary[0].upper()}{summary[1:]}. By {asked_model(context)}."]
    if not found.parts.held:
        parts.append("The model has nothing to suggest.")
    parts += [each.shown(number) for number, each in enumerate(found.parts.held, 1)]
    if found.parts.refused:
        listed = "\n".join(f"- {each}" for each in found.parts.refused)
        parts.append(f"Refused, because it does not hold (the model was told once):\n{listed}")
    if arguments.apply and not found.changes:
        parts.append("Nothing was written, because no patch is proved.")
    elif arguments.apply:
        parts.append("Only the proved patches were written; each was tried together with those above it.")
    if found.subject.left_out:
        parts.append("Not looked at: " + " ".join(found.subject.left_out))
    return parts
