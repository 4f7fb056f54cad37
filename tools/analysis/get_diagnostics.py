"""What linters and type checkers say of files."""

import posixpath
from collections.abc import Sequence

from pydantic import Field

from perdure.contracts.calls import Effect
from perdure.contracts.errors import ToolRejected
from tools.checking.project_checks import project_checks
from tools.checking.python_checks import Findings
from tools.diagnostics import Diagnostic, Severity, counted_diagnostics
from tools.paths import WorkspacePath, located, missing
from tools.tool_schemas import Arguments, ToolContext, ToolOutput, tool

SHOWN = 80
ORDER = tuple(Severity)


class GetDiagnostics(Arguments):
    """Lint and type-check Python (ruff, mypy or pyright) and JavaScript or TypeScript (ESLint, tsc), by the project's own
    configuration and versions. Nothing is changed."""

    paths: list[WorkspacePath] = Field(default=[], max_length=100, description="Files or folders; none: all.")
    types: bool = Field(default=True, description="Also check types, which takes longer.")


@tool(
    GetDiagnostics,
    title=lambda a: f"get_diagnostics {' '.join(a.paths) or 'of everything'}",
    effect=Effect.RUN,
    timeout_s=900,
)
async def get_diagnostics(arguments: GetDiagnostics, context: ToolContext) -> ToolOutput:
    """Every finding in one form, errors first, with the program that says so."""
    paths = [posixpath.normpath(_existing(context, path)) for path in arguments.paths]
    checked = await project_checks(context, paths, types="always" if arguments.types else "never")
    if checked is None:
        raise ToolRejected(
            "Nothing there is written in Python, JavaScript or TypeScript.",
            "For other files send validate_syntax.",
        )
    if not checked.results:
        raise ToolRejected(" ".join(checked.not_run), "Mend what is named, and send this again.")
    return _output(checked.results, checked.not_run)


def _existing(context: ToolContext, path: str) -> str:
    target = located(context.copy, path)
    if not context.copy.files.exists(target):
        raise missing(context.copy.files, path)
    return target


def _output(results: Sequence[Findings], refusals: Sequence[str]) -> ToolOutput:
    found = sorted(
        dict.fromkeys(each for result in results for each in result.diagnostics),
        key=lambda each: (ORDER.index(each.severity), each.path, each.range, each.source),
    )
    heads = [f"{result.program}: {counted_diagnostics(result.diagnostics)}." for result in results]
    notes = [result.note for result in results if result.note]
    shown = [str(each) for each in found[:SHOWN]]
    if len(found) > SHOWN:
        shown.append(f"[{len(found) - SHOWN} more; name fewer paths.]")
    return ToolOutput(
        content="\n".join([*heads, *notes, *refusals, *shown]),
        ok=not any(_is_error(each) for each in found),
        summary=" ".join(heads),
        diagnostics=tuple(found),
    )


def _is_error(each: Diagnostic) -> bool:
    return each.severity is Severity.ERROR
