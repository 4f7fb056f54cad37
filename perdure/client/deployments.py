"""Versions of workers: which one takes new runs, how many open runs each has to finish, and whether it has workers.

Temporal keeps all of it: a worker with PERDURE_DEPLOYMENT and PERDURE_BUILD_ID is of one version of one deployment, and
the runs that it begins are pinned to that version.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from pydantic import BaseModel, ConfigDict
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import PollerInfo, TaskQueue
from temporalio.api.workflowservice.v1 import (
    DescribeTaskQueueRequest,
    DescribeTaskQueueResponse,
    DescribeWorkerDeploymentRequest,
    ListWorkerDeploymentsRequest,
    SetWorkerDeploymentCurrentVersionRequest,
)
from temporalio.service import RPCError, RPCStatusCode

from perdure.client.errors import Refused
from perdure.client.server import Server
from perdure.client.task_list import KINDS

#: A worker asks for work at least once a minute; the server lists who asked in the last five.
LIVE_S = 90.0
_ASKED_AT_ONCE = 8
_VERSION = "TemporalWorkerDeploymentVersion"


class OpenVersion(BaseModel):
    """One version of the workers of a task queue, with the runs it has to finish."""

    model_config = ConfigDict(frozen=True)

    deployment: str = ""
    build_id: str = ""
    """Both empty for runs that are pinned to no version, those that no worker has begun yet among them."""
    open_tasks: int
    workers: tuple[str, ...] = ()
    """Identities of its workers that asked for work a moment ago."""
    current: bool = False
    """Whether it takes new runs, and those that are pinned to no version."""
    stranded: bool = False
    """Whether it has open runs and no worker that could go on with them."""

    @property
    def name(self) -> str:
        """Such as ``shop:2026-11-28``, or ``unversioned``."""
        return str(Version(self.deployment, self.build_id))


@dataclass(frozen=True)
class Version:
    """A deployment's name and a build id; both empty for none."""

    deployment: str = ""
    build_id: str = ""

    def __str__(self) -> str:
        """As Temporal's search attribute has it."""
        return f"{self.deployment}:{self.build_id}" if self.build_id else "unversioned"


@dataclass(frozen=True)
class Polled:
    """Who asks a task queue for workflow tasks, by version."""

    current: Version
    live: dict[Version, list[str]] = field(default_factory=dict[Version, list[str]])


async def polled(server: Server, task_queue: str, *, now: datetime | None = None) -> Polled:
    """Ask the server who polled the queue a moment ago, and which version takes new runs."""
    with server.explained():
        answer: DescribeTaskQueueResponse = await server.client.workflow_service.describe_task_queue(
            DescribeTaskQueueRequest(
                namespace=server.client.namespace,
                task_queue=TaskQueue(name=task_queue),
                task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
            ),
            timeout=server.limit,
        )
    chosen = answer.versioning_info.current_deployment_version
    live: dict[Version, list[str]] = {}
    since = (now or datetime.now(UTC)) - timedelta(seconds=LIVE_S)
    for poller in answer.pollers:
        if poller.last_access_time.ToDatetime(tzinfo=UTC) >= since:
            live.setdefault(_version_of(poller), []).append(poller.identity)
    return Polled(Version(chosen.deployment_name, chosen.build_id), live)


def _version_of(poller: PollerInfo) -> Version:
    options = poller.deployment_options
    return Version(options.deployment_name, options.build_id) if options.deployment_name else Version()


async def open_versions(
    server: Server, task_queue: str, *, now: datetime | None = None
) -> tuple[OpenVersion, ...]:
    """Every version that has open runs, has workers, or takes new runs; the unversioned ones last."""
    seen = await polled(server, task_queue, now=now)
    known = {*await _known(server), *seen.live, seen.current} - {Version()}
    versions = [*sorted(known, key=str), Version()]
    turns = asyncio.Semaphore(_ASKED_AT_ONCE)
    counts = await asyncio.gather(*(_open(server, task_queue, each, turns) for each in versions))
    told = [_told(each, count, seen) for each, count in zip(versions, counts, strict=True)]
    return tuple(each for each in told if each.open_tasks or each.workers or each.current)


def _told(version: Version, count: int, seen: Polled) -> OpenVersion:
    # Runs that are pinned to no version are taken by the current one, where there is one.
    taking = version if version.build_id else seen.current
    return OpenVersion(
        deployment=version.deployment,
        build_id=version.build_id,
        open_tasks=count,
        workers=tuple(sorted(seen.live.get(version, ()))),
        current=version == seen.current,
        stranded=count > 0 and not seen.live.get(taking),
    )


async def _open(server: Server, task_queue: str, version: Version, turns: asyncio.Semaphore) -> int:
    pinned = f"{_VERSION} = '{version}'" if version.build_id else f"{_VERSION} IS NULL"
    query = f"{KINDS} AND ExecutionStatus = 'Running' AND TaskQueue = '{task_queue}' AND {pinned}"
    async with turns:
        with server.explained():
            return (await server.client.count_workflows(query, rpc_timeout=server.limit)).count


async def _known(server: Server) -> set[Version]:
    """All versions that the namespace knows: a version without workers may have open runs."""
    service, namespace = server.client.workflow_service, server.client.namespace
    names: list[str] = []
    token = b""
    with server.explained():
        while True:
            page = await service.list_worker_deployments(
                ListWorkerDeploymentsRequest(namespace=namespace, next_page_token=token), timeout=server.limit
            )
            names += [each.name for each in page.worker_deployments]
            token = page.next_page_token
            if not token:
                break
        described = await asyncio.gather(
            *(
                service.describe_worker_deployment(
                    DescribeWorkerDeploymentRequest(namespace=namespace, deployment_name=name),
                    timeout=server.limit,
                )
                for name in names
            )
        )
    summaries = [each for answer in described for each in answer.worker_deployment_info.version_summaries]
    return {
        Version(each.deployment_version.deployment_name, each.deployment_version.build_id)
        for each in summaries
    }


async def promote(server: Server, task_queue: str, build_id: str) -> Version:
    """Let the version with this build id take new runs; Refused where none of its workers polls the queue."""
    seen = await polled(server, task_queue)
    found = [version for version in seen.live if version.build_id == build_id and build_id]
    if len(found) != 1:
        raise Refused(
            f"{len(found) or 'No'} version{'s' if len(found) > 1 else ''} with the build id {build_id!r} "
            f"{'have' if len(found) > 1 else 'has'} a worker that polls task queue {task_queue!r}.",
            f"its workers have to run first; polling now: {_listed(seen.live)}.",
        )
    request = SetWorkerDeploymentCurrentVersionRequest(
        namespace=server.client.namespace,
        deployment_name=found[0].deployment,
        build_id=build_id,
        # What the version before polled beside our queue is none of ours.
        ignore_missing_task_queues=True,
        identity=server.client.identity,
    )
    service = server.client.workflow_service
    with server.explained():
        try:
            await service.set_worker_deployment_current_version(request, timeout=server.limit)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            # It lists a worker's polls a moment before it has registered what the worker is a version of.
            raise Refused(
                f"The server has not yet registered the version {str(found[0])!r}, although a worker of it polls already.",
                "try again in a few seconds.",
            ) from error
    return found[0]


def _listed(live: dict[Version, list[str]]) -> str:
    names: Sequence[str] = sorted(str(version) for version in live)
    return ", ".join(names) or "nobody"
