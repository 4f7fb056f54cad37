"""A workflow with the name of a maintenance run, which asks one thing and ends as it is told."""

from typing import Any

from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from perdure.contracts.maintenance import Finding, MaintenanceRequest, MaintenanceResult
    from perdure.contracts.names import MAINTENANCE_RUN
    from perdure.contracts.task import TaskStatus, Withheld
    from workflows.attended_run import AttendedRun
    from workflows.request import NO_INPUT, read_input

RESULT = MaintenanceResult(
    status=TaskStatus.COMPLETED,
    summary="Two steps were kept.",
    branch="perdure/upkeep",
    commits=("ab" * 20,),
    findings=(Finding(step="fix", what="F401 unused import", count=3, where="app.py:1", fixed=True),),
    withheld=(Withheld(what="the step format", why="a test that passed fails after it"),),
    base_commit="cd" * 20,
)


@workflow.defn(name=MAINTENANCE_RUN)
class ShortUpkeep(AttendedRun):
    """Fails by the playbook ``failing``; waits for the signal ``resume`` by the playbook ``waiting``."""

    @workflow.run
    async def run(self, request: RawValue = NO_INPUT) -> dict[str, Any]:
        """Returns ``RESULT``."""
        asked = read_input(request, MaintenanceRequest, what=MAINTENANCE_RUN)
        if asked.playbook == "waiting":
            self._paused = True
            await workflow.wait_condition(lambda: not self._paused)
        if asked.playbook == "failing":
            failed = RESULT.model_copy(update={"status": TaskStatus.FAILED, "summary": "It did not work."})
            raise ApplicationError("It did not work.", failed.model_dump(mode="json"), non_retryable=True)
        return RESULT.model_dump(mode="json")
