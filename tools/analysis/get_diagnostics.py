"""What linters and type checkers say of files."""

import posixpath
from collections.abc import Awaitable, Iterator, Sequence

from pydantic import Field

from perdure.contracts.calls import Effect
from perdure.contracts.errors import ToolRejected
from tools.checking.python_checks import Findings, ruff_findings, type_findings
from tools.checking.script_checks import compiler_findings, eslint_findings
from tools.diagnostics import Diagnostic, Severity, counted_diagnostics
from tools.paths import WorkspacePath, located, missing
from tools.symbols.grammars import language_of_path
from tools.symbols.listing import source_files
from tools.tool_schemas import Arguments, ToolContext, ToolOutput, tool

SCRIPTS = ("javascript", "typescript", "tsx")
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
    present = await _languages(context, paths)
    if not present:
        raise ToolRejected(
            "Nothing there is written in Python, JavaScript or TypeScript.",
            "For other files send validate_syntax.",
        )
    results: list[Findings] = []
    refusals: list[str] = []
    for each in _checks(context, arguments, paths, present):
        try:
            found = await each
        except ToolRejected as refusal:
            # One program that cannot run must not hide what the others find.
            refusals.append(f"Not run: {refusal.message} {refusal.hint or ''}".strip())
        else:
            results += found
    if not results:
        raise ToolRejected(" ".join(refusals), "Mend what is named, and send this again.")
    return _output(results, refusals)


def _existing(context: ToolContext, path: str) -> str:
    target = located(context.copy, path)
    if not context.copy.files.exists(target):
        raise missing(context.copy.files, path)
    return target


async def _languages(context: ToolContext, paths: Sequence[str]) -> dict[str, list[str]]:
    """Files of each family at and below the paths; a path that is a file belongs to its own, ignored by Git or not."""
    known = await source_files(context, ("python", *SCRIPTS))
    found: dict[str, list[str]] = {}
    for path in dict.fromkeys([*known, *paths]):
        inside = not paths or any(each in {".", path} or path.startswith(f"{each}/") for each in paths)
        language = language_of_path(path)
        if inside and language is not None and language.name in {"python", *SCRIPTS}:
            family = "python" if language.name == "python" else "script"
            found.setdefault(family, []).append(path)
    return found


def _checks(
    context: ToolContext, arguments: GetDiagnostics, paths: Sequence[str], present: dict[str, list[str]]
) -> Iterator[Awaitable[Sequence[Findings]]]:
    """One after the other, since each of them fills a machine by itself."""
    python = _named(paths, present.get("python", []))
    if python:
        yield _one(ruff_findings(context, python))
        if arguments.types:
            yield type_findings(context, python)
    scripts = _named(paths, present.get("script", []))
    if scripts:
        wanted = [] if scripts == ["."] else scripts
        yield _one(eslint_findings(context, wanted))
        if arguments.types:
            yield _one(compiler_findings(context, wanted))


async def _one(asked: Awaitable[Findings | None]) -> Sequence[Findings]:
    found = await asked
    return [found] if found is not None else []


def _named(paths: Sequence[str], files: Sequence[str]) -> list[str]:
    """Of the paths those with files of a family at or below them; the whole workspace where none are named."""
    if not files:
        return []
    if not paths:
        return ["."]
    return [
        path for path in paths if path == "." or any(f == path or f.startswith(f"{path}/") for f in files)
    ]


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
