"""A reset of a task's first run to its very beginning, as the Web UI can make it, begins again and forgets nothing."""

from typing import Any

import pytest
from temporalio.client import WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

from tests.workflows.conftest import FIX, READ, TESTS, Benches, git, script_of
from tests.workflows.test_reset import first_task, reset_to
from tests.workflows.test_rewind import prepared_again, tree_folders
from tests.workflows.test_steps_over_runs import SHORT, latest, looks, runs_of, task_of


async def test_a_pushed_branch_is_left_alone_and_what_was_spent_stays_spent(benches: Benches) -> None:
    async with benches(script_of([[READ], [FIX], [TESTS]])) as bench:
        handle = await bench.start()
        old = await bench.approval(handle)
        before = await bench.finish(handle)
        branch, commit = before["branch"], before["commits"][-1]

        again = await reset_to(bench, handle, await first_task(handle))
        fresh = await bench.approval(again, but=old.id)
        assert (fresh.tool, f"{branch}-2" in fresh.title) == ("git_push", True)
        with pytest.raises(WorkflowUpdateFailedError) as refused:
            await bench.decide(again, old, "approve")
        assert isinstance(refused.value.cause, ApplicationError)
        assert "belongs to an earlier run" in refused.value.cause.message

        result = await bench.finish(again)
        assert (result["branch"], result["pushed"]) == (f"{branch}-2", True)
        assert bench.remote_branches()[branch] == commit
        assert git(bench.remote, "log", "--format=%s", f"main..{branch}-2") == "Round to the nearest cent"
        assert result["cost"]["model_calls"] == 2 * before["cost"]["model_calls"]
        spent = await (await task_of(bench)).cost()
        assert spent.dropped.model_calls == before["cost"]["model_calls"]
        assert f"What was pushed as {branch!r} stays at the remote" in " ".join(await bench.warnings(again))


async def test_what_a_person_changed_in_the_workspace_is_kept_and_named(benches: Benches) -> None:
    async with benches(script_of([[READ], [FIX]])) as bench:
        handle = await bench.start()
        push = await bench.approval(handle)
        [tree] = tree_folders(bench, handle)()
        (tree / "by-hand.txt").write_text("mine\n")
        again = await reset_to(bench, handle, await first_task(handle))
        fresh = await bench.approval(again, but=push.id)
        prepared = await prepared_again(bench, again)
        [note] = prepared.notes
        assert "by-hand.txt" in note
        [kept] = prepared.set_aside
        patch = await bench.house.record.artifact(str(handle.first_execution_run_id), kept.id)
        assert b"+mine" in patch
        assert prepared.set_aside_in is not None
        assert prepared.set_aside_in.pack
        [tree] = tree_folders(bench, handle)()
        assert not (tree / "by-hand.txt").exists()
        assert [note] == [line for line in await bench.warnings(again) if "by-hand" in line]
        assert fresh.tool == "git_push"


async def test_a_task_with_several_runs_begins_again_as_well(benches: Benches) -> None:
    async with benches(script_of([[FIX], *looks(30)]), **SHORT) as bench:
        handle = await bench.start()
        push = await bench.approval(handle)
        before = await bench.finish(latest(bench))
        first, *_ = runs = await runs_of(bench)
        assert len(runs) >= 2
        run = bench.client.get_workflow_handle(handle.id, run_id=first)
        await reset_to(bench, run, await first_task(run))
        fresh = await bench.approval(latest(bench), but=push.id)
        assert f"{before['branch']}-2" in fresh.title
        result = await bench.finish(latest(bench))
        assert result["cost"]["model_calls"] == 2 * before["cost"]["model_calls"]
        assert set(bench.remote_branches()) == {"main", before["branch"], f"{before['branch']}-2"}


@pytest.mark.parametrize("ending", ["completed", "waiting"])
async def test_a_task_of_one_run_ends_after_each_of_several_resets(benches: Benches, ending: str) -> None:
    async with benches(script_of([[FIX], *looks(6)]), reflect_every=1_000) as bench:
        handle = await bench.start()
        seen: Any = await bench.approval(handle)
        for _ in range(2):
            if ending == "completed":
                await bench.finish(handle)
            handle = await reset_to(bench, handle, await first_task(handle))
            fresh = await bench.approval(handle, but=seen.id)
            assert (fresh.tool, fresh.id != seen.id) == ("git_push", True)
            seen = fresh
        assert (await bench.finish(handle))["status"] == "completed"
