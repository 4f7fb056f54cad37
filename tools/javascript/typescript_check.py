"""Check the types of a TypeScript project."""

import posixpath

from pydantic import Field

from perdure.contracts.calls import Effect
from perdure.contracts.errors import ToolRejected
from tools.diagnostics import Severity, counted_diagnostics
from tools.node.batch import run_batch
from tools.node.checks import typescript_check as check_of
from tools.node.checks import typescript_result
from tools.node.configurations import compiled_by, configuration_of
from tools.node.findings import listed
from tools.node.selection import belongs, chosen
from tools.paths import WorkspacePath
from tools.tool_schemas import Arguments, ToolContext, ToolOutput, tool

LONGEST_S = 300.0
GRACE_S = 30.0


class TypescriptCheck(Arguments):
    """Check the types of a TypeScript project (tsc by its own tsconfig.json and version); nothing is changed."""

    folder: WorkspacePath = Field(default=".", min_length=1, description="Folder of the project.")
    paths: list[WorkspacePath] = Field(
        default=[], max_length=200, description="Show only what concerns these."
    )


@tool(
    TypescriptCheck,
    title=lambda a: f"typescript_check {' '.join(a.paths) or a.folder}",
    effect=Effect.RUN,
    timeout_s=LONGEST_S + GRACE_S,
)
async def typescript_check(arguments: TypescriptCheck, context: ToolContext) -> ToolOutput:
    """Every type error with its place."""
    project, paths = chosen(context, arguments.folder, arguments.paths)
    configuration = configuration_of(project)
    if configuration is None:
        raise ToolRejected(
            f"{project.folder!r} has neither tsconfig.json nor jsconfig.json, so it has no types to check.",
            "Name the folder of a TypeScript project, or send eslint_check.",
        )
    checks = [check_of(project, each) for each in compiled_by(context.copy.files, configuration)]
    batch = await run_batch(context, [each.command for each in checks], time_s=LONGEST_S)
    results = [typescript_result(ended, folder=project.folder) for ended in batch.results]
    every = list(dict.fromkeys(diagnostic for result in results for diagnostic in result))
    shown = [each for each in every if belongs(each.path, paths)]
    counts = counted_diagnostics(shown)
    lines = [
        f"{checks[0].program.shown}, {posixpath.normpath(configuration)}: {counts}.",
        checks[0].note,
        listed(shown),
    ]
    if len(every) > len(shown):
        lines.append(f"{len(every) - len(shown)} more in files that were not asked for.")
    return ToolOutput(
        content="\n".join(filter(None, lines)),
        ok=not any(each.severity is Severity.ERROR for each in shown),
        summary=f"{checks[0].program.name}: {counts}",
        diagnostics=tuple(shown),
    )
