"""What safety costs before anything runs: the start of a fully sandboxed ``true``, and the policy's verdict on a call.

    python benchmarks/safety.py [--repeat 60]

``true`` is started on the level that holds here, and on level B, which holds where there are no namespaces,
as ``execute_command`` starts it: the environment, the mounts, the filter of system calls and the end of
the whole process tree are in its time. A verdict is the policy's word on one call, the analysis of its line of shell with
it; every line is another, so nothing is answered from memory.
"""

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from perdure.contracts.calls import Author, Effect, SandboxLevel
from perdure.contracts.judging import CallFacts, Named, Standing
from perdure.contracts.task import Mode, Safety
from perdure.safety.command.programs import programs
from perdure.safety.confinement import Confinement
from perdure.safety.policy import Policy
from perdure.safety.probing import probed_sandbox
from perdure.safety.report import SandboxReport
from perdure.safety.sandbox import Sandbox
from perdure.safety.views import SandboxLimits, View

MOST_MS = {"sandboxed true": 25.0, "true, level B": 25.0, "policy verdict": 1.0}


async def starts(repeat: int, *, confined: bool = False) -> list[float]:
    """Milliseconds of each run of ``true``, on the level that holds here or on level B."""
    with tempfile.TemporaryDirectory(prefix="perdure-") as name:
        root = Path(name) / "tree"
        root.mkdir()
        sandbox = await probed_sandbox(workspaces=Path(name))
        if confined:
            report = SandboxReport(SandboxLevel.B)
            sandbox = Sandbox(Confinement(sandbox.owner), owner=sandbox.owner, report=report)
        taken: list[float] = []
        for _ in range(repeat):
            began = time.perf_counter()
            finished = await sandbox.run(["true"], root=root, view=View.READ_ONLY, limits=SandboxLimits())
            taken.append((time.perf_counter() - began) * 1_000)
            if finished.exit_code != 0:
                raise SystemExit(f"true did not run: {finished}")
        return taken


def verdicts(policy: Policy) -> list[float]:
    """Milliseconds of the verdict on each line of every program's examples, and on calls that name files."""
    entries = {program.entry.names: program.entry for program in programs().values()}
    lines = [line for entry in entries.values() for line in (*entry.matches, *entry.does_not_match)]
    standing = Standing(Mode.CHANGE, Safety.STANDARD, Author.MODEL, user="ada", repository="/srv/code/a")
    calls = [CallFacts("execute_command", Effect.RUN, standing, Named(command=line)) for line in lines]
    calls += [
        CallFacts("write_file", Effect.WRITE, standing, Named(paths=(f"src/{number}/a.py",)))
        for number in range(len(lines) // 4)
    ]
    taken: list[float] = []
    for call in calls:
        began = time.perf_counter()
        policy.judge(call)
        taken.append((time.perf_counter() - began) * 1_000)
    return taken


def told(name: str, taken: list[float]) -> str:
    """One line: median, 95th percentile, and what the median may be at most."""
    middle, high = statistics.median(taken), statistics.quantiles(taken, n=20)[-1]
    fits = "as wanted" if middle <= MOST_MS[name] else "MORE than wanted"
    return f"{name:<15} median {middle:8.3f} ms, 95 % {high:8.3f} ms, n={len(taken)}; at most {MOST_MS[name]:g} ms: {fits}\n"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=60, help="how often true is started")
    options = parser.parse_args()
    sys.stdout.write(told("sandboxed true", asyncio.run(starts(options.repeat))))
    confined = asyncio.run(starts(options.repeat, confined=True))
    sys.stdout.write(told("true, level B", confined))
    sys.stdout.write(told("policy verdict", verdicts(Policy.load())))


if __name__ == "__main__":
    main()
