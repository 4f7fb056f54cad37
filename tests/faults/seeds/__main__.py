"""Runs a reference task under the faults of one seed after another, and says where anything was lost or done twice.

``make faults RUNS=20 SEED=1`` runs the seeds 1 to 20 on a stack of its own; with ``LOG=docs/faults.jsonl`` each result is
appended there, docs/durability.md shows them, and seeds that have passed are left out. ``make faults RUNS=1 SEED=17`` repeats a seed.
"""

import argparse
import asyncio
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from perdure.settings import PROJECT_FOLDER
from tests.faults.driver import own_servers
from tests.faults.installation import Servers
from tests.faults.seeds.clock import build_library
from tests.faults.seeds.faults import SERVERS, Fault, Kind, draw
from tests.faults.seeds.log import append, line_of, read, remaining
from tests.faults.seeds.matrix import LOG, write_section
from tests.faults.seeds.run import Disturbed, Run, Usual, run_undisturbed


def possible_kinds(*, servers: bool) -> list[Kind]:
    """What is done to a task."""
    return [kind for kind in Kind if servers or kind not in SERVERS]


def described(seed: int, faults: Sequence[Fault], run: Run) -> Iterator[str]:
    """A run in words."""
    hits = {id(hit.fault): hit for hit in run.hits}
    yield f"seed {seed}: {'FAILED' if run.failures else 'ok'}, {run.took_s:.1f} s"
    for fault in faults:
        hit = hits.get(id(fault))
        if hit is None:
            yield f"  {fault.kind}: its moment ({fault.phase} {fault.work!r}) did not come"
        else:
            during = ", ".join(hit.during) or "between two steps"
            at = f"{hit.at_s:.2f} s, " if hit.at_s else ""
            yield f"  {fault.kind}: {fault.phase} {fault.work!r} ({at}event {hit.event}, during: {during})"
    yield from (f"  FAILURE: {failure}" for failure in run.failures)
    if run.failures:
        yield f"  again: make faults RUNS=1 SEED={seed}"
        yield f"  kept: {run.folder}"


def commit_under_test() -> str:
    """The commit, with ``+`` where files differ from it."""

    def git(*arguments: str) -> str:
        done = subprocess.run(
            ["git", *arguments], cwd=PROJECT_FOLDER, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    changed = git("status", "--porcelain", "--untracked-files=no", "--", ".", ":!docs")
    return git("rev-parse", "--short=10", "HEAD") + ("+" if changed else "")


async def run_batch(
    servers: Servers, folder: Path, seeds: Sequence[int], kinds: Sequence[Kind], log: Path | None
) -> list[int]:
    """Run the seeds one after another; gives those that failed."""
    commit = commit_under_test()
    usual: Usual = await run_undisturbed(servers, folder)
    say(f"undisturbed: {usual.took_s:.1f} s, {len(usual.works)} pieces of work")
    disturbed = Disturbed(servers, folder, usual, build_library(folder))
    failed: list[int] = []
    for seed in seeds:
        faults = draw(seed, usual.works, kinds)
        run = await disturbed.run(seed, faults)
        for line in described(seed, faults, run):
            say(line)
        if log is not None:
            append(log, line_of(seed, commit, usual.took_s, run, drawn=len(faults)))
        failed += [seed] if run.failures else []
    return failed


def say(line: str) -> None:
    """Write a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def main(arguments: argparse.Namespace) -> int:
    """Exit code 0 where no seed failed."""
    kinds = possible_kinds(servers=bool(arguments.servers))
    seeds = range(arguments.seed, arguments.seed + arguments.runs)
    chosen = remaining(read(arguments.log), seeds) if arguments.log else list(seeds)
    if len(chosen) < len(seeds):
        say(f"{len(seeds) - len(chosen)} of {len(seeds)} seeds have passed before")
    if not chosen:
        return 0
    folder = Path(tempfile.mkdtemp(prefix="perdure-faults-"))
    failed: list[int] = [-1]
    try:
        async with own_servers(folder / "stack") as (_, servers):
            failed = await run_batch(servers, folder, chosen, kinds, arguments.log)
    finally:
        if not failed:
            shutil.rmtree(folder, ignore_errors=True)
        if arguments.log is not None and arguments.log.resolve() == LOG:
            write_section()
    say(f"{len(chosen)} seeds, {len(failed)} failed{f': {failed}' if failed else ''}")
    return 1 if failed else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.faults.seeds", description=__doc__)
    parser.add_argument("--runs", type=int, default=6, help="how many seeds")
    parser.add_argument("--seed", type=int, default=1, help="the first one")
    parser.add_argument("--servers", type=int, default=1, choices=(0, 1), help="0: leave the servers alone")
    parser.add_argument(
        "--log", type=Path, help="file that takes the results, and says which seeds have passed"
    )
    sys.exit(asyncio.run(main(parser.parse_args())))
