"""Many watchers on one task that waits for an approval: what they add to its history, and how soon an approval lands.

    python benchmarks/many_watchers.py [--watchers 50] [--repeat 5]

Each watcher follows the task's events as a program would, from the start to the end. The task asks whether it may run a
command that writes. Measured from the moment ``approve`` is called: until the client has its receipt, until the command's
effect is recorded (the server's time of that event), and until every watcher has seen it.
"""

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
import time
import uuid
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path

from temporalio.client import Client

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.stage import make_repository, running_stack, script, served, settings_for
from perdure.client import PerdureClient, TaskHandle
from perdure.client.conversion import data_converter
from perdure.client.events import Executed, Waiting
from perdure.embedded.stack import Stack
from worker import open_house, workers

COMMAND = {"command": "echo done > done.txt", "writes": True}
LIMIT_S = 60.0


@dataclass(frozen=True)
class Measured:
    """Events that the watchers added, and seconds after the approval."""

    added_events: int
    receipt_s: float
    recorded_s: float
    all_saw_s: float


class Watcher:
    """Follows one task."""

    def __init__(self, task: TaskHandle) -> None:
        self.waits, self.executed = asyncio.Event(), asyncio.Event()
        self.saw_at = self.recorded_at = 0.0
        self.following = asyncio.create_task(self._follow(task))

    async def _follow(self, task: TaskHandle) -> None:
        async with aclosing(task.events()) as following:
            async for event in following:
                if isinstance(event, Waiting) and event.needs == "approval":
                    self.waits.set()
                elif isinstance(event, Executed) and not self.executed.is_set():
                    if not event.results[0].ok:
                        raise RuntimeError(f"The measured command failed: {event.results[0].excerpt}")
                    self.saw_at, self.recorded_at = time.time(), event.at.timestamp()
                    self.executed.set()


async def watched(stack: Stack, folder: Path, repository: Path, watchers: int) -> Measured:
    """One task with so many watchers."""
    with served(folder, script(1, "execute_command", COMMAND)) as url:
        settings = settings_for(stack, folder, url)
        async with open_house(settings) as house, workers(house):
            temporal = await Client.connect(stack.addresses.temporal, data_converter=data_converter)
            client = PerdureClient(temporal, task_queue=settings.task_queue)
            task = await client.start(
                "Write it.", repository=str(repository), id=f"watched-{uuid.uuid4().hex[:8]}"
            )
            first = Watcher(task)
            await first.waits.wait()
            before = await events_of(temporal, task)
            others = [Watcher(task) for _ in range(watchers - 1)]
            everyone = [first, *others]
            await asyncio.gather(*(each.waits.wait() for each in others))
            added = await events_of(temporal, task) - before
            approval = (await task.pending()).approvals[0]
            began = time.time()
            await task.approve(approval.id, by="benchmark")
            receipt_s = time.time() - began
            await asyncio.gather(*(each.executed.wait() for each in everyone))
            saw_s = max(each.saw_at for each in everyone) - began
            await task.cancel(reason="measured")
            await asyncio.gather(*(each.following for each in everyone))
            return Measured(added, receipt_s, first.recorded_at - began, saw_s)


async def events_of(temporal: Client, task: TaskHandle) -> int:
    """How many events the task's history has."""
    described = await temporal.get_workflow_handle(task.id).describe()
    return described.raw_description.workflow_execution_info.history_length


async def main() -> None:
    """Measure with one watcher and with many, in turns, and print medians."""
    arguments = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    arguments.add_argument("--watchers", type=int, default=50)
    arguments.add_argument("--repeat", type=int, default=5)
    options = arguments.parse_args()
    rows: dict[int, list[Measured]] = {1: [], options.watchers: []}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        repository = make_repository(folder, 3, 200)
        async with running_stack(folder) as stack:
            for _ in range(options.repeat):
                for watchers, row in rows.items():
                    async with asyncio.timeout(LIMIT_S):
                        row.append(await watched(stack, folder, repository, watchers))
    print(f"one task that waits for an approval, {options.repeat} turns, medians, {os.cpu_count()} cores")
    for watchers, row in rows.items():
        receipt = statistics.median(each.receipt_s for each in row)
        recorded = [each.recorded_s for each in row]
        print(
            f"  {watchers:3} watchers: {max(each.added_events for each in row)} events added; receipt after "
            f"{receipt:.3f} s, effect recorded after {statistics.median(recorded):.3f} s (at most "
            f"{max(recorded):.3f}), seen by all after {statistics.median(each.all_saw_s for each in row):.3f} s"
        )


if __name__ == "__main__":
    asyncio.run(main())
