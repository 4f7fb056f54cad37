"""A task is taken back to one of its steps: nothing that was said or approved since counts again."""

import contextlib
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHandle, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

from perdure.client import PerdureClient, Refused, TaskHandle, TaskNotFound
from perdure.contracts.digests import short_hash
from perdure.contracts.errors import InvalidInput
from perdure.contracts.steps import PreparedWorkspace
from tests.workflows.conftest import FIX, NOTHING_AHEAD, READ, TESTS, Bench, Call, git, script_of, until
from tests.workflows.test_maintenance_run import NO_KEY, UNTIDY, maintain, repository_of

WRITING: Call = ("execute_command", {"command": "echo once >> count.txt", "writes": True})
SLOW: Call = (
    "execute_command",
    {"command": "echo once >> count.txt; sleep 3; echo late >> count.txt", "writes": True},
)
Handle = WorkflowHandle[Any, Any]


async def task_of(bench: Bench, handle: Handle) -> TaskHandle[Any]:
    """The client's handle of a task, as programs and the command line have it."""
    return await PerdureClient(bench.client, task_queue=bench.settings.task_queue).task(handle.id)


async def taken_back(bench: Bench, handle: Handle, to: int) -> Handle:
    """Rewind the task; the handle of the run that goes on."""
    receipt = await (await task_of(bench, handle)).rewind(to=to, by="Ada")
    fresh: Handle = bench.client.get_workflow_handle(handle.id, run_id=receipt.run_id)
    bench.handles.append(fresh)
    return fresh


async def prepared_again(bench: Bench, handle: Handle) -> PreparedWorkspace:
    """What the rebuild after the reset reported."""

    async def look() -> PreparedWorkspace | None:
        found: PreparedWorkspace | None = None
        async for event in handle.fetch_history_events():
            result = event.activity_task_completed_event_attributes.result.payloads
            if result and b'"spent":{' in result[0].data:
                found = PreparedWorkspace.model_validate_json(result[0].data)
        return found

    return await until(look)


@contextlib.asynccontextmanager
async def pushed(
    benches: Any, turns: list[list[Call]]
) -> AsyncGenerator[tuple[Bench, Handle, dict[str, Any]]]:
    """A task that ended with an approved push."""
    async with benches(script_of(turns)) as bench:
        handle = await bench.start()
        yield bench, handle, await bench.finish(handle)


async def test_a_rewind_past_an_approved_push_asks_for_it_again_under_another_branch(benches: Any) -> None:
    async with pushed(benches, [[READ], [FIX], [TESTS]]) as (bench, handle, before):
        branch, commit = before["branch"], before["commits"][-1]
        task = await task_of(bench, handle)
        preview = await task.rewind_preview(to=1)
        assert [each.step for each in preview.steps] == [2, 3, 4, 5]
        assert preview.steps[0].title.startswith("edit_file money/rounding.py")
        assert preview.files == ("money/rounding.py",)
        assert (preview.commits, preview.pushes) == ((commit,), (f"{branch}@{commit}",))
        assert [title.split()[0] for title in preview.approvals] == ["git_push"]
        assert preview.cost.model_calls > 0
        assert not preview.open

        again = await taken_back(bench, handle, 1)
        fresh = await bench.approval(again)
        assert fresh.tool == "git_push"
        assert f"{branch}-2" in fresh.title
        result = await bench.finish(again)
        assert (result["branch"], result["pushed"]) == (f"{branch}-2", True)
        assert bench.remote_branches()[branch] == commit
        assert set(bench.remote_branches()) == {"main", branch, f"{branch}-2"}
        assert result["cost"]["model_calls"] == before["cost"]["model_calls"] + preview.cost.model_calls
        spent = await task.cost()
        assert spent.dropped.model_calls == preview.cost.model_calls
        assert spent.cost == type(spent.cost).model_validate(result["cost"])


async def test_the_old_decision_is_refused_after_a_rewind_with_a_sentence(benches: Any) -> None:
    async with benches(script_of([[FIX]])) as bench:
        handle = await bench.start()
        old = await bench.approval(handle)
        await bench.decide(handle, old, "approve")
        await handle.result()
        again = await taken_back(bench, handle, 2)
        fresh = await bench.approval(again, but=old.id)
        with pytest.raises(WorkflowUpdateFailedError) as refused:
            await bench.decide(again, old, "approve")
        assert isinstance(refused.value.cause, ApplicationError)
        assert "belongs to an earlier run" in refused.value.cause.message
        assert fresh.id != old.id


async def test_what_people_said_after_the_step_is_not_applied_again(benches: Any) -> None:
    async with benches(script_of([[READ], [WRITING], [FIX]])) as bench:
        handle = await bench.start()
        approval = await bench.approval(handle)
        await handle.signal("steer", {"message": "and hurry"})
        await handle.signal("pause")
        await handle.signal("resume")
        await bench.decide(handle, approval, "approve")
        await bench.approval(handle, but=approval.id)
        assert (await (await task_of(bench, handle)).rewind_preview(to=1)).words == ("and hurry",)
        await handle.cancel()
        with pytest.raises(Exception, match="execution failed"):
            await handle.result()

        again = await taken_back(bench, handle, 1)
        fresh = await bench.approval(again)
        assert fresh.tool == "execute_command"
        assert fresh.id != approval.id
        said = {
            EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED,
            EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED,
            EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ADMITTED,
            EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCEL_REQUESTED,
        }
        events = [event async for event in again.fetch_history_events()]
        assert not [event for event in events if event.event_type in said]
        reasons = [
            event.workflow_task_failed_event_attributes.failure.message
            for event in events
            if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED
        ]
        assert "rewind to step 1 by Ada" in reasons
        assert (await bench.finish(again))["status"] == "completed"


async def test_a_call_that_runs_while_the_task_is_taken_back_is_fenced_off(benches: Any) -> None:
    async with benches(script_of([[READ], [SLOW], [READ]]), policy=NOTHING_AHEAD) as bench:
        handle = await bench.start()
        await bench.decide(handle, await bench.approval(handle), "approve")
        trees = tree_folders(bench, handle)

        async def begun() -> bool | None:
            return any((tree / "count.txt").exists() for tree in trees()) or None

        await until(begun)
        again = await taken_back(bench, handle, 1)
        fresh = await bench.approval(again)
        assert not [tree for tree in trees() if (tree / "count.txt").exists()]
        await bench.decide(again, fresh, "approve")
        result = await bench.finish(again)
        assert git(bench.remote, "show", f"{result['branch']}:count.txt") == "once\nlate"


async def test_what_a_person_changed_in_the_workspace_is_kept_and_named(benches: Any) -> None:
    async with benches(script_of([[READ], [FIX]])) as bench:
        handle = await bench.start()
        push = await bench.approval(handle)
        [tree] = tree_folders(bench, handle)()
        (tree / "by-hand.txt").write_text("mine\n")
        again = await taken_back(bench, handle, 1)
        prepared = await prepared_again(bench, again)
        [note] = prepared.notes
        assert "by-hand.txt" in note
        [kept] = prepared.set_aside
        patch = await bench.house.record.artifact(str(handle.first_execution_run_id), kept.id)
        assert b"+mine" in patch
        assert prepared.set_aside_in is not None
        assert prepared.set_aside_in.commit[:12] in note
        assert prepared.set_aside_in.pack
        await bench.approval(again, but=push.id)
        assert [note] == [line for line in await bench.warnings(again) if "by-hand" in line]
        [tree] = tree_folders(bench, handle)()
        assert not (tree / "by-hand.txt").exists()
        listed = await (await task_of(bench, handle)).artifacts()
        assert [each.name for each in listed if each.id == kept.id] == [kept.name]


async def test_a_step_of_an_earlier_run_of_the_same_task_is_gone_back_to(benches: Any) -> None:
    looks: list[list[Call]] = [
        [("read_file", {"path": "money/rounding.py", "limit": 1 + at})] for at in range(20)
    ]
    turns = [[FIX], *looks]
    async with benches(script_of(turns), continue_after_events=60, reflect_every=1_000) as bench:
        handle = await bench.start()
        push = await bench.approval(handle)
        task = await task_of(bench, handle)
        for to in (12, 3, 0):
            preview = await task.rewind_preview(to=to)
            assert preview.last_step >= to
            assert preview.run_id != (await task.describe()).run_id
            await task.rewind(to=preview, by="Ada")
            fresh = await bench.approval(bench.client.get_workflow_handle(handle.id), but=push.id)
            assert fresh.id != push.id
            push = fresh
        latest: Handle = bench.client.get_workflow_handle(handle.id)
        bench.handles.append(latest)
        result = await bench.finish(latest)
        assert (result["status"], result["steps"]) == ("completed", len(turns) + 2)
        assert "round(amount" in git(bench.remote, "show", f"{result['branch']}:money/rounding.py")
        assert result["cost"]["model_calls"] > len(turns) * 2


async def test_a_rewind_that_cannot_be_is_refused_with_a_sentence(benches: Any) -> None:
    async with benches(script_of([[READ], [WRITING]])) as bench:
        handle = await bench.start()
        approval = await bench.approval(handle)
        task = await task_of(bench, handle)
        for to, said in (
            (7, "has no step 7; its last is 2"),
            (-1, "There is no step -1"),
            (2, "has not ended"),
        ):
            with pytest.raises(InvalidInput) as refused:
                await task.rewind_preview(to=to)
            assert said in refused.value.message
            assert refused.value.hint
        await bench.decide(handle, approval, "deny")
        result = await bench.finish(handle)
        with pytest.raises(Refused, match="is the last of task"):
            await task.rewind_preview(to=result["steps"])
        with pytest.raises(TaskNotFound):
            await PerdureClient(bench.client, task_queue=bench.settings.task_queue).task("none")


async def test_a_maintenance_run_is_not_taken_back(benches: Any) -> None:
    async with benches(script_of([]), **NO_KEY) as bench:
        repository, _ = repository_of(bench, UNTIDY)
        handle = await maintain(bench, repository)
        with pytest.raises(Refused, match="only coding tasks are taken back"):
            await (await task_of(bench, handle)).rewind_preview(to=1)


def tree_folders(bench: Bench, handle: Handle) -> Any:
    """Finds the work trees that the task has on this host now."""
    folder = bench.folder / "home" / "workspaces" / short_hash(str(handle.first_execution_run_id))

    def found() -> list[Path]:
        return [path / "tree" for path in folder.iterdir() if path.name.isdigit()]

    return found
