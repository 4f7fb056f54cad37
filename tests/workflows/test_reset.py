"""A reset, as the Web UI and its API make it, never brings an old decision to bear again."""

from typing import Any

import pytest
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest
from temporalio.client import WorkflowHandle

from perdure.contracts.decisions import Approval
from tests.workflows.conftest import FIX, READ, Bench, Call, git, script_of

COUNTING = ("execute_command", {"command": "echo once >> count.txt", "writes": True})


async def reset_to(
    bench: Bench, handle: WorkflowHandle[Any, Any], finished_task: int
) -> WorkflowHandle[Any, Any]:
    """Reset with the API's defaults: signals and updates after the point are applied again."""
    described = await handle.describe()
    answer = await bench.client.workflow_service.reset_workflow_execution(
        ResetWorkflowExecutionRequest(
            namespace=bench.client.namespace,
            workflow_execution=WorkflowExecution(workflow_id=handle.id, run_id=described.run_id),
            reason="a test",
            workflow_task_finish_event_id=finished_task,
            request_id=f"{handle.id}-{finished_task}",
        )
    )
    fresh = bench.client.get_workflow_handle(handle.id, run_id=answer.run_id)
    bench.handles.append(fresh)
    return fresh


async def task_before_decision(handle: WorkflowHandle[Any, Any], kind: Any) -> int:
    """The last workflow task that was finished before the first event of this kind."""
    finished = 0
    async for event in handle.fetch_history_events():
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED:
            finished = event.event_id
        if event.event_type == kind:
            return finished
    raise AssertionError("The history has no such event.")


async def first_task(handle: WorkflowHandle[Any, Any]) -> int:
    """The first workflow task of the current run that was finished."""
    async for event in handle.fetch_history_events():
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED:
            return event.event_id
    raise AssertionError("No workflow task was finished.")


@pytest.mark.parametrize("way", ["update", "signal"])
async def test_an_old_approval_is_not_applied_again_and_a_fresh_one_is_asked(benches: Any, way: str) -> None:
    async with benches(script_of([[COUNTING], [READ]])) as bench:
        handle = await bench.start()
        old = await bench.approval(handle)
        if way == "update":
            await bench.decide(handle, old, "approve")
            kind = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED
        else:
            await handle.signal("approve", {"approval_id": old.id, "by": "Ada"})
            kind = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED
        await bench.approval(handle, but=old.id)
        again = await reset_to(bench, handle, await task_before_decision(handle, kind))
        fresh = await bench.approval(again)
        assert fresh.tool == old.tool
        assert fresh.operation_digest != old.operation_digest, "the run is part of what is sealed"
        assert fresh.id != old.id
        with pytest.raises(Exception, match="failed") as refused:
            await bench.decide(again, old, "approve")
        assert "belongs to an earlier run" in str(refused.value.__cause__)
        await finish(bench, again, fresh)
        result = await again.result()
        assert git(bench.remote, "show", f"{result['branch']}:count.txt") == "once"


async def test_a_reset_to_before_an_edit_restores_the_files(benches: Any) -> None:
    async with benches(script_of([[READ], [COUNTING], [FIX]])) as bench:
        handle = await bench.start()
        first = await bench.approval(handle)
        await bench.decide(handle, first, "approve")
        push = await bench.approval(handle, but=first.id)
        point = await task_before_decision(handle, EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED)
        again = await reset_to(bench, handle, point)
        fresh = await bench.approval(again)
        assert fresh.id not in {first.id, push.id}
        await finish(bench, again, fresh)
        result = await again.result()
        assert git(bench.remote, "show", f"{result['branch']}:count.txt") == "once"
        assert "round(amount" in git(bench.remote, "show", f"{result['branch']}:money/rounding.py")


async def test_decisions_before_the_reset_point_still_hold(benches: Any) -> None:
    async with benches(script_of([[COUNTING], [READ], [FIX]])) as bench:
        handle = await bench.start()
        first = await bench.approval(handle)
        await bench.decide(handle, first, "approve")
        push = await bench.approval(handle, but=first.id)
        events = [event async for event in handle.fetch_history_events()]
        point = max(
            e.event_id for e in events if e.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED
        )
        again = await reset_to(bench, handle, point)
        fresh = await bench.approval(again)
        assert (fresh.tool, fresh.id != push.id) == ("git_push", True)
        await bench.decide(again, fresh, "approve")
        result = await again.result()
        assert (result["status"], result["pushed"]) == ("completed", True)
        assert git(bench.remote, "show", f"{result['branch']}:count.txt") == "once"


async def test_a_push_that_happened_counts_after_a_reset_to_before_its_approval(benches: Any) -> None:
    async with benches(script_of([[FIX]])) as bench:
        handle = await bench.start()
        await bench.decide(handle, await bench.approval(handle), "approve")
        first = await handle.result()
        assert first["pushed"]
        point = await task_before_decision(handle, EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED)
        result = await (await reset_to(bench, handle, point)).result()
        assert result == first
        assert bench.remote_branches()[result["branch"]] == result["commits"][-1]


async def test_a_push_of_the_model_that_happened_is_neither_asked_again_nor_called_denied(
    benches: Any,
) -> None:
    turns: list[list[Call]] = [[FIX], [("git_commit", {"message": "Round"})], [("git_push", {})]]
    async with benches(script_of(turns)) as bench:
        handle = await bench.start()
        await bench.decide(handle, await bench.approval(handle), "approve")
        first = await handle.result()
        point = await task_before_decision(handle, EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED)
        again = await reset_to(bench, handle, point)
        result = await again.result()
        assert (result["pushed"], result["withheld"]) == (True, [])
        assert result["commits"] == first["commits"]
        lines: list[dict[str, Any]] = await again.query("transcript")
        [done] = [line for line in lines if line["kind"] == "done"]
        assert (done["ok"], "there is nothing to push" in done["excerpt"]) == (True, True)


async def finish(bench: Bench, handle: WorkflowHandle[Any, Any], approval: Approval) -> None:
    """Approve this and the push after it."""
    await bench.decide(handle, approval, "approve")
    push = await bench.approval(handle, but=approval.id)
    assert push.tool == "git_push"
    await bench.decide(handle, push, "approve")
