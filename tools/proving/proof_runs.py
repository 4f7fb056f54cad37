"""Runs tests on files that exist only in a view that is thrown away, as they are and with a function broken."""

import json
import math
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from perdure.contracts.errors import ToolRejected
from perdure.safety.environment import WORKSPACE
from perdure.safety.secrets.cutting import ending
from perdure.safety.views import SandboxLimits, View
from tools.programs import how_it_ended, run_program
from tools.proving.mutants import Mutant
from tools.test_frameworks.commands import Command
from tools.tool_schemas import ToolContext

DETAIL_CHARACTERS = 1_500
"""What is shown of why a test failed. The program gives more of it, so that the border is ours to choose."""
PROGRAM = Path(__file__).with_name("proof_program.py")
ENVIRONMENT = {"PYTHONDONTWRITEBYTECODE": "1", "COVERAGE_FILE": "/tmp/coverage"}
NOT_WANTED = ("--junitxml", "--override-ini=junit_family")
"""Options of a run by itself, whose report is not read here."""
START_S = 60.0
SHORTEST_S = 20.0
SHORTEST_CPU_S = 3


@dataclass(frozen=True)
class Case:
    """How one test ended; ``asserted`` where it failed because what it asserts does not hold."""

    outcome: str
    asserted: bool = False
    detail: str = ""


@dataclass(frozen=True)
class ProofRun:
    """One run of the tests."""

    cases: Mapping[str, Case]
    errors: tuple[str, ...] = ()
    """What could not be loaded."""
    written: tuple[str, ...] = ()
    """Files outside of temporary folders that the tests wrote."""
    output: str = ""
    ended: str = ""
    """Why there is no report; empty where there is one."""
    duration_s: float = 0.0
    cpu_s: float = 0.0

    def of(self, outcome: str) -> list[str]:
        """Ids of the tests that ended so."""
        return [name for name, case in self.cases.items() if case.outcome == outcome]


async def proof_runs(
    context: ToolContext,
    command: Command,
    jobs: Sequence[Mapping[str, str]],
    *,
    time_s: float,
    cpu_s: int = 0,
) -> list[ProofRun]:
    """Run pytest once with each of these sets of files in place; no run sees anything of another, and nothing stays.

    ``time_s`` and ``cpu_s`` (0: none) bound one run.
    """
    runs: list[ProofRun] = []
    alone = False
    while len(runs) < len(jobs):
        rest = jobs[len(runs) : len(runs) + 1] if alone else jobs[len(runs) :]
        told = await _session(context, command, rest, time_s=time_s, cpu_s=cpu_s, alone=alone)
        runs += told.runs
        alone = alone or told.alone
    return runs


@dataclass(frozen=True)
class _Session:
    """What came of one sandbox: at least one run, or that each run needs one of its own."""

    runs: list[ProofRun]
    alone: bool = False


async def _session(
    context: ToolContext,
    command: Command,
    jobs: Sequence[Mapping[str, str]],
    *,
    time_s: float,
    cpu_s: int,
    alone: bool,
) -> _Session:
    border = f"proof-{secrets.token_hex(16)}"
    place = command.argv.index("pytest")
    request = {
        "jobs": [{f"{WORKSPACE}/{path}": text for path, text in job.items()} for job in jobs],
        "options": [word for word in command.argv[place + 1 :] if not word.startswith(NOT_WANTED)],
        "root": WORKSPACE,
        "time_s": time_s,
        "cpu_s": cpu_s,
        "alone": alone,
        "border": border,
    }
    limits = SandboxLimits(time_s=time_s * len(jobs) + START_S)
    finished = await run_program(
        context,
        [*command.argv[: place - 1], "-c", PROGRAM.read_text()],
        view=View.SCRATCH,
        limits=limits,
        working_directory=command.folder,
        environment=ENVIRONMENT,
        stdin=json.dumps(request).encode("utf-8", "surrogatepass"),
    )
    printed, *answers = finished.output.decode("utf-8", "replace").split(f"\n{border}")
    told: list[dict[str, Any]] = [json.loads(answer.partition("\n")[0]) for answer in answers]
    if any("alone" in each for each in told):
        return _Session([], alone=True)
    runs = [_read(each) for each in told]
    stopped = finished.exit_code != 0 and not alone
    if len(runs) < len(jobs) and (stopped or not runs):
        ended = how_it_ended(finished, limits)
        runs.append(ProofRun({}, output=ending(printed, 2_000), ended=ended, duration_s=finished.duration_s))
    return _Session(runs)


def _read(told: Mapping[str, Any]) -> ProofRun:
    return ProofRun(
        {
            name: Case(case["outcome"], case["asserted"], ending(case["detail"], DETAIL_CHARACTERS))
            for name, case in told["cases"].items()
        },
        tuple(ending(each, DETAIL_CHARACTERS) for each in told["errors"]),
        tuple(path.removeprefix(f"{WORKSPACE}/") for path in told["written"]),
        told["output"],
        told["ended"],
        told["duration_s"],
        told["cpu_s"],
    )


@dataclass
class Score:
    """What became of the breaks of each symbol."""

    killed: list[Mutant] = field(default_factory=list[Mutant])
    survived: list[Mutant] = field(default_factory=list[Mutant])
    unclear: list[Mutant] = field(default_factory=list[Mutant])
    """Breaks with which the tests did not end, or could not be loaded."""
    asserted: list[Mutant] = field(default_factory=list[Mutant])
    """Of the killed ones those that an assertion noticed."""
    unsteady: list[str] = field(default_factory=list[str])
    """Tests that passed at first and then, with nothing broken, did not."""

    def proves(self, symbol: str) -> bool:
        """Whether an assertion noticed a break, and not only that there is no value at all."""
        noticed = [each for each in self.asserted if each.symbol == symbol]
        finer = [
            each for each in (*self.killed, *self.survived) if each.symbol == symbol and not each.empties
        ]
        return any(not each.empties for each in self.killed if each.symbol == symbol and noticed) or (
            bool(noticed) and len(finer) < 2
        )

    @property
    def shown(self) -> str:
        """``9 of 11 (82 %)``."""
        known = len(self.killed) + len(self.survived)
        return (
            f"{len(self.killed)} of {known} ({round(100 * len(self.killed) / known)} %)" if known else "none"
        )


class RunsTests(Protocol):
    """Runs the tests of one proof."""

    async def __call__(
        self, jobs: Sequence[Mapping[str, str]], *, time_s: float, cpu_s: int = 0
    ) -> list[ProofRun]:
        """One run for each set of files, each bounded by these seconds."""
        ...


async def scored(
    run: RunsTests,
    files: Mapping[str, str],
    path: str,
    mutants: Sequence[Mutant],
    *,
    good: ProofRun,
) -> Score:
    """Run the tests once more, and with each break of ``path``; those that passed before tell whether they notice it."""
    runs = await run(
        [files, *({**files, path: mutant.source.decode("utf-8", "surrogateescape")} for mutant in mutants)],
        time_s=max(SHORTEST_S, 10 * good.duration_s),
        # A break that never ends is found by what it costs, however busy the machine is.
        cpu_s=SHORTEST_CPU_S + math.ceil(5 * good.cpu_s),
    )
    score, passed = Score(), set(good.of("passed"))
    score.unsteady = sorted(passed - set(runs[0].of("passed")))
    for mutant, broken in zip(mutants, runs[1:], strict=True):
        failed = [broken.cases[name] for name in broken.of("failed") if name in passed]
        if broken.ended or broken.errors:
            score.unclear.append(mutant)
        elif failed:
            score.killed.append(mutant)
            if any(case.asserted for case in failed):
                score.asserted.append(mutant)
        else:
            score.survived.append(mutant)
    return score


def refuse_unless_run(run: ProofRun, framework: str) -> None:
    """ToolRejected where the tests could not be run at all, through no fault of theirs."""
    if run.ended:
        raise ToolRejected(
            f"{framework} gave no report: {run.ended}. {ending(run.output, 800)}".strip(),
            "See with run_tests whether the project's tests run at all.",
        )
