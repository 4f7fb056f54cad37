"""Whole tasks from start to end, on the real servers."""

import asyncio
from typing import Any

import pytest
from temporalio.client import WorkflowFailureError
from temporalio.exceptions import ApplicationError

from perdure.llm.scripted.script import Script
from tests.workflows.conftest import FIX, READ, TESTS, git, reflection, script_of, until

WRITING = ("execute_command", {"command": "echo changed > made.txt", "writes": True})


async def test_fixes_a_bug_commits_asks_and_pushes(benches: Any, fixing: Script) -> None:
    async with benches(fixing) as bench:
        before = git(bench.repository, "status", "--porcelain"), git(bench.repository, "rev-parse", "HEAD")
        handle = await bench.start()
        approval = await bench.approval(handle)
        assert approval.tool == "git_push"
        assert (await bench.decide(handle, approval, "approve"))["recorded"] == "approve"
        result = await handle.result()
        assert (result["status"], result["pushed"], result["steps"]) == ("completed", True, 5)
        assert bench.remote_branches()[result["branch"]] == result["commits"][-1]
        assert [check["status"] for check in result["checks"]] == ["passed", "passed", "passed"]
        assert result["cost"]["scripted"] is True
        assert "round(amount" in git(bench.remote, "show", f"{result['branch']}:money/rounding.py")
        after = git(bench.repository, "status", "--porcelain"), git(bench.repository, "rev-parse", "HEAD")
        assert after == before


async def test_a_denied_push_completes_and_says_why_nothing_was_pushed(benches: Any, fixing: Script) -> None:
    async with benches(fixing) as bench:
        handle = await bench.start()
        approval = await bench.approval(handle)
        await bench.decide(handle, approval, "deny", reason="not on a Friday")
        result = await handle.result()
        assert (result["status"], result["pushed"]) == ("completed", False)
        assert "not on a Friday" in result["withheld"][0]["why"]
        assert list(bench.remote_branches()) == ["main"]


async def test_a_denial_with_its_reason_reaches_the_model(benches: Any) -> None:
    async with benches(script_of([[WRITING], [READ]])) as bench:
        handle = await bench.start()
        approval = await bench.approval(handle)
        assert approval.title.startswith("execute_command")
        await bench.decide(handle, approval, "deny", reason="use edit_file")
        await handle.result()
        asked = [each.body.decode() for each in bench.models.requests]
        assert any("use edit_file" in text for text in asked)


async def test_an_approved_command_may_write_the_workspace(benches: Any) -> None:
    async with benches(script_of([[WRITING]])) as bench:
        handle = await bench.start()
        approval = await bench.approval(handle)
        assert "echo changed > made.txt" in approval.preview
        await bench.decide(handle, approval, "approve")
        push = await bench.approval(handle, but=approval.id)
        await bench.decide(handle, push, "approve")
        result = await handle.result()
        assert git(bench.remote, "show", f"{result['branch']}:made.txt") == "changed"


async def test_an_edit_shows_a_new_preview_under_a_new_id(benches: Any) -> None:
    async with benches(script_of([[WRITING]])) as bench:
        handle = await bench.start()
        first = await bench.approval(handle)
        edited = {"command": "echo edited > made.txt", "writes": True}
        await bench.decide(handle, first, "edit", arguments=edited)
        second = await bench.approval(handle, but=first.id)
        assert "echo edited > made.txt" in second.preview
        await bench.decide(handle, second, "approve")
        push = await bench.approval(handle, but=second.id)
        await bench.decide(handle, push, "approve")
        result = await handle.result()
        assert git(bench.remote, "show", f"{result['branch']}:made.txt") == "edited"


async def test_an_edit_that_the_tool_refuses_asks_again(benches: Any) -> None:
    async with benches(script_of([[WRITING]])) as bench:
        handle = await bench.start()
        first = await bench.approval(handle)
        await bench.decide(handle, first, "edit", arguments={"order": "rm"})

        async def look() -> str | None:
            details = await bench.card(handle)
            return details if "The edit was refused" in details else None

        assert "Waiting for your approval" in await until(look)
        # It waits for another word, under another id; the refused edit decides nothing more.
        again = await bench.approval(handle, but=first.id)
        await bench.decide(handle, again, "deny", reason="Leave it.")


async def test_no_word_before_the_deadline_is_a_denial_that_says_so(benches: Any, fixing: Script) -> None:
    async with benches(fixing, approval_deadline_s=1.5, approval_reminder_s=0.5) as bench:
        handle = await bench.start()
        result = await handle.result()
        assert result["pushed"] is False
        assert "deadline" in result["withheld"][0]["why"]


async def test_the_same_decision_twice_gives_the_same_receipt_and_another_is_refused(
    benches: Any, fixing: Script
) -> None:
    async with benches(script_of([[WRITING], [WRITING]])) as bench:
        handle = await bench.start()
        approval = await bench.approval(handle)
        first = await bench.decide(handle, approval, "approve")
        again = await bench.decide(handle, approval, "approve")
        assert first["recorded"] == again["recorded"] == "approve"
        with pytest.raises(Exception, match="failed") as refused:
            await bench.decide(handle, approval, "deny")
        assert "already decided" in str(refused.value.__cause__)
        with pytest.raises(Exception, match="failed") as unknown:
            await handle.execute_update("decide", {"approval_id": "feedfacefeed", "verdict": "approve"})
        assert "No approval 'feedfacefeed' is pending" in str(unknown.value.__cause__)


async def test_signals_approve_and_deny_and_bad_ones_are_remarked(benches: Any, fixing: Script) -> None:
    async with benches(fixing) as bench:
        handle = await bench.start()
        approval = await bench.approval(handle)
        await handle.signal("approve", {"approval": approval.id})
        await handle.signal("approve", "yes please")
        assert "'approval\\_id' is missing" in await bench.card(handle)
        await handle.signal("approve", {"approval_id": approval.id, "by": "Ada"})
        assert (await handle.result())["pushed"] is True


async def test_a_reached_budget_asks_and_can_be_extended_or_wrapped_up(benches: Any) -> None:
    async with benches(script_of([[READ], [FIX], [TESTS]])) as bench:
        handle = await bench.start(budget={"steps": 1})
        question = await bench.question(handle)
        assert "steps (1 of 1)" in question.text
        with pytest.raises(Exception, match="failed") as refused:
            await handle.execute_update(
                "answer", {"question_id": question.id, "choice": "extend", "budget": {"steps": 1}}
            )
        assert "already used" in str(refused.value.__cause__)
        await handle.execute_update(
            "answer", {"question_id": question.id, "choice": "extend", "budget": {"steps": 2}}
        )
        second = await bench.question(handle, but=question.id)
        await handle.execute_update("answer", {"question_id": second.id, "choice": "wrap_up"})
        await bench.decide(handle, await bench.approval(handle), "deny")
        result = await handle.result()
        assert (result["status"], result["pushed"]) == ("budget_exhausted", False)


async def test_a_call_that_repeats_is_reflected_on_and_then_asked_about(benches: Any) -> None:
    async with benches(script_of([[READ]] * 8)) as bench:
        handle = await bench.start()
        question = await bench.question(handle)
        assert "again and again (4 times)" in question.text
        lines = await handle.query("transcript")
        assert any("the same call 3 times" in line["title"] for line in lines)
        await handle.execute_update("answer", {"question_id": question.id, "choice": "stop"})
        assert (await handle.result())["status"] == "incomplete"


async def test_cancelling_stops_the_process_tree_and_ends_canceled(benches: Any) -> None:
    mark = "2718281.8"
    sleeper = ("execute_command", {"command": f"sleep {mark} | sleep {mark}", "timeout_s": 300})
    async with benches(script_of([[sleeper]])) as bench:
        handle = await bench.start()

        async def runs() -> list[str] | None:
            return await processes_with(mark) or None

        await until(runs)
        await handle.cancel()
        with pytest.raises(WorkflowFailureError) as ended:
            await handle.result()
        assert "cancel" in str(ended.value.cause).lower()
        assert await processes_with(mark) == []
        described = await handle.describe()
        assert described.status is not None
        assert described.status.name == "CANCELED"


async def test_unknown_tools_and_malformed_arguments_are_told_to_the_model(benches: Any) -> None:
    bad = {
        "for": "decide",
        "turn": 0,
        "calls": [
            {"tool": "reed_file", "arguments": {"path": "a"}},
            {"tool": "read_file", "arguments": {"file": "a"}},
            {"tool": "read_file", "raw": '{"path": "money/ro'},
        ],
    }
    async with benches(script_of([[READ], [READ]], before=[bad])) as bench:
        handle = await bench.start()
        await handle.result()
        told = bench.models.requests[-1].body.decode()
        assert "There is no tool 'reed_file'" in told
        assert "read_file" in told
        calls = await bench.calls(handle)
        assert [call["ok"] for call in calls[:3]] == [False, False, False]


async def test_several_reads_in_one_decision_all_run(benches: Any) -> None:
    reads = [("read_file", {"path": path}) for path in ("README.md", "money/rounding.py", "conftest.py")]
    async with benches(script_of([reads])) as bench:
        handle = await bench.start()
        result = await handle.result()
        assert result["steps"] == 3
        assert [call["ok"] for call in await bench.calls(handle)] == [True, True, True]


async def test_done_is_not_believed_until_reflection_agrees(benches: Any) -> None:
    doubting = {"for": "decide", "turn": 0, "content": "Done already."}
    script = script_of([[READ], [FIX], [TESTS]], before=[doubting])
    replies = [reply.model_dump(by_alias=True, exclude_defaults=True) for reply in script.replies]
    first = reflection("change_course", last="says it is done")
    first["turn"] = 1
    async with benches(Script.model_validate({"v": 1, "replies": [first, *replies]})) as bench:
        handle = await bench.start()
        await bench.decide(handle, await bench.approval(handle), "approve")
        lines = await handle.query("transcript")
        assert any(line["title"] == "the model says it is done: change_course" for line in lines)
        assert (await handle.result())["status"] == "completed"


async def test_steering_reaches_the_model_and_pause_holds_the_next_step(benches: Any) -> None:
    slow: dict[str, Any] = {
        "for": "decide",
        "turn": 0,
        "delay_ms": 600,
        "calls": [{"tool": "git_status", "arguments": {}}],
    }
    async with benches(script_of([[READ], [READ]], before=[slow])) as bench:
        handle = await bench.start()
        await handle.signal("pause", {"by": "Bob"})
        await handle.signal("steer", {"message": "mind the negative amounts", "by": "Ada"})

        async def paused() -> bool | None:
            return (await handle.query("status"))["doing"] == "paused by Bob" or None

        await until(paused)
        asked = len(bench.models.requests)
        await asyncio.sleep(0.5)
        assert len(bench.models.requests) == asked
        await handle.signal("resume")
        await handle.result()
        assert "mind the negative amounts" in bench.models.requests[-1].body.decode()
        said = await bench.house.record.database.fetch(
            "SELECT body->>'by' AS by FROM entries WHERE task_id = $1 AND body->>'kind' = 'steer'",
            handle.first_execution_run_id or "",
        )
        assert [row["by"] for row in said] == ["Ada"]


@pytest.mark.parametrize("mode", ["plan", "answer"])
async def test_modes_that_cannot_write_change_nothing(benches: Any, mode: str) -> None:
    async with benches(script_of([[READ], [FIX]])) as bench:
        handle = await bench.start(mode=mode)
        result = await handle.result()
        assert (result["status"], result["commits"], result["pushed"]) == ("completed", [], False)
        assert [call["ok"] for call in await bench.calls(handle)] == [True, False]


async def test_a_failed_gate_sends_the_work_back_and_then_says_what_fails(benches: Any) -> None:
    breaking = ("write_file", {"path": "money/broken.py", "content": "def f():\n    return undefined_name\n"})
    async with benches(script_of([[breaking]])) as bench:
        handle = await bench.start()
        await bench.decide(handle, await bench.approval(handle), "deny")
        result = await handle.result()
        assert result["status"] == "incomplete"
        assert {check["name"]: check["status"] for check in result["checks"]}["lint"] == "failed"
        assert any(each["what"] == "check lint" for each in result["withheld"])


async def test_without_a_key_or_a_script_the_task_fails_at_once_and_names_the_variable(benches: Any) -> None:
    async with benches(script_of([]), model_script=None, groq_base_url=None) as bench:
        handle = await bench.start()
        with pytest.raises(WorkflowFailureError) as failed:
            await handle.result()
        cause = failed.value.cause
        assert isinstance(cause, ApplicationError)
        assert "GROQ_API_KEY" in cause.message
        assert cause.details[0]["status"] == "failed"


async def processes_with(mark: str) -> list[str]:
    """Command lines of living processes that hold the mark."""
    listing = await asyncio.create_subprocess_exec("ps", "-eo", "stat=,args=", stdout=asyncio.subprocess.PIPE)
    output, _ = await listing.communicate()
    lines = output.decode().splitlines()
    return [line for line in lines if mark in line and not line.startswith("Z") and "ps -eo" not in line]


async def test_a_cancellation_is_not_lost_when_the_running_step_finishes_anyway(benches: Any) -> None:
    slow: dict[str, Any] = {"for": "decide", "turn": 0, "delay_ms": 2_500, "content": "Done."}
    async with benches(script_of([], before=[slow]), heartbeat_s=60.0) as bench:
        handle = await bench.start()

        async def deciding() -> bool | None:
            return (await handle.query("status"))["doing"].startswith("deciding") or None

        await until(deciding)
        await handle.cancel()
        with pytest.raises(WorkflowFailureError) as ended:
            await handle.result()
        assert "cancel" in str(ended.value.cause).lower()
        described = await handle.describe()
        assert described.status is not None
        assert described.status.name == "CANCELED"
