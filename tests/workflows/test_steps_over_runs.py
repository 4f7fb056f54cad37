"""A step may lie in two runs of its task; it is gone back to, gone on from and previewed like any other."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest
from temporalio.client import WorkflowHandle

from perdure.client import NoWorker, PerdureClient, Refused, TaskHandle
from perdure.client.deployments import LIVE_S
from perdure.client.rewinding import require_version
from perdure.client.runs import standing_runs
from perdure.client.server import Server
from perdure.contracts.decisions import Approval
from tests.workflows.conftest import FIX, READ, Bench, Benches, Call, git, script_of, until
from tests.workflows.test_every_step import state_in
from tests.workflows.test_upgrade import ASKING, deployment, promoted, second_version, update, version_of

Handle = WorkflowHandle[Any, Any]
LATER: Call = ("execute_command", {"command": "echo later >> count.txt", "writes": True})
SHORT = {"continue_after_events": 60, "reflect_every": 1_000}


def looks(number: int) -> list[list[Call]]:
    """So many decisions that no guard takes for the same."""
    return [[("read_file", {"path": "money/rounding.py", "limit": 1 + at})] for at in range(number)]


def latest(bench: Bench) -> Handle:
    """The first task of the bench, whichever run is the current one."""
    return bench.client.get_workflow_handle(
        bench.handles[0].id, first_execution_run_id=bench.handles[0].first_execution_run_id
    )


async def task_of(bench: Bench) -> TaskHandle[Any]:
    """The client's handle of it."""
    return await PerdureClient(bench.client, task_queue=bench.settings.task_queue).task(bench.handles[0].id)


async def runs_of(bench: Bench) -> list[str]:
    """Its runs that stand, oldest first."""
    return await standing_runs(Server(bench.client, "test"), bench.handles[0].id)


async def at_its_end(bench: Bench, *, step: int) -> Approval:
    """Move the task over in the middle of the step, let the rest of that step run, and wait for what it asks next."""
    handle = await bench.start()
    old = await bench.approval(handle)
    assert old.step == step
    await update(handle, "upgrade")
    current = latest(bench)
    fresh = await bench.approval(current, but=old.id)
    assert (fresh.step, fresh.title) == (old.step, old.title)
    await bench.decide(current, fresh, "approve")
    return await bench.approval(current, but=fresh.id)


async def forked(bench: Bench, step: int) -> Handle:
    """A task that begins at the end of a step of the bench's first one."""
    task = await (await task_of(bench)).fork(step=step)
    fork: Handle = bench.client.get_workflow_handle(
        task.id, run_id=task.task_id, first_execution_run_id=task.task_id
    )
    bench.handles.append(fork)
    return fork


async def test_a_step_in_two_runs_is_gone_back_to_and_gone_on_from_at_its_end(benches: Benches) -> None:
    turns = [[READ], [READ, FIX, ASKING, ("read_file", {"path": "count.txt"})], [LATER]]
    async with benches(script_of(turns)) as bench:
        later = await at_its_end(bench, step=2)
        first, second = await runs_of(bench)
        wanted = state_in(bench, latest(bench))
        task = await task_of(bench)

        preview = await task.rewind_preview(to=2)
        assert (preview.run_id, [each.step for each in preview.steps]) == (second, [3])
        assert (preview.files, preview.approvals) == ((), (later.title,))

        fork = await forked(bench, 2)
        assert (await bench.approval(fork)).title == later.title
        assert state_in(bench, fork) == wanted

        await task.rewind(to=preview)
        again = await bench.approval(latest(bench), but=later.id)
        assert (again.step, again.title) == (3, later.title)
        assert state_in(bench, latest(bench)) == wanted
        assert (await runs_of(bench))[0] == first
        result = await bench.finish(latest(bench))
        assert (result["status"], result["steps"]) == ("completed", 5)
        assert git(bench.remote, "show", f"{result['branch']}:count.txt") == "twice\nlater"


async def test_a_step_in_two_runs_is_taken_back_as_one(benches: Benches) -> None:
    turns = [[READ], [READ, FIX, ASKING, ("read_file", {"path": "count.txt"})], [LATER]]
    async with benches(script_of(turns)) as bench:
        later = await at_its_end(bench, step=2)
        first, _ = await runs_of(bench)
        task = await task_of(bench)

        preview = await task.rewind_preview(to=1)
        assert (preview.run_id, [each.step for each in preview.steps]) == (first, [2, 3])
        assert preview.steps[0].title.startswith("read_file money/rounding.py")
        assert preview.files == ("count.txt", "money/rounding.py")
        # What was asked in both runs about the same call is one thing.
        assert len(preview.approvals) == 2
        assert preview.approvals[1] == later.title

        fork = await forked(bench, 1)
        assert (await bench.approval(fork)).step == 2

        await task.rewind(to=preview)
        again = await bench.approval(latest(bench), but=later.id)
        assert again.step == 2
        [tree_before_the_command] = [state_in(bench, latest(bench))]
        assert b"count.txt" not in tree_before_the_command
        assert len(await runs_of(bench)) == 1
        result = await bench.finish(latest(bench))
        assert git(bench.remote, "show", f"{result['branch']}:count.txt") == "twice\nlater"


async def test_a_publication_in_two_runs_is_taken_back_as_one(benches: Benches) -> None:
    async with benches(script_of([[FIX]])) as bench:
        handle = await bench.start()
        old = await bench.approval(handle)
        await update(handle, "upgrade")
        result = await bench.finish(latest(bench))
        preview = await (await task_of(bench)).rewind_preview(to=old.step - 1)
        assert preview.run_id == (await runs_of(bench))[0]
        assert preview.pushes == (f"{result['branch']}@{result['commits'][0]}",)
        assert preview.commits == tuple(result["commits"])
        await (await task_of(bench)).rewind(to=preview)
        again = await bench.finish(latest(bench))
        assert (again["branch"], again["pushed"]) == (f"{result['branch']}-2", True)


async def test_a_question_that_moved_is_asked_anew_after_a_rewind_to_the_step_before_it(
    benches: Benches,
) -> None:
    async with benches(script_of(looks(8)), reflect_every=1_000) as bench:
        handle = await bench.start(mode="answer", budget={"steps": 3})
        old = await bench.question(handle)
        await update(handle, "upgrade")
        fresh = await bench.question(latest(bench), but=old.id)
        extended = {"question_id": fresh.id, "choice": "extend", "budget": {"steps": 6}}
        await update(latest(bench), "answer", extended)
        again = await bench.question(latest(bench), but=fresh.id)
        assert "6 of 6" in again.text
        preview = await (await task_of(bench)).rewind_preview(to=3)
        assert [each.step for each in preview.steps] == [4, 5, 6]
        await (await task_of(bench)).rewind(to=preview)
        once_more = await bench.question(latest(bench), but=again.id)
        assert once_more.text == old.text
        assert once_more.id not in {old.id, fresh.id}


async def test_a_step_of_the_version_before_is_gone_back_to_where_that_has_workers(benches: Benches) -> None:
    turns = [[READ], [READ, FIX, ASKING], [LATER]]
    async with benches(script_of(turns), **deployment()) as bench:
        await promoted(bench, "v1")
        handle = await bench.start()
        old = await bench.approval(handle)
        async with second_version(bench):
            await update(handle, "upgrade")
            fresh = await bench.approval(latest(bench), but=old.id)
            assert await version_of(latest(bench)) == "v2"
            await bench.decide(latest(bench), fresh, "approve")
            later = await bench.approval(latest(bench), but=fresh.id)
            task = await task_of(bench)
            # The run that is taken back goes on in the version that it is pinned to.
            await task.rewind(to=1)
            again = await bench.approval(latest(bench), but=later.id)
            assert (again.step, await version_of(latest(bench))) == (2, "v1")
            assert (await task.upgrade(wait_s=30)).moved
            await bench.approval(latest(bench), but=again.id)
            first = (await task.rewind_preview(to=1)).run_id
            await bench.workers[0].shutdown()
            server = Server(bench.client, "test")
            later_on = datetime.now(UTC) + timedelta(seconds=LIVE_S)
            with pytest.raises(NoWorker, match=r"would go on as .*:v1', and no worker") as refused:
                await require_version(server, handle.id, first, now=later_on)
            assert "PERDURE_BUILD_ID=v1" in refused.value.hint
            result = await bench.finish(latest(bench))
            assert (result["status"], await version_of(latest(bench))) == ("completed", "v2")


async def test_steps_of_runs_that_the_server_forgot_are_refused_and_those_after_them_are_not(
    benches: Benches,
) -> None:
    async with benches(script_of([*looks(20), [LATER]]), **SHORT) as bench:
        handle = await bench.start()
        waiting = await bench.approval(handle)
        runs = await runs_of(bench)
        assert len(runs) >= 2
        await forgotten(bench, runs[0])
        task = await task_of(bench)
        for attempt in (task.rewind_preview(to=1), task.fork_point(1)):
            with pytest.raises(Refused, match="is in a run that is not kept any more") as refused:
                await attempt
        earliest = int(refused.value.hint.split()[2])
        point, _ = await task.fork_point(earliest)
        assert point.step == earliest
        preview = await task.rewind_preview(to=earliest)
        assert preview.steps[0].step == earliest + 1
        await task.rewind(to=preview)
        again = await bench.approval(latest(bench), but=waiting.id)
        assert again.title == waiting.title
        spent = await task.cost()
        assert spent.dropped.model_calls == preview.cost.model_calls > 0
        result = await bench.finish(latest(bench))
        assert git(bench.remote, "show", f"{result['branch']}:count.txt") == "later"


async def forgotten(bench: Bench, run_id: str) -> None:
    """Let the server forget a run, as retention does."""
    execution = WorkflowExecution(workflow_id=bench.handles[0].id, run_id=run_id)
    await bench.client.workflow_service.delete_workflow_execution(
        DeleteWorkflowExecutionRequest(namespace=bench.client.namespace, workflow_execution=execution)
    )

    async def gone() -> bool | None:
        return run_id not in await runs_of(bench) or None

    assert await until(gone)
