"""Runs tests on files that exist only in a view that is thrown away, as they are and with a function broken."""

import asyncio
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from perdure.contracts.errors import ToolRejected
from perdure.safety.environment import WORKSPACE
from perdure.safety.views import SandboxLimits, View
from tools.programs import how_it_ended, run_program
from tools.proving.mutants import Mutant
from tools.test_frameworks.commands import Command
from tools.tool_schemas import ToolContext

PROGRAM = Path(__file__).with_name("proof_program.py")
PLUGIN = Path(__file__).with_name("proof_plugin.py")
PLUGINS = "/tmp/perdure-proof"
REPORT = "/tmp/perdure-proof.json"
AT_ONCE = 2
SHORTEST_S = 10.0


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

    def of(self, outcome: str) -> list[str]:
        """Ids of the tests that ended so."""
        return [name for name, case in self.cases.items() if case.outcome == outcome]


async def proof_run(
    context: ToolContext, command: Command, files: Mapping[str, str], *, time_s: float
) -> ProofRun:
    """Run pytest with these files in place; nothing of it stays."""
    border = f"proof-{secrets.token_hex(16)}"
    request = {
        "write": {**{f"{WORKSPACE}/{path}": text for path, text in files.items()}}
        | {f"{PLUGINS}/proof_plugin.py": PLUGIN.read_text()},
        "argv": _with_plugin(command.argv),
        "folder": f"{WORKSPACE}/{command.folder}",
        "report": REPORT,
        "border": border,
    }
    limits = SandboxLimits(time_s=time_s)
    finished = await run_program(
        context,
        [str(context.toolchain.python), "-c", PROGRAM.read_text()],
        view=View.SCRATCH,
        limits=limits,
        environment={"PYTHONDONTWRITEBYTECODE": "1", "PYTHONPYCACHEPREFIX": "/tmp/pycache"},
        stdin=json.dumps(request).encode("utf-8", "surrogatepass"),
    )
    output, found, answer = finished.output.decode("utf-8", "replace").partition(border)
    if not found:
        ended = how_it_ended(finished, limits)
        return ProofRun({}, output=output[-2_000:], ended=ended, duration_s=finished.duration_s)
    told: dict[str, Any] = json.loads(answer)
    if not told["report"]:
        ended = f"exit code {told['code']}"
        return ProofRun({}, output=told["output"], ended=ended, duration_s=finished.duration_s)
    report: dict[str, Any] = json.loads(told["report"])
    return ProofRun(
        {name: Case(**case) for name, case in report["cases"].items()},
        tuple(report["errors"]),
        tuple(path.removeprefix(f"{WORKSPACE}/") for path in report["written"]),
        told["output"],
        duration_s=finished.duration_s,
    )


def _with_plugin(argv: Sequence[str]) -> list[str]:
    """The command with our plugin loaded, and its folder where Python looks for modules."""
    words = list(argv)
    place = words.index("pytest") + 1
    words[place:place] = ["-p", "proof_plugin"]
    if words[1].startswith("PYTHONPATH="):
        words[1] += f":{PLUGINS}"
        return words
    return ["/usr/bin/env", f"PYTHONPATH={PLUGINS}", *words]


@dataclass
class Score:
    """What became of the breaks of each symbol."""

    killed: list[Mutant] = field(default_factory=list[Mutant])
    survived: list[Mutant] = field(default_factory=list[Mutant])
    unclear: list[Mutant] = field(default_factory=list[Mutant])
    """Breaks with which the tests did not end, or could not be loaded."""
    asserted: list[Mutant] = field(default_factory=list[Mutant])
    """Of the killed ones those that an assertion noticed."""

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


async def scored(
    context: ToolContext,
    command: Command,
    files: Mapping[str, str],
    path: str,
    mutants: Sequence[Mutant],
    *,
    good: ProofRun,
) -> Score:
    """Run the tests with each break of ``path``; those that passed before tell whether they notice it."""
    score, free = Score(), asyncio.Semaphore(AT_ONCE)
    time_s = max(SHORTEST_S, 5 * good.duration_s + 5)
    passed = set(good.of("passed"))

    async def judge(mutant: Mutant) -> None:
        async with free:
            context.beat(f"breaking {mutant.symbol}")
            text = mutant.source.decode("utf-8", "surrogateescape")
            run = await proof_run(context, command, {**files, path: text}, time_s=time_s)
        failed = [run.cases[name] for name in run.of("failed") if name in passed]
        if run.ended or run.errors:
            score.unclear.append(mutant)
        elif failed:
            score.killed.append(mutant)
            if any(case.asserted for case in failed):
                score.asserted.append(mutant)
        else:
            score.survived.append(mutant)

    running = [asyncio.create_task(judge(mutant)) for mutant in mutants]
    try:
        await asyncio.gather(*running)
    finally:
        for task in running:
            task.cancel()
    return score


def refuse_unless_run(run: ProofRun) -> None:
    """ToolRejected where the tests could not be run at all, through no fault of theirs."""
    if run.ended:
        raise ToolRejected(
            f"pytest gave no report: {run.ended}. {run.output[-800:]}".strip(),
            "See with run_tests whether the project's tests run at all.",
        )
