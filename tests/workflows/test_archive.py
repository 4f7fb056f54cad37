"""A closed task is looked at from the archive: through a worker, and from the database where Temporal is away."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest
from temporalio.client import WorkflowHandle
from temporalio.service import RPCError, RPCStatusCode

from perdure.client import NoWorker, PerdureClient, TaskNotFound
from perdure.client.archived import ArchivedTask
from perdure.client.command_line.exit_codes import ExitCode
from perdure.client.command_line.installation import Place
from perdure.client.conversion import data_converter
from tests.client.shell import Shell, SmallInstallation
from tests.workflows.conftest import FIX, READ, Bench, Benches, git, script_of, until
from tests.workflows.test_sweep import folders, listed, sweep
from tests.workflows.test_task_lookup import LONG


async def forgotten(bench: Bench, handle: WorkflowHandle[Any, Any]) -> str:
    """Let the server forget a closed task, as retention does; gives the task's id."""
    task_id = await listed(bench, handle)
    execution = WorkflowExecution(workflow_id=handle.id)
    request = DeleteWorkflowExecutionRequest(namespace=bench.client.namespace, workflow_execution=execution)
    await bench.client.workflow_service.delete_workflow_execution(request)
    bench.handles.remove(handle)

    async def gone() -> bool | None:
        try:
            await handle.describe()
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return True
            raise
        return None

    await until(gone)
    return task_id


def shell_of(bench: Bench, *, address: str = "", database: bool = True) -> Shell:
    """A command line on the bench's server, or on one that is not there."""
    server = bench.client.service_client.config.target_host
    place = Place(
        bench.folder / "nowhere", bench.settings.task_queue, {"TEMPORAL_ADDRESS": address or server}
    )
    return Shell(SmallInstallation(place, database=bench.settings if database else None))


@asynccontextmanager
async def mended(benches: Benches) -> AsyncGenerator[tuple[Bench, WorkflowHandle[Any, Any]]]:
    """A task that read much, changed a file and was told not to push, archived."""
    async with benches(script_of([[LONG], [FIX]])) as bench:
        started = await bench.start()
        await bench.decide(started, await bench.approval(started), "deny", reason="not now")
        await started.result()
        await listed(bench, started)
        assert (await sweep(bench)).archived == 1
        yield bench, started


async def test_the_archive_tells_the_same_events_and_lines_as_temporal(benches: Benches) -> None:
    async with mended(benches) as (bench, started):
        client = PerdureClient(bench.client, task_queue=bench.settings.task_queue)
        live, archived = await client.task(started.id), await client.archived(started.id)
        assert [each async for each in archived.events()] == [each async for each in live.events(wait=False)]
        assert [each async for each in archived.log()] == [each async for each in live.log()]
        assert await archived.artifacts() == await live.artifacts()
        description, before = await archived.describe(), await live.describe()
        # The bench's start has no summary of its own, and the server takes the closing's time a moment later.
        differing = {"summary", "closed_at"}
        assert description.model_dump(exclude=differing) == before.model_dump(exclude=differing)
        assert description.summary == "Round correctly."
        assert (archived.task_id, archived.kind) == (live.task_id, live.kind)


async def test_a_task_that_temporal_forgot_is_shown_with_its_output_and_its_change(
    benches: Benches, tmp_path: Path
) -> None:
    async with mended(benches) as (bench, started):
        shell = shell_of(bench, database=False)
        before = await shell.json("show", started.id)
        patch = (await shell.run("diff", started.id)).stdout
        task_id = await forgotten(bench, started)
        for id in (started.id, task_id):
            after = await shell.json("show", id)
            assert {**after, "closed_at": 0} == {**before, "closed_at": 0}
        assert "Read from the archive" in (await shell.run("show", started.id)).stderr
        assert "execute_calls" in (await shell.run("logs", started.id)).stdout
        [stored] = await shell.json("artifacts", started.id)
        target = tmp_path / "output"
        await shell.run("artifacts", started.id, stored["id"][:12], "-o", str(target))
        assert "\n39999\n40000\n" in target.read_text()
        assert "+    return round(amount * 100)\n" in patch
        assert (await shell.run("diff", started.id)).stdout == patch
        await sweep(bench, keep_workspaces_s=0)
        assert folders(bench) == []
        assert (await shell.run("diff", started.id)).stdout == patch


async def test_without_temporal_the_database_is_read(benches: Benches, tmp_path: Path) -> None:
    async with mended(benches) as (bench, started):
        before = await shell_of(bench).json("show", started.id)
        shell = shell_of(bench, address="127.0.0.1:9")
        after = await shell.json("show", started.id)
        assert {**after, "closed_at": 0} == {**before, "closed_at": 0}
        assert "execute_calls" in (await shell.run("logs", started.id)).stdout
        [stored] = await shell.json("artifacts", started.id)
        target = tmp_path / "output"
        assert (await shell.run("artifacts", started.id, stored["id"], "-o", str(target))).exit_code == 0
        assert target.stat().st_size == stored["bytes"]
        refused = await shell.run("diff", started.id)
        assert refused.exit_code == ExitCode.NO_WORKER
        assert "is made by a worker" in refused.stderr


async def test_where_nothing_can_be_read_the_first_trouble_is_told(benches: Benches) -> None:
    async with benches(script_of([[READ]])) as bench:
        unreachable = await shell_of(bench, address="127.0.0.1:9", database=False).run("show", "any")
        assert unreachable.exit_code == ExitCode.UNREACHABLE
        assert "No Temporal server answers at 127.0.0.1:9" in unreachable.stderr
        assert "No database is known." in unreachable.stderr
        unknown = await shell_of(bench).run("show", "no-such-task")
        assert unknown.exit_code == ExitCode.NOT_FOUND
        assert "There is no task 'no-such-task'" in unknown.stderr
        nameless = await shell_of(bench).run("show", "--archive")
        assert nameless.exit_code == ExitCode.USAGE
        with pytest.raises(TaskNotFound, match="The archive has no task 'no-such-task' either"):
            await ArchivedTask.find(bench.house.record, "no-such-task", data_converter)
        with pytest.raises(NoWorker, match="No worker polls task queue 'nobody-polls-this'"):
            await PerdureClient(bench.client, task_queue="nobody-polls-this").archived("any")


async def test_a_fork_begins_at_a_task_that_only_the_archive_knows(benches: Benches) -> None:
    async with mended(benches) as (bench, started):
        task_id = await forgotten(bench, started)
        await sweep(bench, keep_workspaces_s=0)
        assert folders(bench) == []
        client = PerdureClient(bench.client, task_queue=bench.settings.task_queue)
        with pytest.raises(TaskNotFound):
            await client.fork(started.id, step=2)
        for named in (started.id, task_id):
            task = await client.fork(
                named, step=2, request="Round down instead.", repository=str(bench.repository)
            )
            fork: WorkflowHandle[Any, Any] = bench.client.get_workflow_handle(
                task.id, run_id=task.task_id, first_execution_run_id=task.task_id
            )
            bench.handles.append(fork)
            result = await bench.finish(fork)
            assert (result["status"], result["pushed"]) == ("completed", True)
            assert "round(amount" in git(bench.remote, "show", f"{result['branch']}:money/rounding.py")
