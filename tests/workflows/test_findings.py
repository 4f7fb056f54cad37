"""What a hostile or hurried person can do to a task, and what a remote or a model can: the task says so and goes on."""

import shutil
from typing import Any

import pytest
from temporalio.client import WorkflowFailureError, WorkflowHandle, WorkflowUpdateFailedError

from tests.workflows.conftest import FIX, READ, TESTS, Bench, git, script_of

SLOW = ("execute_command", {"command": "sleep 3; echo done > made.txt", "writes": True, "timeout_s": 1})


async def refuse_push(bench: Bench, handle: WorkflowHandle[Any, Any], *, but: str = "") -> Any:
    """Deny what waits, and return the result."""
    await bench.decide(handle, await bench.approval(handle, but=but), "deny", reason="not now")
    return await handle.result()


async def test_signals_without_input_are_remarked_and_do_not_wedge_the_task(benches: Any) -> None:
    async with benches(script_of([[READ], [FIX]])) as bench:
        handle = await bench.start()
        approval = await bench.approval(handle)
        for name in ("approve", "deny", "steer"):
            await handle.signal(name)
            await handle.signal(name, args=[{}, "too much"])
        assert "must be a JSON object" in await bench.card(handle)
        await bench.decide(handle, approval, "approve")
        assert (await handle.result())["pushed"] is True


async def test_a_user_name_longer_than_the_servers_key_is_no_trouble(benches: Any) -> None:
    async with benches(script_of([[READ]])) as bench:
        handle = await bench.start(user="é" * 60)
        assert (await handle.result())["status"] == "completed"


async def test_an_edit_may_give_a_call_more_time_and_the_record_shows_what_ran(benches: Any) -> None:
    async with benches(script_of([[SLOW]])) as bench:
        handle = await bench.start()
        first = await bench.approval(handle)
        await bench.decide(handle, first, "edit", arguments={**SLOW[1], "timeout_s": 60})
        second = await bench.approval(handle, but=first.id)
        await bench.decide(handle, second, "approve")
        push = await bench.approval(handle, but=second.id)
        calls = await bench.calls(handle)
        assert (calls[0]["ok"], calls[0]["title"]) == (True, second.title)
        await bench.decide(handle, push, "approve")
        result = await handle.result()
        assert git(bench.remote, "show", f"{result['branch']}:made.txt") == "done"


async def test_a_remote_that_cannot_be_reached_leaves_the_work_committed_and_says_why(benches: Any) -> None:
    async with benches(script_of([[FIX], [TESTS]])) as bench:
        shutil.move(bench.remote, bench.remote.with_name("moved.git"))
        handle = await bench.start()
        result = await handle.result()
        assert (result["status"], result["pushed"]) == ("completed", False)
        assert len(result["commits"]) == 1
        assert "push" in result["withheld"][0]["what"]


async def test_the_branch_of_the_result_is_the_one_the_model_made(benches: Any) -> None:
    branching = ("create_branch", {"name": "fix/rounding"})
    async with benches(script_of([[branching], [FIX]])) as bench:
        handle = await bench.start()
        await bench.decide(handle, await bench.approval(handle), "approve")
        result = await handle.result()
        assert result["branch"] == "fix/rounding"
        assert bench.remote_branches()["fix/rounding"] == result["commits"][-1]


async def test_a_push_of_earlier_commits_does_not_count_for_later_ones(benches: Any) -> None:
    commit = ("git_commit", {"message": "Begin"})
    first = ("write_file", {"path": "first.txt", "content": "one\n"})
    async with benches(script_of([[first], [commit], [("git_push", {})], [FIX]])) as bench:
        handle = await bench.start()
        early = await bench.approval(handle)
        await bench.decide(handle, early, "approve")
        result = await refuse_push(bench, handle, but=early.id)
        assert (result["status"], result["pushed"], len(result["commits"])) == ("completed", False, 2)
        assert "not now" in result["withheld"][-1]["why"]


async def test_a_word_that_comes_while_the_push_waits_is_reported_as_unread(benches: Any) -> None:
    async with benches(script_of([[FIX]])) as bench:
        handle = await bench.start()
        approval = await bench.approval(handle)
        await handle.signal("steer", {"message": "also mind the euro"})
        await bench.decide(handle, approval, "approve")
        result = await handle.result()
        assert result["pushed"] is True
        assert any("also mind the euro" in each["what"] for each in result["withheld"])


async def test_a_task_whose_only_change_was_denied_ends_denied(benches: Any) -> None:
    writing = ("execute_command", {"command": "echo x > x.txt", "writes": True})
    async with benches(script_of([[writing]])) as bench:
        handle = await bench.start()
        result = await refuse_push(bench, handle)
        assert (result["status"], result["commits"]) == ("denied", [])
        assert "not now" in result["withheld"][0]["why"]


async def test_a_huge_edit_is_refused_with_a_sentence(benches: Any) -> None:
    writing = ("execute_command", {"command": "echo x > x.txt", "writes": True})
    async with benches(script_of([[writing]])) as bench:
        handle = await bench.start()
        approval = await bench.approval(handle)
        with pytest.raises(WorkflowUpdateFailedError) as refused:
            await bench.decide(
                handle, approval, "edit", arguments={"command": "x" * 1_100_000, "writes": True}
            )
        assert "at most" in str(refused.value.cause)
        result = await refuse_push(bench, handle)
        assert result["status"] == "denied"


async def test_nothing_waits_after_a_cancellation(benches: Any) -> None:
    async with benches(script_of([[FIX]])) as bench:
        handle = await bench.start()
        await bench.approval(handle)
        await handle.cancel()
        with pytest.raises(WorkflowFailureError):
            await handle.result()
        assert (await handle.query("pending"))["approvals"] == []
        assert (await handle.query("status"))["status"] == "canceled"
