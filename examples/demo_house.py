"""The house that the demo lives in: the servers, the scripted model where there is no key, and a worker."""

import os
import secrets
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.service import RPCError, RPCStatusCode

from examples.demo_worker import DemoWorker
from perdure.client.client import PerdureClient
from perdure.client.connection import find_server
from perdure.contracts.names import sweep_id
from perdure.embedded.record import Addresses, find_running
from perdure.embedded.stack import Stack
from perdure.embedded.temporal import TemporalSettings
from perdure.llm.scripted.server import ScriptedServer
from perdure.settings import Settings

SCRIPT = Path(__file__).with_name("billing.script.json")

#: What the server says where there is no such schedule, or nothing where there is no server.
NOTHING_TO_REMOVE = (
    RPCStatusCode.NOT_FOUND,
    RPCStatusCode.UNAVAILABLE,
    RPCStatusCode.DEADLINE_EXCEEDED,
    RPCStatusCode.CANCELLED,
)
#: A killed worker is noticed this much after its last sign of life. The product's default is longer, so that a busy
#: machine is not mistaken for a dead one; the demo has one task and somebody who watches.
HEARTBEAT_S = 4
#: And a host that is gone is not waited for longer than this.
HOST_ANSWER_S = 4


@dataclass(frozen=True)
class House:
    """What runs, and how to reach it."""

    client: PerdureClient
    temporal: Client
    worker: DemoWorker
    scripted: ScriptedServer | None
    database_url: str
    web_ui: str
    lines: tuple[str, ...]
    """What runs, in lines for people."""

    def page_of(self, workflow_id: str) -> str:
        """The task's page in the Web UI."""
        if not self.web_ui:
            return f"task {workflow_id} of your Temporal server"
        return f"{self.web_ui}/namespaces/{self.temporal.namespace}/workflows/{quote(workflow_id, safe='')}"


@dataclass(frozen=True)
class Servers:
    """Where the servers are, and whether the demo started them."""

    addresses: Addresses
    whose: str


async def open_house(closing: AsyncExitStack, settings: Settings, folder: Path, *, sample: bool) -> House:
    """Start what does not run yet; ``closing`` stops what was started."""
    servers = await _servers(closing, settings)
    at = servers.addresses
    scripted = await _scripted_model(closing, settings) if sample else None
    queue = f"{settings.task_queue}-demo-{secrets.token_hex(3)}"
    environment = {
        "TEMPORAL_ADDRESS": at.temporal,
        "PERDURE_DATABASE_URL": at.database_url,
        "PERDURE_TASK_QUEUE": queue,
        "PERDURE_HEARTBEAT_S": str(HEARTBEAT_S),
        "PERDURE_HOST_ANSWER_S": str(HOST_ANSWER_S),
    }
    if sample:
        environment["PERDURE_REPOSITORY_ROOTS"] = str(folder)
    if scripted is not None:
        environment |= {"GROQ_BASE_URL": scripted.url, "PERDURE_MODEL_SCRIPT": str(SCRIPT)}
    log = folder / "worker.log"
    worker = DemoWorker(environment, log, folder)
    client = await closing.enter_async_context(
        PerdureClient.connect(at.temporal, task_queue=queue, environment=settings.temporal_environment)
    )
    connection = find_server(address=at.temporal, environment=settings.temporal_environment)
    temporal = await Client.connect(**connection.config, data_converter=pydantic_data_converter)
    closing.push_async_callback(remove_sweep, temporal, queue)
    closing.push_async_callback(worker.stop)
    pid = await worker.start()
    lines = (
        f"[dim]servers[/]   {servers.whose}: Temporal {at.temporal}, PostgreSQL, Valkey, Chroma, Web UI {at.web_ui or 'of your server'}",
        f"[dim]model[/]     a script at {scripted.url} (GROQ_API_KEY is not set)"
        if scripted
        else "[dim]model[/]     Groq",
        f"[dim]worker[/]    process {pid}, log {log}",
    )
    return House(client, temporal, worker, scripted, at.database_url, at.web_ui, lines)


async def remove_sweep(temporal: Client, queue: str) -> None:
    """Delete the schedule that the worker made for its queue, on which nobody will listen any more."""
    try:
        await temporal.get_schedule_handle(sweep_id(queue)).delete(rpc_timeout=timedelta(seconds=5))
    except RPCError as error:
        # A worker that did not come up made none, and a server that is gone is not waited for.
        if error.status not in NOTHING_TO_REMOVE:
            raise


async def _servers(closing: AsyncExitStack, settings: Settings) -> Servers:
    running = find_running(settings.home)
    if running is not None:
        return Servers(running.addresses, "already running")
    stack = Stack(
        settings.home,
        temporal=TemporalSettings(
            address=settings.temporal_address,
            namespace=settings.temporal_environment.get("TEMPORAL_NAMESPACE", "default"),
            # Free ports: another house may have the usual ones.
            port=0,
            web_ui_port=0,
            search_path=os.environ.get("PATH", ""),
        ),
        database_url=settings.database_url.get_secret_value() if settings.database_url else None,
    )
    closing.push_async_callback(stack.stop)
    return Servers(await stack.start(), "started")


async def _scripted_model(closing: AsyncExitStack, settings: Settings) -> ScriptedServer | None:
    if settings.groq_api_key is not None:
        return None
    server = ScriptedServer()
    closing.push_async_callback(server.stop)
    return await server.start(SCRIPT)
