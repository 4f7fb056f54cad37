"""Many tasks at once on one worker: Perdure's steps a second beside a bare Temporal loop's, on the same server.

    python benchmarks/many_tasks.py [--tasks 50] [--steps 20] [--latency-ms 50] [--repeat 3] [--bare OTHER_LOOP.py]

All tasks are started at once and paused before their first step; the clock runs from the moment they are let go to the
last step of the last task. A step is one decision and one ``read_file``, with everything on that a step has: transcript,
policy, fence, results, card. Each turn runs three things after each other: the bare loop, Perdure without the reflection
that is due every fifth step (the bare loop has none), and Perdure as it is. The bare loop's model server runs in its own
process's loop; Perdure's is the scripted one in a process of its own, which must read each conversation: its processor
time counts against Perdure. ``--bare`` runs another bare loop too (a script that takes --address, --runs, --steps,
--latency-ms and --repeat and prints a JSON line with ``steps_a_second``).
"""

import argparse
import asyncio
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowHandle
from temporalio.common import SearchAttributeKey
from temporalio.contrib.pydantic import pydantic_data_converter

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.bare_loop import bare_loop
from benchmarks.stage import make_repository, running_stack, script, served, settings_for
from perdure.contracts.names import SEARCH_STATUS
from perdure.embedded.stack import Stack
from perdure.interpreter import rare_collections
from worker import open_house, workers

FAR_AWAY = 1_000_000
"""As the interval of reflections: none is due."""
KINDS = ("bare", "Perdure", "with reflections")
POLL_S = 0.2
SAMPLE_S = 0.5
STATUS = SearchAttributeKey.for_keyword(SEARCH_STATUS)


@dataclass(frozen=True)
class Measured:
    """Steps a second, and processor milliseconds a step by program."""

    rate: float
    processor_ms: Mapping[str, float]


class Processors:
    """Processor seconds of each program, sampled while the body runs."""

    def __init__(self, stack: Stack) -> None:
        # A component's first process is a guard, whose child is the server.
        pids = {each.name: [facts.pid for facts in each.processes] for each in stack.components}
        known = {pid for each in pids.values() for pid in each}
        helpers = [each.pid for each in psutil.Process().children() if each.pid not in known]
        # Looking for children costs more than reading what they used, and would count as the worker's own time: every
        # connection to PostgreSQL is open by now, so they are looked for once.
        self._families = {name: family_of(each) for name, each in {**pids, "model": helpers}.items()}
        self._used: dict[int, float] = {}
        self._samples = [(time.time(), self._read())]

    async def sample(self) -> None:
        """Until it is cancelled."""
        while True:
            await asyncio.sleep(SAMPLE_S)
            self._samples.append((time.time(), self._read()))

    def ms_a_step(self, steps: int, until: float) -> dict[str, float]:
        """Up to the first sample after ``until``, shared out among so many steps."""
        before = self._samples[0][1]
        after = next((read for at, read in self._samples if at >= until), None) or self._read()
        return {name: (after[name] - used) * 1000 / steps for name, used in before.items()}

    def _read(self) -> dict[str, float]:
        own = psutil.Process().cpu_times()
        return {
            "worker": own.user + own.system,
            **{name: sum(map(self._of, family)) for name, family in self._families.items()},
        }

    def _of(self, process: psutil.Process) -> float:
        # A process that has ended keeps what it was last seen to have used.
        with contextlib.suppress(psutil.NoSuchProcess):
            self._used[process.pid] = sum(process.cpu_times()[:2])
        return self._used.get(process.pid, 0.0)


def family_of(pids: list[int]) -> list[psutil.Process]:
    """These processes and everything they have started."""
    found = {pid: psutil.Process(pid) for pid in pids}
    for process in list(found.values()):
        found.update({child.pid: child for child in process.children(recursive=True)})
    return list(found.values())


async def bare_run(client: Client, stack: Stack, options: argparse.Namespace) -> Measured:
    """The bare loop."""
    async with bare_loop(client, latency_ms=options.latency_ms) as bare:
        await bare.run(3)
        processors = Processors(stack)
        seconds = await bare.run_many(options.tasks, options.steps)
        steps = options.tasks * options.steps
        return Measured(steps / seconds, processors.ms_a_step(steps, time.time()))


async def perdure_run(
    client: Client, stack: Stack, folder: Path, repository: Path, options: argparse.Namespace, **changes: Any
) -> Measured:
    """Perdure, with these changes to its settings."""
    arguments = {"path": "data/{turn}.txt"}
    plays = script(options.steps, "read_file", arguments, latency_ms=options.latency_ms)
    with served(folder, plays) as url:
        settings = settings_for(stack, folder, url, budget_steps=options.steps + 10, **changes)
        async with open_house(settings) as house, workers(house):
            with rare_collections():
                handles = [
                    await started(client, settings.task_queue, repository) for _ in range(options.tasks)
                ]
                await asyncio.gather(*(paused(handle) for handle in handles))
                processors = Processors(stack)
                sampling = asyncio.create_task(processors.sample())
                began = time.time()
                await asyncio.gather(*(handle.signal("resume") for handle in handles))
                await asyncio.gather(*(ended(handle) for handle in handles))
                sampling.cancel()
                last = max([await last_step(handle, options.steps) for handle in handles])
                steps = options.tasks * options.steps
                return Measured(steps / (last - began), processors.ms_a_step(steps, last))


async def started(client: Client, queue: str, repository: Path) -> WorkflowHandle[Any, Any]:
    """A task that will wait before its first step."""
    return await client.start_workflow(
        "CodingTask",
        {"request": "Read.", "repository": str(repository), "mode": "change"},
        id=f"{queue}-{uuid.uuid4().hex[:8]}",
        task_queue=queue,
        start_signal="pause",
    )


async def paused(handle: WorkflowHandle[Any, Any]) -> None:
    """Until the task has its workspace and its plan, and waits. The server is asked, so that the worker has no part in it."""
    while True:
        described = await handle.describe()
        if described.typed_search_attributes.get(STATUS) == "waiting":
            return
        await asyncio.sleep(POLL_S)


async def ended(handle: WorkflowHandle[Any, Any]) -> None:
    """Until the task is over."""
    result: dict[str, Any] = await handle.result()
    if result["status"] != "completed":
        raise RuntimeError(f"A measured task ended as {result['status']}: {result['summary']}")


async def last_step(handle: WorkflowHandle[Any, Any], steps: int) -> float:
    """When the task's last step ended, by the server's clock, which is this machine's."""
    names: dict[int, str] = {}
    done = 0
    async for event in handle.fetch_history_events():
        if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
            names[event.event_id] = event.activity_task_scheduled_event_attributes.activity_type.name
        elif event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED:
            scheduled = event.activity_task_completed_event_attributes.scheduled_event_id
            done += names[scheduled] == "execute_calls"
            if done == steps:
                return event.event_time.ToMicroseconds() / 1e6
    raise RuntimeError(f"A measured task ended after {done} of {steps} steps.")


def other_bare(script_file: Path, address: str, options: argparse.Namespace) -> float:
    """Steps a second of another bare loop."""
    command = [sys.executable, str(script_file), "--address", address, "--repeat", "1"]
    command += ["--runs", str(options.tasks), "--steps", str(options.steps)]
    command += ["--latency-ms", str(options.latency_ms)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return float(json.loads(done.stdout.strip().splitlines()[-1])["steps_a_second"])


async def main() -> None:
    """Run everything in turns and print medians."""
    arguments = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    arguments.add_argument("--tasks", type=int, default=50)
    arguments.add_argument("--steps", type=int, default=20)
    arguments.add_argument("--latency-ms", type=float, default=50)
    arguments.add_argument("--repeat", type=int, default=3)
    arguments.add_argument("--bare", type=Path, help="another bare loop to run in the same turns")
    options = arguments.parse_args()
    rows: dict[str, list[Measured]] = {kind: [] for kind in KINDS}
    others: list[float] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        repository = make_repository(folder, options.steps + 1, 200)
        async with running_stack(folder) as stack:
            client = await Client.connect(stack.addresses.temporal, data_converter=pydantic_data_converter)
            for turn in range(options.repeat):
                if options.bare:
                    others.append(
                        await asyncio.to_thread(other_bare, options.bare, stack.addresses.temporal, options)
                    )
                rows["bare"].append(await bare_run(client, stack, options))
                for kind, changes in (("Perdure", {"reflect_every": FAR_AWAY}), ("with reflections", {})):
                    rows[kind].append(
                        await perdure_run(client, stack, folder, repository, options, **changes)
                    )
                shown = ", ".join(f"{kind} {rows[kind][-1].rate:.1f}" for kind in KINDS)
                print(f"turn {turn + 1} of {options.repeat}, steps a second: {shown}", flush=True)
    report(rows, others, options)


def report(rows: Mapping[str, list[Measured]], others: list[float], options: argparse.Namespace) -> None:
    """Medians of all turns, and the ratios that matter."""
    print(
        f"\n{options.tasks} tasks at once, {options.steps} steps each, a model of {options.latency_ms:g} ms, "
        f"{options.repeat} turns, medians, {os.cpu_count()} cores"
    )
    medians = {kind: statistics.median(row.rate for row in each) for kind, each in rows.items()}
    for kind, each in rows.items():
        processor = ", ".join(
            f"{name} {statistics.median(row.processor_ms[name] for row in each):.1f}"
            for name in each[0].processor_ms
        )
        low, high = min(row.rate for row in each), max(row.rate for row in each)
        print(
            f"  {kind:16} {medians[kind]:6.1f} steps a second ({low:.1f}–{high:.1f}); processor ms a step: {processor}"
        )
    for kind in KINDS[1:]:
        ratios = [ours.rate / bare.rate for ours, bare in zip(rows[kind], rows["bare"], strict=True)]
        print(f"  {kind}: {statistics.median(ratios):.2f} times the bare loop's, within the same turn")
        if others:
            ratios = [ours.rate / other for ours, other in zip(rows[kind], others, strict=True)]
            print(f"  {kind}: {statistics.median(ratios):.2f} times {options.bare.name}'s")


if __name__ == "__main__":
    asyncio.run(main())
