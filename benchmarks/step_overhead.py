"""What one step costs: Perdure beside a bare Temporal loop, on the same tuned server, in the same run.

    python benchmarks/step_overhead.py [--steps 100] [--repeat 5] [--bytes 200] [--bare OTHER_LOOP.py]

A plain step is one decision and one ``read_file`` of a file with ``--bytes`` bytes, with everything on: transcript,
policy, fence, results, card. A changing step is ``write_file``, with a checkpoint. The reflection that is due every
fifth step is a step of its own kind: it is left out of a step's time, and shown shared out beside it. The model answers
at once from the scripted model server in a process of its own. ``--bare`` runs another bare loop (a script that takes
--address, --steps and --repeat and prints a JSON line) in the same turn.
"""

import argparse
import asyncio
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowHandle
from temporalio.contrib.pydantic import pydantic_data_converter

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.bare_loop import bare_loop
from benchmarks.stage import finish, make_repository, running_stack, script, served, settings_for
from perdure.embedded.stack import Stack
from perdure.interpreter import rare_collections
from worker import open_house, workers


async def perdure_run(
    client: Client, stack: Stack, folder: Path, steps: int, plays: Mapping[str, Any], repository: Path
) -> dict[str, float]:
    """One task of this many steps: ms a step from the history's own times, events and bytes a step."""
    with served(folder, plays) as url:
        settings = settings_for(stack, folder, url, budget_steps=steps + 10)
        async with open_house(settings) as house, workers(house):
            with rare_collections():
                handle = await client.start_workflow(
                    "CodingTask",
                    {"request": "Read.", "repository": str(repository), "mode": "change"},
                    id=settings.task_queue,
                    task_queue=settings.task_queue,
                )
                await finish(handle)
                return await measured(handle, steps)


async def measured(handle: WorkflowHandle[Any, Any], steps: int) -> dict[str, float]:
    """Times and sizes from the first decision to the last executed call."""
    times: list[float] = []
    reflected: set[int] = set()
    kinds: dict[int, str] = {}
    async for event in handle.fetch_history_events():
        if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
            kinds[event.event_id] = event.activity_task_scheduled_event_attributes.activity_type.name
        if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED:
            of = kinds[event.activity_task_completed_event_attributes.scheduled_event_id]
            if of == "execute_calls" and len(times) < steps:
                times.append(event.event_time.ToMicroseconds() / 1000)
            elif of == "reflect":
                reflected.add(len(times))
    gaps = [after - before for before, after in itertools.pairwise(times)]
    plain = [gap for number, gap in enumerate(gaps, 1) if number not in reflected]
    described = (await handle.describe()).raw_description.workflow_execution_info
    events, size = described.history_length, described.history_size_bytes
    return {
        "ms": statistics.mean(plain),
        "ms_with_reflections": statistics.mean(gaps),
        "events": events / steps,
        "bytes": size / steps,
        "total_bytes": float(size),
    }


def other_bare(script_file: Path, address: str, steps: int) -> float:
    """Median ms a step of another bare loop."""
    command = [sys.executable, str(script_file), "--address", address, "--steps", str(steps), "--repeat", "1"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return float(json.loads(done.stdout.strip().splitlines()[-1])["ms_a_step"])


async def main() -> None:
    """Run everything in turns and print medians."""
    arguments = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    arguments.add_argument("--steps", type=int, default=100)
    arguments.add_argument("--repeat", type=int, default=5)
    arguments.add_argument("--bytes", type=int, default=200)
    arguments.add_argument(
        "--bare", type=Path, default=None, help="another bare loop to run in the same turns"
    )
    options = arguments.parse_args()
    steps = options.steps
    plain = script(steps, "read_file", {"path": "data/{turn}.txt"})
    changing = script(steps, "write_file", {"path": "data/new{turn}.txt", "content": "changed {turn}\n"})
    rows: dict[str, list[dict[str, float]]] = {"bare": [], "plain": [], "changing": []}
    others: list[float] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        repository = make_repository(folder, steps + 1, options.bytes)
        async with running_stack(folder) as stack:
            client = await Client.connect(stack.addresses.temporal, data_converter=pydantic_data_converter)
            async with bare_loop(client) as bare:
                await bare.run(5)
                for turn in range(options.repeat):
                    seconds, handle = await bare.run(steps)
                    described = (await handle.describe()).raw_description.workflow_execution_info
                    facts = {"ms": seconds * 1000 / steps, "events": described.history_length / steps}
                    facts["bytes"] = described.history_size_bytes / steps
                    rows["bare"].append(facts)
                    if options.bare:
                        others.append(other_bare(options.bare, stack.addresses.temporal, steps))
                    for kind, plays in (("plain", plain), ("changing", changing)):
                        rows[kind].append(await perdure_run(client, stack, folder, steps, plays, repository))
                    print(f"turn {turn + 1} of {options.repeat}: " + shown(rows, -1), flush=True)
    report(rows, others, options)


def shown(rows: Mapping[str, list[dict[str, float]]], index: int) -> str:
    """One turn's times."""
    return ", ".join(f"{kind} {each[index]['ms']:.1f} ms" for kind, each in rows.items())


def report(
    rows: Mapping[str, list[dict[str, float]]], others: list[float], options: argparse.Namespace
) -> None:
    """Medians of all turns, and the ratio that matters."""
    medians = {kind: statistics.median(row["ms"] for row in each) for kind, each in rows.items()}
    print(
        f"\n{options.steps} steps, {options.bytes} bytes a read, {options.repeat} turns, medians, {os.cpu_count()} cores"
    )
    for kind, each in rows.items():
        low, high = min(row["ms"] for row in each), max(row["ms"] for row in each)
        events = statistics.median(row["events"] for row in each)
        size = statistics.median(row["bytes"] for row in each)
        print(
            f"  {kind:9} {medians[kind]:6.1f} ms a step ({low:.1f}–{high:.1f})  "
            f"{events:5.1f} events  {size:6.0f} bytes of history a step"
        )
    for kind in ("plain", "changing"):
        amortised = statistics.median(row["ms_with_reflections"] for row in rows[kind])
        print(f"  {kind}, with the reflection of every fifth step shared out: {amortised:.1f} ms")
    if others:
        print(f"  {options.bare.name}: {statistics.median(others):.1f} ms a step")
    print(f"  a plain step is {medians['plain'] / medians['bare']:.2f} times the bare loop's")


if __name__ == "__main__":
    asyncio.run(main())
