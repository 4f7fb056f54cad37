"""A workflow with the task's name that goes on in a second run before it ends."""

from typing import Any

from temporalio import workflow

from perdure.contracts.task import TaskRequest, TaskResult, TaskStatus


@workflow.defn(name="CodingTask")
class ContinuingTask:
    """Ends in its second run."""

    @workflow.run
    async def run(self, request: TaskRequest) -> dict[str, Any]:
        """Continue once, then complete."""
        if workflow.info().continued_run_id is None:
            workflow.continue_as_new(request)
        return TaskResult(status=TaskStatus.COMPLETED, summary="in the second run").model_dump(mode="json")
