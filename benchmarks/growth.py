"""The part of ``durability.py`` that compares histories: Perdure's, and a bare loop's that passes the whole conversation."""

import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any

from temporalio import activity, workflow
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowFailureError
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from benchmarks.stage import finish, make_repository, script, served, settings_for
from benchmarks.worker_processes import Task
from perdure.embedded.stack import Stack
from worker import open_house, workers

OUTPUT_BYTES = 4_096
STEPS = (20, 100, 200)
MOST_STEPS = 1_000
LIMIT = timedelta(seconds=60)

Messages = list[dict[str, Any]]


@activity.defn
async def choose(messages: Messages) -> dict[str, Any]:
    """A model that always wants to read."""
    return {"role": "assistant", "content": f"Reading file {len(messages)}."}


@activity.defn
async def read(call: dict[str, Any]) -> dict[str, Any]:
    """An output of 4 KB."""
    return {"role": "tool", "content": (str(call["content"]) * OUTPUT_BYTES)[:OUTPUT_BYTES]}


@workflow.defn
class WholeConversation:
    """Two activities a step; the model's is given every message so far, as simple agents do."""

    @workflow.run
    async def run(self, steps: int) -> int:
        """The number of steps."""
        messages: Messages = []
        for _ in range(steps):
            messages.append(await workflow.execute_activity(choose, messages, start_to_close_timeout=LIMIT))
            messages.append(await workflow.execute_activity(read, messages[-1], start_to_close_timeout=LIMIT))
        return steps


async def history(client: Client, stack: Stack, folder: Path) -> None:
    """Bytes of history at 20, 100 and 200 steps, beside the bare loop's, which is run until it ends."""
    repository = make_repository(folder / "growth", max(STEPS) + 1, OUTPUT_BYTES)
    ours = {steps: await perdure_bytes(client, stack, folder, repository, steps) for steps in STEPS}
    bare, died = await bare_bytes(client)
    print("  steps | Perdure | a step | bare loop with the whole conversation | a step")
    for steps, size in ours.items():
        theirs = f"{bare[steps]:11,} | {bare[steps] / steps:9,.0f}" if steps in bare else "ended before | –"
        print(f"  {steps:5} | {size:9,} | {size / steps:6,.0f} | {theirs}")
    first, last = min(STEPS), max(STEPS)
    each = (ours[last] - ours[first]) / (last - first)
    print(
        f"  Perdure: {each:,.0f} bytes for each further step, a fifth of a reflection included (goal: 3,000)"
    )
    print(f"  the bare loop {died}", flush=True)


async def perdure_bytes(client: Client, stack: Stack, folder: Path, repository: Path, steps: int) -> int:
    """The history of one task that reads so many files."""
    with served(folder, script(steps, "read_file", {"path": "data/{turn}.txt"})) as url:
        settings = settings_for(stack, folder, url, budget_steps=steps + 10, budget_tokens=10**12)
        async with open_house(settings) as house, workers(house):
            task = await client.start_workflow(
                "CodingTask",
                {"request": "Read.", "repository": str(repository)},
                id=settings.task_queue,
                task_queue=settings.task_queue,
            )
            await finish(task)
            return await bytes_of(task)


async def bytes_of(task: Task) -> int:
    """Size of a history, by the server."""
    return (await task.describe()).raw_description.workflow_execution_info.history_size_bytes


async def bare_bytes(client: Client) -> tuple[dict[int, int], str]:
    """Bytes at each number of steps that it reached, and how the long run ended."""
    queue = f"whole-{uuid.uuid4().hex[:8]}"
    sizes: dict[int, int] = {}
    async with Worker(
        client,
        task_queue=queue,
        workflows=[WholeConversation],
        activities=[choose, read],
        workflow_runner=UnsandboxedWorkflowRunner(),
    ):
        for steps in STEPS:
            task = await client.start_workflow(
                WholeConversation.run, steps, id=f"{queue}-{steps}", task_queue=queue
            )
            if await ended(task):
                break
            sizes[steps] = await bytes_of(task)
        task = await client.start_workflow(
            WholeConversation.run, MOST_STEPS, id=f"{queue}-end", task_queue=queue
        )
        why = await ended(task)
    finished = 0
    async for event in task.fetch_history_events():
        finished += event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED
    size = await bytes_of(task)
    return (
        sizes,
        f"ended at step {finished // 2 + 1} with {size:,} bytes: {why or 'it reached its last step'}",
    )


async def ended(task: Task) -> str:
    """Wait for the end; why it was not the right one, or nothing."""
    try:
        await task.result()
    except WorkflowFailureError as error:
        return f"{error.cause}"
    return ""
