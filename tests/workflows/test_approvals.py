"""Who decided what, as the record has it; and what is denied because nobody is there to decide."""

from typing import Any

import pytest
from temporalio.client import WorkflowUpdateFailedError

from perdure.contracts.calls import Assurance
from perdure.contracts.digests import shown_digest
from tests.workflows.conftest import Benches, Call, script_of, until

WRITING: Call = ("execute_command", {"command": "echo written >> made.txt", "writes": True})
LONG: Call = ("execute_command", {"command": f"echo {'x' * 5_000}; echo tail >> made.txt", "writes": True})


async def test_nobody_decides_without_a_name_and_what_was_decided_is_recorded(benches: Benches) -> None:
    async with benches(script_of([[WRITING]])) as bench:
        handle = await bench.start(user="Carol")
        asked = await bench.approval(handle)
        for nameless in ({}, {"by": " "}, {"by": "deadline"}, {"by": "your name"}):
            word = {"approval_id": asked.id, "verdict": "approve", **nameless}
            with pytest.raises(WorkflowUpdateFailedError) as refused:
                await handle.execute_update("decide", word)  # pyright: ignore[reportUnknownMemberType]
            assert "'by'" in str(refused.value.cause) or "nobody in particular" in str(refused.value.cause)
        await handle.signal("deny", {"approval_id": asked.id})

        async def remark() -> str | None:
            status: dict[str, Any] = await handle.query("status")
            return str(status["remarks"][-1]) if status["remarks"] else None

        assert "needs the name of who decides" in await until(remark)
        await handle.signal("approve", {"approval_id": asked.id, "by": "Ada", "reason": "it is fine"})
        push = await bench.approval(handle, but=asked.id)
        await bench.decide(handle, push, "deny", reason="not today")
        await handle.result()

        task_id = handle.first_execution_run_id or ""
        approved, denied = await bench.house.record.approvals(task_id)
        assert (approved.approval.id, denied.approval.id) == (asked.id, push.id)
        assert (approved.decided["outcome"], denied.decided["outcome"]) == ("approved", "denied")
        [consent] = approved.decided["consents"]
        assert (consent["by"], consent["assurance"]) == ("Ada", Assurance.CLAIMED.value)
        assert approved.approval.operation_digest == asked.operation_digest
        assert approved.approval.shown_digest == shown_digest(asked.title, asked.preview)
        assert approved.approval.policy_digest == bench.house.policy.digest
        assert approved.approval.user == "Carol"


async def test_what_is_not_shown_whole_is_approved_by_its_digest(benches: Benches) -> None:
    async with benches(script_of([[LONG]])) as bench:
        handle = await bench.start()
        asked = await bench.approval(handle)
        assert "echo tail >> made.txt" in asked.preview
        assert asked.hidden > 3_000
        assert asked.whole is not None
        stored = await bench.house.record.artifact(handle.first_execution_run_id or "", asked.whole.id)
        assert b"x" * 5_000 in stored
        assert asked.operation_digest.encode() in stored
        with pytest.raises(WorkflowUpdateFailedError) as refused:
            await bench.decide(handle, asked, "approve")
        assert "leaves out" in str(refused.value.cause)
        assert f'"operation_digest": "{asked.operation_digest}"' in await bench.card(handle)
        await bench.decide(handle, asked, "approve", operation_digest=asked.operation_digest[:12])
        await bench.approval(handle, but=asked.id)


async def test_where_nobody_attends_what_needs_a_person_is_denied_at_once(benches: Benches) -> None:
    async with benches(script_of([[WRITING]])) as bench:
        handle = await bench.start(attended=False)
        result: dict[str, Any] = await handle.result()
        assert "Nobody attends this task" in result["withheld"][0]["why"]
        [recorded] = await bench.house.record.approvals(handle.first_execution_run_id or "")
        assert (recorded.decided["outcome"], recorded.decided["by"]) == ("unattended", "unattended")
        assert not list(bench.settings.home.glob("workspaces/*/*/tree/made.txt"))
