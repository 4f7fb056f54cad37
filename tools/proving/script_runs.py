"""Runs tests of JavaScript and TypeScript on files that exist only in a view that is thrown away."""

import asyncio
import json
import re
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from perdure.safety.environment import WORKSPACE
from perdure.safety.secrets.cutting import ending
from perdure.safety.views import View
from tools.node.batch import limits_of
from tools.programs import how_it_ended, run_program
from tools.proving.proof_runs import START_S, Case, ProofRun
from tools.test_frameworks.cases import UnreadableReport
from tools.test_frameworks.commands import NO_HELPER, REPORT, Command
from tools.tool_schemas import ToolContext

PROGRAM = Path(__file__).with_name("script_program.py")
AT_ONCE = 2
ASSERTED = re.compile(r"\bAssertionError\b|\bERR_ASSERTION\b|\bexpect\(|\bJestAssertionError\b")


async def script_runs(
    context: ToolContext,
    command: Command,
    jobs: Sequence[Mapping[str, str]],
    *,
    time_s: float,
    cpu_s: int = 0,
) -> list[ProofRun]:
    """Run the tests once with each of these sets of files in place, each in a sandbox of its own."""
    free = asyncio.Semaphore(AT_ONCE)

    async def run(job: Mapping[str, str]) -> ProofRun:
        async with free:
            return await _run(context, command, job, time_s=time_s, cpu_s=cpu_s)

    running = [asyncio.create_task(run(job)) for job in jobs]
    try:
        return await asyncio.gather(*running)
    finally:
        for task in running:
            task.cancel()


async def _run(
    context: ToolContext, command: Command, job: Mapping[str, str], *, time_s: float, cpu_s: int
) -> ProofRun:
    border = f"proof-{secrets.token_hex(16)}"
    helper = {} if command.helper == NO_HELPER else {command.helper.path: command.helper.text}
    request = {
        "files": {**{f"{WORKSPACE}/{path}": text for path, text in job.items()}, **helper},
        "argv": command.argv,
        "root": WORKSPACE,
        "report": REPORT,
        "cpu_s": cpu_s,
        "border": border,
    }
    limits = limits_of(time_s + START_S)
    finished = await run_program(
        context,
        [str(context.toolchain.own_python), "-I", "-S", "-c", PROGRAM.read_text()],
        view=View.SCRATCH,
        limits=limits,
        working_directory=command.folder,
        stdin=json.dumps(request).encode("utf-8", "surrogatepass"),
    )
    output, found, answer = finished.output.decode("utf-8", "replace").partition(f"\n{border}")
    if not found:
        ended = how_it_ended(finished, limits)
        return ProofRun({}, output=ending(output, 2_000), ended=ended, duration_s=finished.duration_s)
    return _read(command, json.loads(answer))


def _read(command: Command, told: Mapping[str, Any]) -> ProofRun:
    written = tuple(path.removeprefix(f"{WORKSPACE}/") for path in told["written"])
    times = {"duration_s": told["duration_s"], "cpu_s": told["cpu_s"]}
    try:
        found = command.cases_of(told["report"].encode())
    except UnreadableReport:
        ended = f"exit code {told['code']}"
        return ProofRun({}, (), written, told["output"], ended, **times)
    cases = {
        case.id: Case(case.outcome, bool(ASSERTED.search(case.detail)), ending(case.detail, 1_500))
        for case in found
        if "::" in case.id
    }
    # What has no name is a file that could not be loaded.
    errors = tuple(ending(case.detail, 1_500) for case in found if "::" not in case.id)
    return ProofRun(cases, errors, written, told["output"], **times)
