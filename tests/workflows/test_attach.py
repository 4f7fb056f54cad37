"""Start or find a task in one request: the update ``attach`` answers once the task is open, or says why it is not."""

from typing import Any

import pytest
from temporalio.client import WithStartWorkflowOperation, WorkflowUpdateFailedError
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.exceptions import ApplicationError

from perdure.contracts.decisions import Attached
from perdure.llm.scripted.script import Script
from tests.workflows.conftest import Bench, script_of


async def attach(bench: Bench, request: object, *, workflow_id: str) -> Attached:
    """Start the task, or find the one that has this id."""
    start: WithStartWorkflowOperation[Any, Any] = WithStartWorkflowOperation(
        "CodingTask",
        request,
        id=workflow_id,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        task_queue=bench.settings.task_queue,
    )
    # The overloads of the SDK's method are partly untyped.
    attached: Attached = await bench.client.execute_update_with_start_workflow(  # pyright: ignore[reportUnknownMemberType]
        "attach", start_workflow_operation=start, result_type=Attached
    )
    bench.handles.append(bench.client.get_workflow_handle(workflow_id, run_id=attached.run_id))
    return attached


async def test_the_first_starts_the_task_and_the_second_finds_it(benches: Any, fixing: Script) -> None:
    async with benches(fixing) as bench:
        request = {"request": "Round correctly.", "repository": str(bench.repository)}
        first = await attach(bench, request, workflow_id="order-17")
        assert (first.workflow_id, first.task_id) == ("order-17", first.run_id)
        again = await attach(bench, request, workflow_id="order-17")
        assert (again.task_id, again.run_id) == (first.task_id, first.run_id)
        handle = bench.handles[0]
        await bench.decide(handle, await bench.approval(handle), "approve")
        assert (await handle.result())["status"] == "completed"


@pytest.mark.parametrize(
    ("fields", "said"),
    [({"repository": None}, "'repository'"), ({"repository": "/srv/other"}, "PERDURE_REPOSITORY_ROOTS")],
)
async def test_what_cannot_be_opened_tells_who_attaches(
    benches: Any, fields: dict[str, object], said: str
) -> None:
    async with benches(script_of([]), repository_roots=("/srv/code",)) as bench:
        with pytest.raises(WorkflowUpdateFailedError) as refused:
            await attach(bench, {"request": "Fix it.", **fields}, workflow_id=f"bad-{said}")
        cause = refused.value.cause
        assert isinstance(cause, ApplicationError)
        assert cause.type == "InvalidInput"
        assert said in cause.message
