"""Run the project's tests and say which fail."""

import secrets
from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from perdure.contracts.calls import Effect
from perdure.safety.views import SandboxLimits, View
from tools.frameworks import detected, node_files, present
from tools.paths import WorkspacePath
from tools.programs import how_it_ended, run_program
from tools.test_comparison import ATTACHMENT, MEDIA_TYPE
from tools.test_frameworks.cases import TestCase, UnreadableReport, only
from tools.test_frameworks.commands import HELPER, REPORT, Command, Selection
from tools.test_frameworks.node_runner import node_command
from tools.test_frameworks.outcome import FrameworkRun, record_of, report_of
from tools.test_frameworks.pytest_runner import pytest_command
from tools.tool_schemas import Arguments, Attachment, ToolContext, ToolOutput, tool

LONGEST_S = 600
GRACE_S = 30.0

# The report is written inside the sandbox and dies with it, so it follows the output, behind a line that no test can
# know in advance.
SCRIPT = f"""
border=$1
printf %s "$2" >{HELPER}
shift 2
"$@"
code=$?
printf "\\n$border\\n"
cat {REPORT} 2>/dev/null
exit "$code"
"""


class RunTests(Arguments):
    """Run tests by pytest or node --test, on a copy of the files that is thrown away. Gives counts and failures."""

    framework: Literal["auto", "pytest", "node"] = "auto"
    paths: list[WorkspacePath] = Field(
        default=[], max_length=50, description="Files, folders or ids of tests; default all."
    )
    pattern: str = Field(default="", max_length=500, description="Only tests whose name matches.")
    timeout_s: int = Field(default=300, ge=1, le=LONGEST_S, description="Time limit in seconds.")


def _title(arguments: RunTests) -> str:
    which = ", ".join(arguments.paths) or "all tests"
    return f"run_tests {which}" + (f" matching {arguments.pattern!r}" if arguments.pattern else "")


@tool(
    RunTests,
    title=_title,
    effect=Effect.RUN,
    timeout_s=2 * LONGEST_S + GRACE_S,
    timeout_of=lambda a: 2 * a.timeout_s + GRACE_S,
)
async def run_tests(arguments: RunTests, context: ToolContext) -> ToolOutput:
    """Counts, the names of failing tests and what the first of them said."""
    runs = [await _run(command, context, arguments.timeout_s) for command in _commands(arguments, context)]
    attachments = [Attachment(f"{run.framework}-output.txt", run.output.encode()) for run in runs]
    attachments.append(
        Attachment(ATTACHMENT, record_of(runs).model_dump_json().encode(), media_type=MEDIA_TYPE)
    )
    return ToolOutput(
        "\n\n".join(report_of(run) for run in runs),
        ok=all(run.succeeded for run in runs),
        excerpt="; ".join(run.headline for run in runs),
        attachments=tuple(attachments),
    )


def _commands(arguments: RunTests, context: ToolContext) -> Sequence[Command]:
    files = context.copy.files
    paths = [present(files, path) for path in arguments.paths]
    frameworks = detected(files, paths) if arguments.framework == "auto" else [arguments.framework]
    selection = Selection(
        paths=tuple(path for path in paths if "::" not in path),
        ids=tuple(path for path in paths if "::" in path),
        pattern=arguments.pattern,
    )
    return [
        pytest_command(selection, context.toolchain)
        if framework == "pytest"
        else node_command(selection, context.toolchain, node_files(files, paths))
        for framework in frameworks
    ]


async def _run(command: Command, context: ToolContext, time_s: float) -> FrameworkRun:
    border = f"report-{secrets.token_hex(16)}"
    limits = SandboxLimits(time_s=time_s, output_bytes=16 * 1024**2)
    finished = await run_program(
        context,
        ["/bin/sh", "-c", SCRIPT, "sh", border, command.helper, *command.argv],
        view=View.SCRATCH,
        limits=limits,
        working_directory=command.folder,
    )
    output, _, report = finished.output.partition(f"\n{border}\n".encode())
    cases: list[TestCase] | None
    try:
        cases = only(command.cases_of(report), command.ids)
    except UnreadableReport:
        cases = None
    return FrameworkRun(
        framework=command.framework,
        folder=command.folder,
        cases=cases,
        exit_code=finished.exit_code,
        ended=how_it_ended(finished, limits),
        output=output.decode("utf-8", "backslashreplace").strip(),
    )
