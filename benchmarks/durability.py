"""What it costs that nothing is lost, and how soon a task goes on after a death.

    python benchmarks/durability.py [--only checkpoints resume other-host busy history] [--repeat 15] [--kills 5]

* ``checkpoints``: a checkpoint of a one-file change in repositories of 100, 1,000 and 10,000 files, and storing it
* ``resume``: SIGKILL of the worker in the middle of a step, at 20 and 200 steps, until the next step is finished
* ``other-host``: the same, with the workspaces deleted and a worker of another host, in a repository of 10,000 files
* ``busy``: 50 tools that keep a processor busy at once, and how many activities were run again
* ``history``: bytes of history at 20, 100 and 200 steps, beside a bare loop that passes the whole conversation

Each part runs on a fresh embedded stack, takes a minute or two, and prints the machine's load with its figures.
"""

import argparse
import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

from temporalio.client import Client

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.deaths import busy, other_host, resume
from benchmarks.growth import history
from benchmarks.stage import make_repository, running_stack, script, served, settings_for
from perdure.client.connection import quiet_runtime
from perdure.client.conversion import data_converter
from perdure.contracts.task import TaskRequest
from perdure.contracts.workspace import Checkpoint
from perdure.embedded.stack import Stack
from perdure.settings import PROJECT_FOLDER
from perdure.workspace.checkpoints import Checkpoints
from worker import House, open_house

SIZES = (100, 1_000, 10_000)


async def checkpoints(stack: Stack, folder: Path, repeat: int) -> None:
    """Median milliseconds of a checkpoint after a one-file change, with and without storing its pack."""
    with served(folder, script(1, "read_file", {"path": "data/0.txt"})) as url:
        async with open_house(settings_for(stack, folder, url)) as house:
            for files in SIZES:
                kept, stored = await checkpoint_times(house, folder / f"files-{files}", files, repeat)
                median, whole = statistics.median(kept), statistics.median(stored)
                print(
                    f"  {files:6,} files: {median:5.1f} ms ({min(kept):.1f}–{max(kept):.1f}); "
                    f"with its pack stored {whole:5.1f} ms ({min(stored):.1f}–{max(stored):.1f})"
                    + (", goal: 40 ms" if files == max(SIZES) else ""),
                    flush=True,
                )


async def checkpoint_times(
    house: House, folder: Path, files: int, repeat: int
) -> tuple[list[float], list[float]]:
    """Milliseconds of checkpoints that stay on the host, and of those that are stored."""
    repository = make_repository(folder, files, 400)
    task_id, moment = uuid.uuid4().hex, datetime.now(UTC)
    request = TaskRequest(request="Measure.", repository=str(repository))
    await house.record.open_task(
        task_id=task_id, workflow_id=task_id, request=request, repository=str(repository), at=moment
    )
    created = await house.workspaces.create(
        task_id=task_id, repository=str(repository), base_branch=None, branch="perdure/measure", generation=1
    )
    copy = created.copy
    # Two chains, as a task has them: each checkpoint hangs on the one before.
    alone = Checkpoints(copy.program)

    async def keep(last: Checkpoint, label: str) -> Checkpoint:
        return (await alone.take(copy, previous=last, label=label, at=moment)).checkpoint

    async def store(last: Checkpoint, label: str) -> Checkpoint:
        return await house.workspaces.checkpoint(copy, previous=last, label=label, at=moment)

    taken: list[list[float]] = []
    for way in (keep, store):
        last, times = created.checkpoint, list[float]()
        # The first warm up what is kept in memory; in the second after the index was written it is written once more.
        await asyncio.sleep(1.1)
        for turn in range(repeat + 2):
            (copy.root / "data" / f"{turn % files}.txt").write_text(f"{way.__name__} in turn {turn}\n")
            began = time.perf_counter()
            last = await way(last, f"{way.__name__} {turn}")
            times.append((time.perf_counter() - began) * 1000)
        taken.append(times[2:])
    return taken[0], taken[1]


def circumstances() -> str:
    """The commit, the machine and how busy it is."""
    command = ["git", "rev-parse", "--short", "HEAD"]
    commit = subprocess.run(command, cwd=PROJECT_FOLDER, check=True, capture_output=True, text=True).stdout
    load = ", ".join(f"{each:.1f}" for each in os.getloadavg())
    return f"commit {commit.strip()}, {os.cpu_count()} cores, load {load}"


async def main() -> None:
    """Run the parts one after the other."""
    parts: dict[str, Callable[[Client, Stack, Path], Awaitable[None]]] = {
        "checkpoints": lambda _, stack, folder: checkpoints(stack, folder, options.repeat),
        "resume": lambda client, stack, folder: resume(client, stack, folder, options.kills),
        "other-host": lambda client, stack, folder: other_host(client, stack, folder, options.kills),
        "busy": lambda client, stack, folder: busy(client, stack, folder, options.seconds),
        "history": history,
    }
    arguments = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    arguments.add_argument("--only", nargs="+", choices=parts, default=list(parts), help="parts to run")
    arguments.add_argument("--repeat", type=int, default=15, help="checkpoints of each kind and size")
    arguments.add_argument("--kills", type=int, default=5, help="kills of each kind")
    arguments.add_argument("--seconds", type=float, default=1.0, help="processor time of each busy tool")
    options = arguments.parse_args()
    for name in options.only:
        with tempfile.TemporaryDirectory(prefix="perdure-bench-") as place:
            folder = Path(place)
            async with running_stack(folder) as stack:
                client = await Client.connect(
                    # The bare loop's payloads are so large that the SDK warns of each.
                    stack.addresses.temporal, data_converter=data_converter, runtime=quiet_runtime()
                )  # fmt: skip
                began = time.monotonic()
                print(f"{name} ({circumstances()})", flush=True)
                await parts[name](client, stack, folder)
                print(f"  {time.monotonic() - began:.0f} s; load afterwards {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    asyncio.run(main())
