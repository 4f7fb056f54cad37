"""Format files with Prettier, or say which it would format otherwise."""

from pydantic import Field

from perdure.contracts.calls import Effect
from tools.diagnostics import Diagnostic, Severity
from tools.editing.changes import Replacement, counted, preview_of_changes, write_all
from tools.node.batch import run_batch
from tools.node.checks import Check, prettier_check, prettier_result
from tools.node.findings import listed
from tools.node.mending import mended
from tools.node.projects import seen_inside
from tools.node.selection import chosen, touched
from tools.paths import WorkspacePath
from tools.tool_schemas import Arguments, Preview, ToolContext, ToolOutput, tool

LONGEST_S = 300.0
GRACE_S = 30.0


class PrettierFormat(Arguments):
    """Format files with Prettier, by the project's own configuration and version."""

    paths: list[WorkspacePath] = Field(default=[], max_length=200, description="Files or folders; none: all.")
    folder: WorkspacePath = Field(default=".", min_length=1, description="Folder of the project.")
    check: bool = Field(default=False, description="Only say which files are not formatted.")


def _title(arguments: PrettierFormat) -> str:
    return f"prettier_format{' (check)' if arguments.check else ''} {' '.join(arguments.paths) or arguments.folder}"


async def _preview(arguments: PrettierFormat, context: ToolContext) -> Preview:
    _, _, changes = await _formatted(arguments, context)
    return preview_of_changes(_title(arguments), changes)


@tool(
    PrettierFormat,
    title=_title,
    effect=lambda a: Effect.RUN if a.check else Effect.WRITE,
    effects=(Effect.WRITE, Effect.RUN),
    timeout_s=LONGEST_S + GRACE_S,
    preview=_preview,
    touches=lambda a: touched(a.paths, writes=not a.check),
)
async def prettier_format(arguments: PrettierFormat, context: ToolContext) -> ToolOutput:
    """Which files were formatted, or would be."""
    check, diagnostics, changes = await _formatted(arguments, context)
    if arguments.check:
        said = f"{len(diagnostics)} files are not formatted" if diagnostics else "every file is formatted"
        said, shown, changes = f"{said}.", diagnostics, list[Replacement]()
    else:
        shown = [each for each in diagnostics if each.severity is Severity.ERROR]
        said = f"formatted {counted(changes)}." if changes else "nothing to format."
    write_all(context.copy.files, changes)
    return ToolOutput(
        content="\n".join(filter(None, [f"{check.program.shown}: {said}", check.note, listed(shown)])),
        ok=not shown,
        summary=f"Prettier: {f'{len(changes)} files formatted' if changes else said}",
        changed_paths=tuple(change.path for change in changes),
        diagnostics=tuple(shown),
    )


async def _formatted(
    arguments: PrettierFormat, context: ToolContext
) -> tuple[Check, list[Diagnostic], list[Replacement]]:
    project, paths = chosen(context, arguments.folder, arguments.paths)
    check = prettier_check(project, paths, write=not arguments.check)
    batch = await run_batch(
        context, [check.command], time_s=LONGEST_S, write=check.write, throw_away=not arguments.check
    )
    listed_paths, diagnostics = prettier_result(batch.results[0], folder=project.folder)
    if arguments.check:
        return check, diagnostics, []
    texts = {path: batch.files.get(seen_inside(path)) for path in listed_paths}
    return check, diagnostics, mended(context.copy.files, texts, paths)
