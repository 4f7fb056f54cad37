"""Run the project's tests and say which fail."""

import secrets
import time
from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from perdure.contracts.calls import Effect
from perdure.contracts.errors import ToolRejected
from perdure.safety.views import Finished, SandboxLimits, View
from tools.paths import WorkspacePath
from tools.programs import how_it_ended, run_program
from tools.test_changes.fewer import fewer_tests
from tools.test_comparison import ATTACHMENT, MEDIA_TYPE
from tools.test_frameworks.cases import TestCase, UnreadableReport, only
from tools.test_frameworks.commands import REPORT, Command, Unable
from tools.test_frameworks.outcome import FrameworkRun, record_of, report_of
from tools.test_frameworks.plans import planned
from tools.test_selection.change import Change, change_since
from tools.test_selection.choosing import Choice, Choosing
from tools.tool_schemas import Arguments, Artifact, ToolContext, ToolOutput, tool

LONGEST_S = 600
GRACE_S = 60.0
OUTPUT_BYTES = 16 * 1024**2

NO_SOCKET = (b"INTERNALERROR", b"pytest_rerunfailures", b"Address family not supported")
"""What pytest says where the sandbox refuses every Internet socket: beside pytest-xdist this plugin serves on one."""

# The report is written inside the sandbox and dies with it, so it follows the output, behind a line that no test prints
# by chance. A suite that wants to deceive can: its programs run beside the framework and could write its report as well.
SCRIPT = f"""
border=$1
printf %s "$3" >"$2"
shift 3
"$@"
code=$?
printf "\\n$border\\n"
cat {REPORT} 2>/dev/null
exit "$code"
"""


class RunTests(Arguments):
    """Run the project's tests, on a copy of the files that is thrown away. Gives counts and failures."""

    framework: Literal[
        "auto", "pytest", "unittest", "node", "vitest", "jest", "mocha", "go", "cargo", "script"
    ] = "auto"
    paths: list[WorkspacePath] = Field(
        default=[], max_length=50, description="Files, folders or ids of tests; default all."
    )
    pattern: str = Field(default="", max_length=500, description="Only tests whose name matches.")
    affected: bool = Field(default=False, description="Only tests that the change affects.")
    since: str = Field(
        default="",
        max_length=250,
        description="Commit or branch the change is against; default the task's base.",
    )
    timeout_s: int = Field(
        default=300, ge=1, le=LONGEST_S, description="Time limit in seconds, for all together."
    )


def _title(arguments: RunTests) -> str:
    which = ", ".join(arguments.paths) or "all tests"
    which = f"affected of {which}" if arguments.affected else which
    return f"run_tests {which}" + (f" matching {arguments.pattern!r}" if arguments.pattern else "")


@tool(
    RunTests,
    title=_title,
    effect=Effect.RUN,
    timeout_s=LONGEST_S + GRACE_S,
    timeout_of=lambda a: a.timeout_s + GRACE_S,
)
async def run_tests(arguments: RunTests, context: ToolContext) -> ToolOutput:
    """Counts, the names of failing tests and what the first of them said, and which tests no longer count."""
    change = await change_since(context, arguments.since)
    fewer = await fewer_tests(context, change.paths, commit=change.commit, against=change.against)
    try:
        choice, plans = await _chosen(arguments, context, change)
    except ToolRejected as refusal:
        if not fewer.headline:
            raise
        # Where every test is gone, that is the news.
        raise ToolRejected(f"{refusal.message} {fewer.headline}.", refusal.hint) from refusal
    end = time.monotonic() + arguments.timeout_s
    runs = [await _run(plan, context, end - time.monotonic()) for plan in plans]
    attachments = [
        Artifact(f"{run.framework}-output.txt", run.output.encode()) for run in runs if not run.unable
    ]
    record = record_of(runs).model_dump_json().encode()
    attachments.append(Artifact(ATTACHMENT, record, media_type=MEDIA_TYPE))
    parts = [fewer.report, choice.report if choice else "", *(report_of(run) for run in runs)]
    heads = [choice.headline if choice else "", *(run.headline for run in runs), fewer.headline]
    return ToolOutput(
        "\n\n".join(filter(None, parts)),
        ok=all(run.succeeded for run in runs),
        summary="; ".join(filter(None, heads)),
        artifacts=tuple(attachments),
    )


async def _chosen(
    arguments: RunTests, context: ToolContext, change: Change
) -> tuple[Choice | None, Sequence[Command | Unable]]:
    """What runs, and why, where the change chooses."""
    wanted = {"framework": arguments.framework, "pattern": arguments.pattern}
    if not arguments.affected:
        return None, await planned(context, paths=arguments.paths, **wanted)
    choice = await Choosing(context, change, paths=arguments.paths, **wanted).choice()
    return choice, choice.plans


async def _run(plan: Command | Unable, context: ToolContext, time_s: float) -> FrameworkRun:
    if isinstance(plan, Command) and time_s > 0:
        return await _started(plan, context, time_s)
    why = plan.why if isinstance(plan, Unable) else "The time limit was over before its turn came."
    return FrameworkRun(plan.framework, plan.folder, None, None, "", "", unable=why)


async def _ended(
    command: Command, argv: Sequence[str], border: str, context: ToolContext, limits: SandboxLimits
) -> Finished:
    helper = command.helper
    return await run_program(
        context,
        ["/bin/sh", "-c", SCRIPT, "sh", border, helper.path, helper.text, *argv],
        view=View.SCRATCH,
        limits=limits,
        working_directory=command.folder,
    )


def _without_server(argv: Sequence[str]) -> list[str]:
    """Pytest's command without the plugin that must have a socket."""
    after = argv.index("pytest") + 1
    return [*argv[:after], "-p", "no:rerunfailures", *argv[after:]]


async def _started(command: Command, context: ToolContext, time_s: float) -> FrameworkRun:
    border = f"report-{secrets.token_hex(16)}"
    limits = SandboxLimits(time_s=round(time_s, 1) or 0.1, output_bytes=OUTPUT_BYTES)
    finished = await _ended(command, command.argv, border, context, limits)
    if command.framework == "pytest" and all(words in finished.output for words in NO_SOCKET):
        finished = await _ended(command, _without_server(command.argv), border, context, limits)
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
        why=command.why,
        none_said=command.none_said,
    )
