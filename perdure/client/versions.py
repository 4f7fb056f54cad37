"""Which versions work together: this client, the Temporal server, and the workers that poll."""

import asyncio
import platform
from datetime import UTC, datetime
from importlib.metadata import version

from pydantic import BaseModel, ConfigDict
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest, GetSystemInfoRequest

import perdure
from perdure.client.deployments import OpenVersion, open_versions
from perdure.client.server import Server
from perdure.client.task_list import KINDS


class SeenWorker(BaseModel):
    """A worker that polled in the last minutes."""

    model_config = ConfigDict(frozen=True)

    identity: str
    """Such as ``4711@host``."""
    last_seen_at: datetime


class Libraries(BaseModel):
    """What this process runs on."""

    model_config = ConfigDict(frozen=True)

    perdure: str
    python: str
    temporalio: str


class ServerVersions(BaseModel):
    """What a Temporal server says of itself and of who works for it."""

    model_config = ConfigDict(frozen=True)

    address: str
    temporal_server: str
    workers: tuple[SeenWorker, ...]
    """Those that poll our task queue."""
    open_tasks: int
    versions: tuple[OpenVersion, ...]
    """The versions of the workers of our task queue, with the open runs of each."""


def libraries() -> Libraries:
    """The versions here; no server is asked."""
    return Libraries(
        perdure=perdure.__version__, python=platform.python_version(), temporalio=version("temporalio")
    )


async def server_versions(server: Server, task_queue: str) -> ServerVersions:
    """Ask the server; ServerUnreachable where it does not answer."""
    service, namespace = server.client.workflow_service, server.client.namespace
    queue = DescribeTaskQueueRequest(
        namespace=namespace,
        task_queue=TaskQueue(name=task_queue),
        task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
    )
    with server.explained():
        info, polled, counted, versions = await asyncio.gather(
            service.get_system_info(GetSystemInfoRequest(), timeout=server.limit),
            service.describe_task_queue(queue, timeout=server.limit),
            server.client.count_workflows(
                f"{KINDS} AND ExecutionStatus = 'Running'", rpc_timeout=server.limit
            ),
            open_versions(server, task_queue),
        )
    workers = [
        SeenWorker(identity=each.identity, last_seen_at=each.last_access_time.ToDatetime(tzinfo=UTC))
        for each in polled.pollers
    ]
    return ServerVersions(
        address=server.address,
        temporal_server=info.server_version,
        workers=tuple(sorted(workers, key=lambda each: each.identity)),
        open_tasks=counted.count,
        versions=versions,
    )
