"""The floor: a bare Temporal loop of two activities a step, which passes references and keeps nothing.

Each step is one request to a loopback server and one line appended to a file. It is what any agent on Temporal pays
before it does anything else; ``step_overhead.py`` runs it beside Perdure on the same server.
"""

import asyncio
import contextlib
import tempfile
import time
import uuid
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from temporalio import activity, workflow
from temporalio.client import Client, WorkflowHandle
from temporalio.worker import Worker

with workflow.unsafe.imports_passed_through():
    import aiohttp
    from aiohttp import web

LIMIT = timedelta(seconds=60)


class BareActivities:
    """A model that answers at once, and a tool that appends a line."""

    def __init__(self, url: str, file: Path, session: aiohttp.ClientSession) -> None:
        self._url, self._file, self._session = url, file, session

    @activity.defn
    async def ask(self, step: int) -> dict[str, Any]:
        """One request."""
        async with self._session.post(self._url, json={"step": step}) as reply:
            answer: dict[str, Any] = await reply.json()
            return answer

    @activity.defn
    async def act(self, step: int, call: dict[str, Any]) -> dict[str, Any]:
        """One line."""
        with self._file.open("a") as opened:
            opened.write(f"{step} {call['id']}\n")
        return {"ok": True, "excerpt": "x" * 200}


@workflow.defn
class BareLoop:
    """Ask, act, again."""

    @workflow.run
    async def run(self, steps: int) -> int:
        """The number of steps."""
        for step in range(steps):
            call = await workflow.execute_activity_method(
                BareActivities.ask, step, start_to_close_timeout=LIMIT
            )
            await workflow.execute_activity_method(
                BareActivities.act, args=[step, call], start_to_close_timeout=LIMIT
            )
        return steps


@dataclass(frozen=True)
class Bare:
    """A worker for the bare loop."""

    client: Client
    queue: str

    async def run(self, steps: int) -> tuple[float, WorkflowHandle[Any, Any]]:
        """Seconds for a run of this many steps, and its handle."""
        began = time.perf_counter()
        handle = await self.client.start_workflow(
            BareLoop.run, steps, id=f"{self.queue}-{uuid.uuid4().hex[:8]}", task_queue=self.queue
        )
        await handle.result()
        return time.perf_counter() - began, handle

    async def run_many(self, runs: int, steps: int) -> float:
        """Seconds for this many runs at once."""
        began = time.perf_counter()
        await asyncio.gather(*(self.run(steps) for _ in range(runs)))
        return time.perf_counter() - began


@contextlib.asynccontextmanager
async def bare_loop(client: Client, *, latency_ms: float = 0) -> AsyncGenerator[Bare]:
    """A bare loop on this server while the body runs; its model answers after ``latency_ms``."""

    async def answer(request: web.Request) -> web.Response:
        await request.read()
        await asyncio.sleep(latency_ms / 1000)
        return web.json_response({"id": uuid.uuid4().hex})

    application = web.Application()
    application.router.add_post("/", answer)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    queue = f"bare-{uuid.uuid4().hex[:8]}"
    try:
        with tempfile.TemporaryDirectory() as folder:
            async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
                doors = BareActivities(f"http://{host}:{port}/", Path(folder) / "lines", session)
                worker = Worker(
                    client, task_queue=queue, workflows=[BareLoop], activities=[doors.ask, doors.act]
                )
                async with worker:
                    yield Bare(client, queue)
    finally:
        await runner.cleanup()
