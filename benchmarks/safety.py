"""What safety costs: the start of a fully sandboxed ``true``, the policy's verdict on a call, a look for credentials.

    python benchmarks/safety.py [--repeat 60]

``true`` is started on the level that holds here, and on level B, which holds where there are no namespaces,
as ``execute_command`` starts it: the environment, the mounts, the filter of system calls and the end of
the whole process tree are in its time. A verdict is the policy's word on one call, the analysis of its line of shell with
it; every line is another, so nothing is answered from memory. A look for credentials is at 100,000 characters: source of this
project, and lines of a log, each with twenty values that are known; "again" is the same text at its next door.
"""

import argparse
import asyncio
import random
import secrets
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
from perdure.safety.secrets import KnownValue, Screens
from perdure.safety.views import SandboxLimits, View

CHARACTERS = 100_000
MOST_MS = {
    "sandboxed true": 25.0,
    "true, level B": 25.0,
    "policy verdict": 1.0,
    "look at source": 20.0,
    "look at log": 20.0,
    "look again": 0.1,
}


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


def source_text() -> str:
    """As much of this project as one look is at."""
    files = sorted((Path(__file__).resolve().parents[1] / "perdure").rglob("*.py"))
    return "".join(file.read_text(encoding="utf-8") for file in files)[:CHARACTERS]


def log_text() -> str:
    """Lines as programs write them: times, ids, numbers."""
    chance = random.Random(7)
    lines = (
        f"2026-11-28T12:{chance.randrange(60):02}:{chance.randrange(60):02}Z INFO worker-{chance.randrange(9)} "
        f"activity=execute_calls task={chance.randrange(16**12):012x} step={chance.randrange(200)} seconds={chance.random():.4f}\n"
        for _ in range(CHARACTERS // 80)
    )
    return "".join(lines)[:CHARACTERS]


def looks(text: str, repeat: int, *, again: bool = False) -> list[float]:
    """Milliseconds of each look at a text, by a screen that has not seen it, or has."""
    values = [KnownValue("worker-secret", secrets.token_urlsafe(24)) for _ in range(20)]
    taken: list[float] = []
    for _ in range(repeat):
        screen = Screens(values).worker
        if again:
            screen.findings(text)
        began = time.perf_counter()
        screen.findings(text)
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
    sys.stdout.write(told("look at source", looks(source_text(), options.repeat)))
    sys.stdout.write(told("look at log", looks(log_text(), options.repeat)))
    sys.stdout.write(told("look again", looks(source_text(), options.repeat, again=True)))


if __name__ == "__main__":
    main()
