"""Lint JavaScript and TypeScript, and mend on request."""

from pydantic import Field

from perdure.contracts.calls import Effect
from tools.diagnostics import Diagnostic, Severity, counted_diagnostics
from tools.editing.changes import Replacement, counted, preview_of_changes, write_all
from tools.node.batch import run_batch
from tools.node.checks import Check, eslint_result
from tools.node.checks import eslint_check as check_of
from tools.node.findings import listed
from tools.node.mending import mended
from tools.node.selection import chosen, touched
from tools.paths import WorkspacePath
from tools.tool_schemas import Arguments, Preview, ToolContext, ToolOutput, tool

LONGEST_S = 300.0
GRACE_S = 30.0


class EslintCheck(Arguments):
    """Lint JavaScript and TypeScript with ESLint, by the project's own configuration and version. With fix it writes
    what ESLint can mend by itself."""

    paths: list[WorkspacePath] = Field(default=[], max_length=200, description="Files or folders; none: all.")
    folder: WorkspacePath = Field(default=".", min_length=1, description="Folder of the project.")
    fix: bool = Field(default=False, description="Write ESLint's own fixes.")


def _title(arguments: EslintCheck) -> str:
    return (
        f"eslint_check{' (fixes)' if arguments.fix else ''} {' '.join(arguments.paths) or arguments.folder}"
    )


async def _preview(arguments: EslintCheck, context: ToolContext) -> Preview:
    _, _, changes = await _linted(arguments, context)
    return preview_of_changes(_title(arguments), changes)


@tool(
    EslintCheck,
    title=_title,
    effect=lambda a: Effect.WRITE if a.fix else Effect.RUN,
    effects=(Effect.RUN, Effect.WRITE),
    timeout_s=LONGEST_S + GRACE_S,
    preview=_preview,
    touches=lambda a: touched(a.paths, writes=a.fix),
)
async def eslint_check(arguments: EslintCheck, context: ToolContext) -> ToolOutput:
    """What ESLint finds, after its fixes where those were asked for."""
    check, diagnostics, changes = await _linted(arguments, context)
    write_all(context.copy.files, changes)
    counts = counted_diagnostics(diagnostics)
    fixed = (
        f" after fixing {counted(changes)}"
        if changes
        else ", nothing to fix by itself"
        if arguments.fix
        else ""
    )
    return ToolOutput(
        content="\n".join(
            filter(None, [f"{check.program.shown}: {counts}{fixed}.", check.note, listed(diagnostics)])
        ),
        ok=not any(each.severity is Severity.ERROR for each in diagnostics),
        summary=f"ESLint: {counts}{f', {len(changes)} files fixed' if changes else ''}",
        changed_paths=tuple(change.path for change in changes),
        diagnostics=diagnostics,
    )


async def _linted(
    arguments: EslintCheck, context: ToolContext
) -> tuple[Check, tuple[Diagnostic, ...], list[Replacement]]:
    project, paths = chosen(context, arguments.folder, arguments.paths)
    check = check_of(project, paths, fix="answer" if arguments.fix else "none")
    batch = await run_batch(context, [check.command], time_s=LONGEST_S, write=check.write)
    report = eslint_result(batch.results[0])
    return check, report.diagnostics, mended(context.copy.files, report.fixed, paths)
