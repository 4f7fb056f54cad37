"""Parts of ``durability.py`` that kill workers: how soon the next step is finished, and whether busy ones count as dead."""

import asyncio
import random
import shutil
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from temporalio.api.enums.v1 import EventType
from temporalio.client import Client

from benchmarks.stage import make_repository, script
from benchmarks.worker_processes import (
    HEARTBEAT_S,
    HOST_ANSWER_S,
    LIMIT_S,
    Place,
    Task,
    WorkerProcess,
    executed,
    finished_after,
    interruptible,
    placed,
)
from perdure.embedded.stack import Stack

CALL_S = 1.0
"""How long the call takes that is interrupted."""
MANY_STEPS = 900
FILES = 10_000
TOOLS = 50
BUSY = "awk 'BEGIN {{ while (i < {rounds:.0f}) i++ }}'"
"""A line that the policy lets run unasked, since it only counts."""
ROUNDS_A_SECOND = 85e6


def plays(reads: int) -> dict[str, Any]:
    """So many steps that read, and then steps of a command that takes ``CALL_S``, each another one."""
    made = script(MANY_STEPS, "execute_command", {"command": f"sleep {CALL_S} # {{turn}}"})
    reading = [{"tool": "read_file", "arguments": {"path": "data/{turn}.txt"}}]
    first = {"for": "decide", "turn": [0, reads - 1], "calls": reading, "delay_ms": 0}
    return {**made, "replies": [first, *made["replies"]]}


def summary(name: str, seconds: Sequence[float], goal: str) -> str:
    """Median and range."""
    return (
        f"  {name}: median {statistics.median(seconds):.2f} s "
        f"({min(seconds):.2f}–{max(seconds):.2f}, {len(seconds)} kills; {goal})"
    )


async def resume(client: Client, stack: Stack, folder: Path, kills: int) -> None:
    """SIGKILL in the middle of a step, at 20 and at 200 steps: with another worker there, and with a new one."""
    for reads in (20, 200):
        repository = make_repository(folder / f"resume-{reads}", reads, 4_000)
        async with placed(client, stack, folder, plays(reads), repository) as place:
            await (await place.worker()).ready()
            task = await place.start()
            await reached(task, reads)
            there: list[float] = []
            new: list[float] = []
            steps: list[int] = []
            for _ in range(kills):
                await (await place.worker()).ready()
                step, seconds = await interrupted(place, task)
                steps.append(step)
                there.append(seconds - CALL_S)
            for _ in range(kills):
                _, seconds = await interrupted(place, task, start_anew=True)
                new.append(seconds - CALL_S)
            own = f"steps {steps[0]} to {steps[-1]}, without the interrupted call's own {CALL_S:g} s"
            print(summary(f"{own}, another worker of the host runs", there, "goals: median 2 s, at most 4 s"))
            print(summary(f"{own}, a new worker is started at the death", new, "with its start"), flush=True)


async def reached(task: Task, step: int) -> None:
    """Wait until so many steps are finished."""
    async with asyncio.timeout(LIMIT_S):
        while True:
            if len(await executed(task)) >= step:
                return
            await asyncio.sleep(0.5)


async def interrupted(place: Place, task: Task, *, start_anew: bool = False) -> tuple[int, float]:
    """Kill the worker that runs a step; the step, and the seconds until the next one was finished."""
    step, pid = await interruptible(task)
    await asyncio.sleep(random.uniform(0, CALL_S / 2))
    victim = next(each for each in place.workers if each.process.pid == pid)
    moment = await victim.kill()
    if start_anew:
        await (await place.worker()).ready()
    return step, await finished_after(task, moment)


async def other_host(client: Client, stack: Stack, folder: Path, kills: int) -> None:
    """Kill the only worker, delete its workspaces, and start a worker with another host id."""
    repository = make_repository(folder / "moved", FILES, 200)
    waited: list[float] = []
    async with placed(client, stack, folder, plays(5), repository) as place:
        worker: WorkerProcess = await place.worker("host-0")
        await worker.ready()
        task = await place.start()
        await reached(task, 5)
        for number in range(kills):
            await interruptible(task)
            await worker.kill()
            shutil.rmtree(place.home(f"host-{number}") / "workspaces")
            worker = await place.worker(f"host-{number + 1}")
            start_s = await worker.ready()
            seconds = await finished_after(task, worker.began_at) - CALL_S
            waited.append(seconds)
            print(f"  the worker's start took {start_s:.2f} s of {seconds:.2f} s", flush=True)
    goal = f"goal: 5 s and the configured time-out of {HOST_ANSWER_S:g} s"
    print(summary(f"{FILES:,} files, from the new worker's start, without the call's own time", waited, goal))


async def busy(client: Client, stack: Stack, folder: Path, seconds: float) -> None:
    """Fifty tasks that each run a tool that keeps a processor busy: none may be taken for dead."""
    repository = make_repository(folder / "busy", 3, 200)
    command = BUSY.format(rounds=seconds * ROUNDS_A_SECOND)
    calls = script(1, "execute_command", {"command": command, "timeout_s": 600})
    async with placed(client, stack, folder, calls, repository) as place:
        await (await place.worker()).ready()
        began = time.monotonic()
        tasks = [await place.start() for _ in range(TOOLS)]
        # Nothing is changed, so nothing is asked; queries would be more work for the worker that is watched.
        results: list[dict[str, Any]] = await asyncio.gather(*(task.result() for task in tasks))
        took = time.monotonic() - began
        attempts = [number for task in tasks for number in await attempts_of(task)]
    ended = {result["status"] for result in results}
    if ended != {"completed"}:
        raise RuntimeError(f"Of the measured tasks some ended as {ended}.")
    again = sum(attempts) - len(attempts)
    print(
        f"  {TOOLS} tools of about {seconds:g} s of processor time at once, heartbeat time-out {HEARTBEAT_S:g} s: "
        f"{len(attempts)} activities, {again} run again (goal: 0), {took:.0f} s"
    )


async def attempts_of(task: Task) -> list[int]:
    """Attempts of each activity of the task; one that timed out counts its time-out too."""
    attempts: dict[int, int] = {}
    async for event in task.fetch_history_events():
        if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_STARTED:
            started = event.activity_task_started_event_attributes
            attempts[started.scheduled_event_id] = started.attempt
        if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT:
            timed_out = event.activity_task_timed_out_event_attributes.scheduled_event_id
            attempts[timed_out] = attempts.get(timed_out, 1) + 1
    return list(attempts.values())
