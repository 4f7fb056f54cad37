"""What clients can make up: how a run goes on that nobody began, and signatures that are none."""

from datetime import timedelta
from typing import Any

from temporalio.common import RetryPolicy

from tests.workflows.conftest import FIX, Bench, Call, script_of, until

ASKED: Call = ("execute_command", {"command": "echo asked >> made.txt", "writes": True})
REFUSED = "takes no cron schedule and no second attempt"


async def failures_of(bench: Bench, id: str, *, least: int) -> list[str]:
    """How the runs of a workflow failed, once so many are over, the newest first."""

    async def look() -> list[str] | None:
        found: list[str] = []
        async for each in bench.client.list_workflows(f"WorkflowId = '{id}' AND ExecutionStatus = 'Failed'"):
            history = await bench.client.get_workflow_handle(each.id, run_id=each.run_id).fetch_history()
            failed = history.events[-1].workflow_execution_failed_event_attributes
            found.append(failed.failure.message)
        return found if len(found) >= least else None

    return await until(look)


async def test_what_a_client_says_of_a_run_before_is_never_believed(benches: Any) -> None:
    async with benches(script_of([[FIX]])) as bench:
        # The server begins the second run, and that it follows the first one is true.
        forged = {"request": "Fix it.", "repository": str(bench.repository), "continuation": {"v": 1}}
        await bench.client.start_workflow(
            "CodingTask", forged, id="forged", task_queue=bench.settings.task_queue, cron_schedule="@every 1s"
        )
        failures = await failures_of(bench, "forged", least=2)
        await bench.client.get_workflow_handle("forged").terminate()
        assert all(REFUSED in said for said in failures)


async def test_a_second_attempt_is_refused_in_words(benches: Any) -> None:
    async with benches(script_of([[ASKED]])) as bench:
        request = {"request": "Fix it.", "repository": str(bench.repository)}
        await bench.client.start_workflow(
            "CodingTask", request, id="again", task_queue=bench.settings.task_queue,
            run_timeout=timedelta(seconds=3), retry_policy=RetryPolicy(maximum_attempts=3),
        )  # fmt: skip
        assert [REFUSED in said for said in await failures_of(bench, "again", least=1)] == [True]


async def test_a_signal_with_a_signature_that_is_none_is_remarked(benches: Any) -> None:
    async with benches(script_of([[ASKED]])) as bench:
        handle = await bench.start()
        approval = await bench.approval(handle)
        told = {"approval_id": approval.id, "by": "Ada", "signature": "é"}
        await handle.signal("approve", told)
        status: dict[str, Any] = await handle.query("status")
        assert "The signature is by no key that is registered" in status["remarks"][-1]
        await bench.decide(handle, approval, "deny")
        await bench.finish(handle)
