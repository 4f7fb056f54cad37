"""Run the project's tests and say which fail."""

import secrets
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from perdure.contracts.calls import Effect
from perdure.contracts.errors import ToolRejected
from perdure.safety.views import Finished, SandboxLimits, View
from tools.frameworks import detected, node_files, present
from tools.junit import TestCase, UnreadableReport, cases_of
from tools.model_view import for_model
from tools.paths import WorkspacePath
from tools.programs import how_it_ended, run_program
from tools.tool_schemas import Arguments, Attachment, ToolContext, ToolOutput, tool

LONGEST_S = 600
GRACE_S = 30.0
SHOWN_FAILURES = 5
SHOWN_NAMES = 30
DETAIL_CHARACTERS = 1_200
OUTPUT_CHARACTERS = 3_000
REPORT = "/tmp/report.xml"


class RunTests(Arguments):
    """Run tests by pytest or node --test, on a copy of the files that is thrown away. Gives counts and failures."""

    framework: Literal["auto", "pytest", "node"] = "auto"
    paths: list[WorkspacePath] = Field(
        default=[], max_length=50, description="Files or folders; default all."
    )
    pattern: str = Field(default="", max_length=500, description="Only tests whose name matches.")
    timeout_s: int = Field(default=300, ge=1, le=LONGEST_S, description="Time limit in seconds.")


@dataclass(frozen=True)
class _Run:
    """What one framework said."""

    framework: str
    cases: list[TestCase] | None
    """None where it gave no readable report."""
    finished: Finished
    ended: str
    output: str

    @property
    def counts(self) -> Counter[str]:
        return Counter(case.outcome for case in self.cases or [])

    @property
    def succeeded(self) -> bool:
        return self.finished.exit_code == 0 and self.counts["passed"] > 0 and self.counts["failed"] == 0


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
    files = context.copy.files
    paths = [present(files, path) for path in arguments.paths]
    frameworks = detected(files, paths) if arguments.framework == "auto" else [arguments.framework]
    runs = [await _run(framework, arguments, paths, context) for framework in frameworks]
    text = "\n\n".join(_report(run) for run in runs)
    attachments = tuple(Attachment(f"{run.framework}-output.txt", run.output.encode()) for run in runs)
    headline = "; ".join(_headline(run) for run in runs)
    return ToolOutput(text, ok=all(run.succeeded for run in runs), excerpt=headline, attachments=attachments)


async def _run(framework: str, arguments: RunTests, paths: Sequence[str], context: ToolContext) -> _Run:
    argv = _pytest(arguments, paths, context) if framework == "pytest" else _node(arguments, paths, context)
    # The report is written inside the sandbox and dies with it, so it follows the output, behind a line that no test
    # can know in advance.
    border = f"report-{secrets.token_hex(16)}"
    script = f'"$@"; code=$?; printf "\\n{border}\\n"; cat {REPORT} 2>/dev/null; exit "$code"'
    limits = SandboxLimits(time_s=float(arguments.timeout_s), output_bytes=16 * 1024**2)
    finished = await run_program(
        context, ["/bin/sh", "-c", script, "sh", *argv], view=View.SCRATCH, limits=limits
    )
    output, _, report = finished.output.partition(f"\n{border}\n".encode())
    try:
        cases = cases_of(report)
    except UnreadableReport:
        cases = None
    text = output.decode("utf-8", "backslashreplace").strip()
    return _Run(framework, cases, finished, how_it_ended(finished, limits), text)


def _pytest(arguments: RunTests, paths: Sequence[str], context: ToolContext) -> list[str]:
    argv = [
        str(context.toolchain.python),
        "-m",
        "pytest",
        "-p",
        "no:cacheprovider",
        "--color=no",
        "--tb=short",
    ]
    argv += [f"--junitxml={REPORT}", "--override-ini=junit_family=xunit1"]
    argv += [f"-k={arguments.pattern}"] if arguments.pattern else []
    return [*argv, "--", *paths] if paths else argv


def _node(arguments: RunTests, paths: Sequence[str], context: ToolContext) -> list[str]:
    node = context.toolchain.node
    if node is None:
        raise ToolRejected("Node is not installed on this worker, so its tests cannot run.")
    argv = [str(node), "--test", "--test-reporter=junit", f"--test-reporter-destination={REPORT}"]
    argv += ["--test-reporter=spec", "--test-reporter-destination=stdout"]
    argv += [f"--test-name-pattern={arguments.pattern}"] if arguments.pattern else []
    # Which folders Node searches differs between its releases, so it is given files.
    return [*argv, *(f"./{path}" for path in node_files(context.copy.files, paths))]


def _headline(run: _Run) -> str:
    counts = run.counts
    if run.cases is None or not counts:
        return f"{run.framework}: no tests ran, {run.ended}"
    numbers = ", ".join(
        f"{counts[outcome]} {outcome}" for outcome in ("passed", "failed", "skipped") if counts[outcome]
    )
    problem = "" if run.succeeded or counts["failed"] else ", but that is not success"
    return f"{run.framework}: {numbers}, {run.ended}{problem}"


def _report(run: _Run) -> str:
    failed = [case for case in run.cases or [] if case.outcome == "failed"]
    parts = [_headline(run)]
    if failed:
        names = [f"- {case.name}" for case in failed[:SHOWN_NAMES]]
        more = [f"- and {len(failed) - SHOWN_NAMES} more"] if len(failed) > SHOWN_NAMES else []
        parts.append("\n".join(["Failing:", *names, *more]))
    parts += [f"{case.name}:\n{_cut(case.detail)}" for case in failed[:SHOWN_FAILURES]]
    # A file that cannot even be loaded fails without a word in the report, so the output has to speak.
    silent = any(case.detail.startswith("[Error: test failed]") for case in failed)
    if run.output and not run.succeeded and (not failed or silent):
        parts.append(f"Output:\n{for_model(run.output, limit=OUTPUT_CHARACTERS)}")
    return "\n\n".join(parts)


def _cut(detail: str) -> str:
    if len(detail) <= DETAIL_CHARACTERS:
        return detail
    kept = DETAIL_CHARACTERS // 2
    return f"{detail[:kept]}\n[…]\n{detail[-kept:]}"
