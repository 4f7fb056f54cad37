"""ESLint and tsc on the JavaScript and TypeScript of a workspace, in the form of the checks of Python."""

from collections.abc import Sequence

from tools.checking.python_checks import Findings
from tools.node.batch import run_batch
from tools.node.checks import eslint_check, eslint_result, typescript_check, typescript_result
from tools.node.configurations import compiled_by, configuration_of
from tools.node.selection import belongs, chosen
from tools.tool_schemas import ToolContext

LONGEST_S = 240.0


async def eslint_findings(context: ToolContext, paths: Sequence[str]) -> Findings:
    """Lint by the project's configuration and version."""
    project, found = chosen(context, ".", paths)
    check = eslint_check(project, found, fix="none")
    batch = await run_batch(context, [check.command], time_s=LONGEST_S, write=check.write)
    return Findings(check.program.shown, eslint_result(batch.results[0]).diagnostics, check.note)


async def compiler_findings(context: ToolContext, paths: Sequence[str]) -> Findings | None:
    """Type errors of the configuration that compiles the files; None where the project has no configuration."""
    project, found = chosen(context, ".", paths)
    configuration = configuration_of(project)
    if configuration is None:
        return None
    checks = [typescript_check(project, each) for each in compiled_by(context.copy.files, configuration)]
    batch = await run_batch(context, [each.command for each in checks], time_s=LONGEST_S)
    results = [typescript_result(ended, folder=project.folder) for ended in batch.results]
    every = dict.fromkeys(diagnostic for result in results for diagnostic in result)
    shown = [each for each in every if belongs(each.path, found)]
    return Findings(checks[0].program.shown, shown, checks[0].note)
