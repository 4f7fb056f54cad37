"""An installation of Perdure with workers in processes of their own, on hosts (homes) as many as wanted."""

import contextlib
import os
import secrets
import signal
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from temporalio.client import Client, WorkflowExecutionStatus

from perdure.embedded.component import Component, Health
from perdure.embedded.stack import Stack
from perdure.llm.scripted.script import Script
from perdure.llm.scripted.server import ScriptedServer
from tests.faults.errand import REQUEST, make_errand
from tests.faults.lost_answers import LosingAnswers, losing_answers
from tests.faults.picture import Handle
from tests.faults.worker_process import WorkerProcess
from tests.workflows.conftest import FILES

HEARTBEAT_S = 5
STORES = {"valkey": "PERDURE_REDIS_URL", "chroma": "PERDURE_CHROMA_URL"}
HOST_ANSWER_S = 6


@dataclass(frozen=True)
class Servers:
    """Where the servers are."""

    client: Client
    temporal: str
    database_url: str
    stores: Mapping[str, str] = field(default_factory=dict[str, str])
    """URLs of Valkey and Chroma, by their names in the stack."""
    stack: Stack | None = None
    """The stack that runs them, where it may be harmed."""

    def kill(self, component: str) -> None:
        """SIGKILL for one server of the stack, which starts it again."""
        assert self.stack is not None, "these servers belong to others"
        # A component's first process is the program, the second its guard.
        found = {each.name: each.processes[0].pid for each in self.stack.components}
        os.kill(found[component], signal.SIGKILL)

    async def stop(self, component: str) -> None:
        """Stop one server of the stack; it stays away until it is started."""
        await self._component(component).stop()

    async def start(self, component: str) -> None:
        """Start a server that was stopped, at the same address."""
        await self._component(component).start()

    def _component(self, name: str) -> Component:
        assert self.stack is not None, "these servers belong to others"
        return next(each for each in self.stack.components if each.name == name)

    async def health(self) -> Sequence[Health]:
        """Whether the servers answer."""
        assert self.stack is not None, "these servers belong to others"
        return await self.stack.health()


@dataclass
class Installation:
    """One queue, one model server and one repository; ``installed`` makes it."""

    servers: Servers
    folder: Path
    models: ScriptedServer
    database: LosingAnswers
    repository: Path
    remote: Path
    queue: str
    before: Sequence[str] = ()
    """What every worker's command stands behind."""
    workers: list[WorkerProcess] = field(default_factory=list[WorkerProcess])
    handles: list[Handle] = field(default_factory=list[Handle])

    def home(self, host: str = "host") -> Path:
        """Where a host keeps its identity and its workspaces."""
        return self.folder / host

    def worker(self, host: str = "host", changes: Mapping[str, object] = {}) -> WorkerProcess:
        """A worker of a host, not started yet; ``changes`` are settings."""
        environment = {
            "PERDURE_HOME": str(self.home(host)),
            "PERDURE_DATABASE_URL": self.database.url,
            "PERDURE_TASK_QUEUE": self.queue,
            "PERDURE_MODEL_SCRIPT": "played-by-the-test.json",
            "PERDURE_HEARTBEAT_S": str(HEARTBEAT_S),
            "PERDURE_HOST_ANSWER_S": str(HOST_ANSWER_S),
            "TEMPORAL_ADDRESS": self.servers.temporal,
            "TEMPORAL_NAMESPACE": self.servers.client.namespace,
            "GROQ_BASE_URL": self.models.url,
            **{STORES[name]: url for name, url in self.servers.stores.items()},
            **{f"PERDURE_{name.upper()}": str(value) for name, value in changes.items()},
        }
        log = self.folder / f"worker-{len(self.workers)}.log"
        made = WorkerProcess(environment, log, self.before)
        self.workers.append(made)
        return made

    async def start(self, **fields: Any) -> Handle:
        """Start a task."""
        handle = await self.servers.client.start_workflow(
            "CodingTask",
            {"request": REQUEST, "repository": str(self.repository), **fields},
            id=f"{self.queue}-{len(self.handles)}",
            task_queue=self.queue,
        )
        self.handles.append(handle)
        return handle

    def written(self) -> str:
        """The end of what each worker logged."""
        return "\n\n".join(worker.written()[-4_000:] for worker in self.workers)

    async def close(self) -> None:
        """Stop the workers and end what still runs."""
        for handle in self.handles:
            if (await handle.describe()).status is WorkflowExecutionStatus.RUNNING:
                await handle.terminate("the test is over")
        for worker in self.workers:
            await worker.stop()


@contextlib.asynccontextmanager
async def installed(
    servers: Servers, folder: Path, script: Script, files: Mapping[str, str] = FILES
) -> AsyncGenerator[Installation]:
    """An installation in the folder for the time of the block."""
    folder.mkdir(parents=True, exist_ok=True)
    repository, remote = make_errand(folder / "user", files)
    models = await ScriptedServer().start(script)
    async with losing_answers(servers.database_url) as database:
        queue = f"perdure-faults-{secrets.token_hex(4)}"
        made = Installation(servers, folder, models, database, repository, remote, queue)
        try:
            yield made
        finally:
            await made.close()
            await models.stop()
