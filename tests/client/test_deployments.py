"""Versions of workers: who takes new runs, what each version has to finish, and which is stranded."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from temporalio import workflow
from temporalio.client import Client
from temporalio.common import VersioningBehavior, WorkerDeploymentVersion
from temporalio.worker import UnsandboxedWorkflowRunner, Worker, WorkerDeploymentConfig

from perdure.client import PerdureClient
from perdure.client.deployments import LIVE_S, open_versions
from perdure.client.errors import Refused
from perdure.client.server import Server
from tests.client.player import Player
from tests.client.shell import Shell
from tests.client.waiting import eventually


@workflow.defn(name="CodingTask")
class WaitingTask:
    """Waits until it is ended."""

    @workflow.run
    async def run(self, _: dict[str, Any]) -> None:
        """For ever."""
        await workflow.wait_condition(lambda: False)


def worker_of(client: Client, queue: str, deployment: str = "", build_id: str = "") -> Worker:
    """A worker of a version, or of none."""
    version = WorkerDeploymentVersion(deployment_name=deployment, build_id=build_id)
    config = WorkerDeploymentConfig(
        version=version,
        use_worker_versioning=True,
        default_versioning_behavior=VersioningBehavior.PINNED,
    )
    runner = UnsandboxedWorkflowRunner()
    pinned = config if deployment else None
    return Worker(
        client, task_queue=queue, workflows=[WaitingTask], workflow_runner=runner, deployment_config=pinned
    )


async def promoted(client: PerdureClient, build_id: str) -> str:
    """The version, once the server has seen its worker."""

    async def look() -> str | None:
        try:
            return await client.promote(build_id)
        except Refused:
            return None

    return await eventually(look)


async def test_open_tasks_are_counted_by_version_and_a_version_without_workers_is_stranded(
    client: PerdureClient, shell: Shell, player: Player, temporal_client: Client
) -> None:
    queue, name = player.task_queue, f"shop-{uuid.uuid4().hex[:6]}"
    server = Server(temporal_client, client.address)

    async def start(id: str) -> None:
        player.seen.add(f"{name}-{id}")
        request = {"request": "Mend it"}
        handle = await temporal_client.start_workflow(
            WaitingTask.run, request, id=f"{name}-{id}", task_queue=queue
        )

        async def begun() -> bool | None:
            return (await handle.describe()).history_length >= 4 or None

        assert await eventually(begun)

    async def counted(wanted: dict[str, int]) -> bool | None:
        versions = await open_versions(server, queue)
        return {each.name: each.open_tasks for each in versions if each.open_tasks} == wanted or None

    async with worker_of(temporal_client, queue):
        await start("before")
        assert await eventually(lambda: counted({"unversioned": 1}))
    async with worker_of(temporal_client, queue, name, "v1"):
        assert await promoted(client, "v1") == f"{name}:v1"
        await start("first")
        assert await eventually(lambda: counted({"unversioned": 1, f"{name}:v1": 1}))
        async with worker_of(temporal_client, queue, name, "v2"):
            assert await promoted(client, "v2") == f"{name}:v2"
            await start("second")
            await start("third")
            assert await eventually(lambda: counted({"unversioned": 1, f"{name}:v1": 1, f"{name}:v2": 2}))
            found = (await shell.json("versions"))["versions"]
            assert [(each["build_id"], each["current"], each["stranded"]) for each in found] == [
                ("v1", False, False),
                ("v2", True, False),
                ("", False, False),
            ]
            text = (await shell.run("versions")).stdout
            assert f"{name}:v2: 2 open tasks, 1 worker, takes new tasks" in text
    # A worker that stopped is told from one that waits for work only once it did not ask again for a while.
    later = await open_versions(server, queue, now=datetime.now(UTC) + timedelta(seconds=LIVE_S))
    assert [(each.name, each.workers, each.stranded) for each in later] == [
        (f"{name}:v1", (), True),
        (f"{name}:v2", (), True),
        ("unversioned", (), True),
    ]


async def test_only_a_version_with_a_running_worker_is_promoted(
    client: PerdureClient, shell: Shell, player: Player, temporal_client: Client
) -> None:
    name = f"shop-{uuid.uuid4().hex[:6]}"
    with pytest.raises(Refused, match="No version with the build id 'v9' has a worker"):
        await client.promote("v9")
    assert (await shell.run("promote", "")).exit_code == 1
    async with worker_of(temporal_client, player.task_queue, name, "v1"):
        await promoted(client, "v1")
        done = await shell.run("promote", "v1")
        assert done.exit_code == 0
        assert f"{name}:v1 takes new tasks now." in done.stdout
        with pytest.raises(Refused) as told:
            await client.promote("v2")
        assert f"{name}:v1" in told.value.hint
