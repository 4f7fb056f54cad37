"""Workers in processes of their own, which a benchmark can kill; ``Place`` is one queue on a stack with its model server."""

import asyncio
import contextlib
import os
import secrets
import signal
import sys
import time
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from temporalio.api.enums.v1 import EventType, PendingActivityState
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowHandle

from benchmarks.stage import served
from perdure.embedded.process import GuardedProcess, Program, start_process
from perdure.embedded.stack import Stack
from perdure.settings import PROJECT_FOLDER

HEARTBEAT_S = 1.5
HOST_ANSWER_S = 2.0
"""The benchmark's fast settings; an installation's own are 15 and 30 s."""
READY = "worker is ready"
LIMIT_S = 240.0

Task = WorkflowHandle[Any, Any]


@dataclass
class WorkerProcess:
    """One ``worker.py``."""

    process: GuardedProcess
    log: Path
    began_at: float
    """Unix time at which the process was started."""

    async def ready(self) -> float:
        """Wait until it polls; the seconds since its start."""
        async with asyncio.timeout(LIMIT_S):
            while READY not in (self.log.read_text(errors="replace") if self.log.exists() else ""):
                if not self.process.running:
                    raise RuntimeError(f"The worker ended by itself:\n{self.log.read_text()[-4_000:]}")
                await asyncio.sleep(0.02)
        return time.time() - self.began_at

    async def kill(self) -> float:
        """SIGKILL; the Unix time at which it was sent."""
        at = time.time()
        os.kill(self.process.pid, signal.SIGKILL)
        await self.process.wait()
        return at


@dataclass
class Place:
    """One task queue with its model server and repository, and workers on hosts (homes) as many as wanted."""

    client: Client
    stack: Stack
    folder: Path
    model_url: str
    repository: Path
    queue: str = field(default_factory=lambda: f"bench-{secrets.token_hex(4)}")
    workers: list[WorkerProcess] = field(default_factory=list[WorkerProcess])
    tasks: list[Task] = field(default_factory=list[Task])

    def home(self, host: str) -> Path:
        """Where a host keeps its identity and its workspaces."""
        return self.folder / f"{self.queue}-{host}"

    async def worker(self, host: str = "host") -> WorkerProcess:
        """A new worker of a host; it is not waited for."""
        log = self.folder / f"{self.queue}-{len(self.workers)}.log"
        known = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG"}}
        settings = {
            "PERDURE_HOME": self.home(host),
            "PERDURE_DATABASE_URL": self.stack.addresses.database_url,
            "PERDURE_TASK_QUEUE": self.queue,
            "PERDURE_MODEL_SCRIPT": "given.json",
            "PERDURE_HEARTBEAT_S": HEARTBEAT_S,
            "PERDURE_HOST_ANSWER_S": HOST_ANSWER_S,
            "PERDURE_BUDGET_STEPS": 1_000,
            "PERDURE_BUDGET_MINUTES": 600,
            "PERDURE_BUDGET_TOKENS": 10**12,
            "PERDURE_REFLECT_EVERY": 1_000,
            "TEMPORAL_ADDRESS": self.stack.addresses.temporal,
            "TEMPORAL_NAMESPACE": self.client.namespace,
            "GROQ_BASE_URL": self.model_url,
        }
        environment = {**known, **{name: str(value) for name, value in settings.items()}}
        command = [sys.executable, str(PROJECT_FOLDER / "worker.py")]
        began_at = time.time()
        process = await start_process(Program(command, environment, PROJECT_FOLDER, log))
        self.workers.append(WorkerProcess(process, log, began_at))
        return self.workers[-1]

    async def start(self) -> Task:
        """Start a task."""
        task = await self.client.start_workflow(
            "CodingTask",
            {"request": "Read.", "repository": str(self.repository)},
            id=f"{self.queue}-{len(self.tasks)}",
            task_queue=self.queue,
        )
        self.tasks.append(task)
        return task

    async def close(self) -> None:
        """End what runs."""
        for task in self.tasks:
            if (await task.describe()).status is WorkflowExecutionStatus.RUNNING:
                await task.terminate("the benchmark is over")
        await asyncio.gather(*(each.process.stop() for each in self.workers))


@contextlib.asynccontextmanager
async def placed(
    client: Client, stack: Stack, folder: Path, plays: Mapping[str, Any], repository: Path
) -> AsyncGenerator[Place]:
    """A place while the body runs."""
    with served(folder, plays) as url:
        place = Place(client, stack, folder, url, repository)
        try:
            yield place
        finally:
            await place.close()


def at(event: HistoryEvent) -> float:
    """The server's time of an event, in Unix seconds."""
    return event.event_time.ToMicroseconds() / 1e6


async def executed(task: Task) -> list[HistoryEvent]:
    """The finished steps, as the events in which ``execute_calls`` completed."""
    kinds: dict[int, str] = {}
    found: list[HistoryEvent] = []
    async for event in task.fetch_history_events():
        if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
            kinds[event.event_id] = event.activity_task_scheduled_event_attributes.activity_type.name
        if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED:
            scheduled = event.activity_task_completed_event_attributes.scheduled_event_id
            if kinds[scheduled] == "execute_calls":
                found.append(event)
    return found


async def interruptible(task: Task) -> tuple[int, int]:
    """Wait until calls of a step run; the step and the process id of the worker that runs them."""
    async with asyncio.timeout(LIMIT_S):
        while True:
            described = await task.describe()
            for each in described.raw_description.pending_activities:
                started = each.state == PendingActivityState.PENDING_ACTIVITY_STATE_STARTED
                if each.activity_type.name == "execute_calls" and started and each.attempt == 1:
                    status: dict[str, Any] = await task.query("status")
                    return int(status["step"]), int(each.last_worker_identity.partition("@")[0])
            if described.status is not WorkflowExecutionStatus.RUNNING:
                raise RuntimeError("The task ended before it was interrupted.")
            await asyncio.sleep(0.05)


async def finished_after(task: Task, moment: float) -> float:
    """Seconds from this Unix time until the next step was finished."""
    async with asyncio.timeout(LIMIT_S):
        while True:
            later = [at(event) for event in await executed(task) if at(event) > moment]
            if later:
                return later[0] - moment
            await asyncio.sleep(0.2)
