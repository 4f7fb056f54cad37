"""One task of thousands of steps: memory of the worker, history of each run, time a step from beginning to end.

    python benchmarks/long_task.py [--steps 3000] [--bytes 4000] [--changes 10]

Each step finds about ``--bytes`` bytes of text; every ``--changes``-th writes a file instead. The worker is this process. At
the end ``watch`` is read from the first run to the last, and must tell of every step.
"""

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from temporalio.client import Client, WorkflowHandle
from temporalio.contrib.pydantic import pydantic_data_converter

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.stage import ANSWER, PLAN, make_repository, running_stack, served, settings_for
from perdure.client import PerdureClient
from perdure.client.events import Decided, Executed
from perdure.interpreter import rare_collections
from worker import open_house, workers

SAMPLES = 20
ROOM_TOKENS = 60_000
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def plays(changes: int) -> dict[str, Any]:
    """A script that looks for ever at other things, and now and then writes a file."""
    going_on: dict[str, Any] = {"verdict": "continue", "note": "Go on.", "finished_subtasks": []}
    looking = {"pattern": "xxxx|{digest}", "path": "data/1.txt"}
    writing = {"path": "made/{digest}.txt", "content": "changed {turn}\n"}
    replies: list[dict[str, Any]] = [
        {"for": "decide", "turn": turn, "calls": [{"tool": "write_file", "arguments": writing}]}
        for turn in range(0, 10_000, changes)
    ]
    replies += [
        {"for": "decide", "calls": [{"tool": "grep_search", "arguments": looking}]},
        {"for": "plan", "content": PLAN},
        {"for": "reflect", "content": going_on},
        {"for": "synthesize", "content": ANSWER},
    ]
    # A model with little room, so that what is measured is ours and not the size of its prompts.
    return {"v": 1, "about": "a long task", "limits": {"tokens_per_minute": ROOM_TOKENS}, "replies": replies}


async def over(handle: WorkflowHandle[Any, Any]) -> dict[str, Any]:
    """The result; when the steps are used up the task is told to wrap up, and a push is denied."""
    waiting = asyncio.ensure_future(handle.result())
    while not (await asyncio.wait([waiting], timeout=1.0))[0]:
        pending: Any = await handle.query("pending")
        # The overloads of the SDK's method are partly untyped.
        for question in pending["questions"]:
            said = {"question_id": question["id"], "choice": "wrap_up"}
            await handle.execute_update("answer", said)  # pyright: ignore[reportUnknownMemberType]
        for approval in pending["approvals"]:
            said = {"approval_id": approval["id"], "verdict": "deny", "by": "benchmark"}
            await handle.execute_update("decide", said)  # pyright: ignore[reportUnknownMemberType]
    return await waiting


def resident_mb() -> float:
    """Memory of this process that is in use now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * PAGE_BYTES / 1e6


async def watched(handle: WorkflowHandle[Any, Any], steps: int) -> None:
    """Print step, time and memory now and then until the task is over."""
    began, seen, next_step = time.monotonic(), 0, 0
    while True:
        status: dict[str, Any] = await handle.query("status")
        step = int(status["step"])
        if step >= next_step:
            now = time.monotonic()
            pace = (now - began) * 1000 / max(step - seen, 1)
            print(f"  step {step:5}: {resident_mb():6.0f} MB, {pace:6.1f} ms a step", flush=True)
            began, seen, next_step = now, step, step + steps // SAMPLES
        if step > steps:
            return
        await asyncio.sleep(1)


async def histories(client: Client, task_queue: str) -> None:
    """Print the runs of the task with the size of each history, and what ``watch`` tells."""
    task = await PerdureClient(client, task_queue=task_queue).task(task_queue)
    events = [event async for event in task.events(wait=False)]
    sizes: list[tuple[int, int]] = []
    for run in dict.fromkeys(event.run_id for event in events):
        described = await client.get_workflow_handle(task_queue, run_id=run).describe()
        info = described.raw_description.workflow_execution_info
        sizes.append((info.history_length, info.history_size_bytes))
    kinds = Counter(event.kind for event in events)
    decided = [event.step for event in events if isinstance(event, Decided)]
    whole = decided == list(range(1, len(decided) + 1))
    print(f"  runs: {len(sizes)}; events and bytes of each: {sizes}")
    print(
        f"  watch tells of {len(decided)} decisions ({'in order' if whole else 'NOT in order'}), {dict(kinds)}"
    )
    executed = sum(isinstance(event, Executed) for event in events)
    print(
        json.dumps(
            {"runs": len(sizes), "largest_bytes": max(size for _, size in sizes), "executed": executed}
        )
    )


async def main() -> None:
    """Run one long task and print what it took."""
    arguments = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    arguments.add_argument("--steps", type=int, default=3_000)
    arguments.add_argument("--bytes", type=int, default=4_000)
    arguments.add_argument("--changes", type=int, default=10)
    options = arguments.parse_args()
    PLAN["estimated_steps"] = options.steps
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        repository = make_repository(folder, 10, options.bytes)
        async with running_stack(folder) as stack:
            client = await Client.connect(stack.addresses.temporal, data_converter=pydantic_data_converter)
            with served(folder, plays(options.changes)) as url:
                settings = settings_for(
                    stack, folder, url, budget_steps=options.steps, budget_minutes=600, budget_usd=1e6,
                    budget_tokens=10**12,
                )  # fmt: skip
                async with open_house(settings) as house, workers(house):
                    with rare_collections():
                        handle = await client.start_workflow(
                            "CodingTask",
                            {"request": "Read.", "repository": str(repository), "mode": "change"},
                            id=settings.task_queue,
                            task_queue=settings.task_queue,
                        )
                        print(f"{options.steps} steps, {options.bytes} bytes a read, {os.cpu_count()} cores")
                        watching = asyncio.create_task(watched(handle, options.steps))
                        result = await over(handle)
                        watching.cancel()
                        print(f"  ended as {result['status']} after {result['steps']} steps")
                        await histories(client, settings.task_queue)


if __name__ == "__main__":
    asyncio.run(main())
