"""A task whose history is long enough goes on in a new run, and nobody notices."""

import json
from typing import Any

import pytest
from temporalio.client import WorkflowFailureError, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from perdure.client import PerdureClient
from perdure.client.events import ApprovalAsked, Decided, Ended, Event, Executed, Started
from perdure.embedded.database import connected
from tests.workflows.conftest import FIX, READ, Bench, Call, git, script_of, until

WRITING: Call = ("execute_command", {"command": "echo changed >> made.txt", "writes": True})
SHORT = {"continue_after_events": 60, "reflect_every": 1_000}


def looking(number: int) -> Call:
    """One of many calls that no guard takes for the same."""
    return ("read_file", {"path": "money/rounding.py", "limit": number})


async def told(bench: Bench, id: str) -> list[Event]:
    """All that the client tells of a task, from its first run to its last."""
    task = await PerdureClient(bench.client, task_queue=bench.settings.task_queue).task(id)
    return [event async for event in task.events(wait=False)]


async def runs_of(bench: Bench, id: str) -> list[str]:
    """The task's runs in order, by what the client tells."""
    return list(dict.fromkeys(event.run_id for event in await told(bench, id)))


async def words_in_transcript(database_url: str, task_id: str) -> list[str]:
    """What people said that the model read, in order."""
    query = "SELECT json_agg(body->>'text' ORDER BY depth) FROM entries WHERE task_id = $1 AND kind = 'note'"
    async with connected(database_url) as connection:
        return json.loads(str(await connection.fetchval(query, task_id)))


async def test_all_that_counts_is_carried_from_run_to_run(benches: Any) -> None:
    turns = [[WRITING], *[[looking(number)] for number in range(1, 25)], [WRITING], [FIX]]
    async with benches(script_of(turns), **SHORT) as bench:
        handle = await bench.start()
        first = await bench.approval(handle)
        decision = {"approval_id": first.id, "verdict": "approve", "remember": "task", "by": "Ada"}
        await handle.execute_update("decide", decision)
        # The second command is not asked for again, although another run asks for it.
        push = await bench.approval(handle, but=first.id)
        assert push.tool == "git_push"
        again = await handle.execute_update("decide", decision)
        assert again["recorded"] == "approve"
        with pytest.raises(WorkflowUpdateFailedError) as refused:
            await handle.execute_update("decide", {**decision, "verdict": "deny"})
        assert isinstance(refused.value.cause, ApplicationError)
        assert "was already decided: approve" in refused.value.cause.message
        await bench.decide(handle, push, "approve")
        result = await handle.result()

        assert (result["status"], result["steps"]) == ("completed", len(turns) + 2)
        assert git(bench.remote, "show", f"{result['branch']}:made.txt") == "changed\nchanged"
        events = await told(bench, handle.id)
        started = [event for event in events if isinstance(event, Started)]
        assert len(started) >= 3
        assert [event.continued for event in started] == [False, *[True] * (len(started) - 1)]
        assert [event.step for event in events if isinstance(event, Decided)] == list(
            range(1, len(turns) + 2)
        )
        assert len([event for event in events if isinstance(event, Executed)]) == len(turns) + 2
        asked = [event.approval_id for event in events if isinstance(event, ApprovalAsked)]
        assert {first.id, push.id} <= set(asked)
        assert isinstance(events[-1], Ended)
        decided = [event for event in events if isinstance(event, Decided)]
        assert result["cost"]["model_calls"] >= len(decided)
        task = await PerdureClient(bench.client, task_queue=bench.settings.task_queue).task(handle.id)
        assert task.task_id == handle.first_execution_run_id
        calls = await bench.calls(handle)
        assert len(calls) == len(turns) + 2


async def test_a_budget_counts_over_all_runs(benches: Any) -> None:
    turns = [[looking(number)] for number in range(1, 40)]
    async with benches(script_of(turns), **SHORT) as bench:
        handle = await bench.start(mode="answer", budget={"steps": 20})
        question = await bench.question(handle)
        assert "steps (20 of 20)" in question.text
        assert len(await runs_of(bench, handle.id)) >= 2
        await handle.execute_update(
            "answer", {"question_id": question.id, "choice": "extend", "budget": {"steps": 30}}
        )
        again = await bench.question(handle, but=question.id)
        assert "steps (30 of 30)" in again.text
        await handle.execute_update("answer", {"question_id": again.id, "choice": "wrap_up"})
        result = await handle.result()
        assert (result["status"], result["steps"]) == ("budget_exhausted", 30)


async def test_words_that_come_while_a_run_hands_over_are_heard_once_and_in_order(
    benches: Any, database_url: str
) -> None:
    turns = [[looking(number)] for number in range(1, 31)]
    async with benches(script_of(turns), continue_after_events=20, reflect_every=1_000) as bench:
        handle = await bench.start(mode="answer")
        sent = 0
        # Signals all the time, so that many meet a run that is about to hand over.
        while (await handle.describe()).close_time is None and sent < 200:
            try:
                await handle.signal("steer", {"message": f"word {sent}"})
            except RPCError as error:
                if error.status is not RPCStatusCode.NOT_FOUND:
                    raise
                break
            sent += 1
        await handle.result()
        assert len(await runs_of(bench, handle.id)) >= 4
        heard = await words_in_transcript(database_url, str(handle.first_execution_run_id))
        assert heard == [f"word {number}" for number in range(len(heard))]
        # What came when the model had nothing more to decide is not read any more.
        assert len(heard) > sent / 2


async def test_a_pause_holds_in_the_next_run(benches: Any) -> None:
    turns = [[looking(number)] for number in range(1, 25)]
    async with benches(script_of(turns), **SHORT) as bench:
        handle = await bench.start(mode="answer")

        async def later_run() -> bool | None:
            return len(await runs_of(bench, handle.id)) > 1 or None

        await until(later_run)
        await handle.signal("pause")

        async def rests() -> bool | None:
            return "paused" in (await handle.query("status"))["doing"] or None

        await until(rests)
        assert (await handle.query("status"))["paused"] is True
        await handle.signal("resume")
        assert (await handle.result())["status"] == "completed"


async def test_a_continuation_from_a_person_is_refused(benches: Any) -> None:
    async with benches(script_of([[READ]])) as bench:
        request = {"request": "Round correctly.", "repository": str(bench.repository)}
        handle = await bench.start({**request, "continuation": {"v": 1, "head": "made up"}})
        with pytest.raises(WorkflowFailureError) as failed:
            await handle.result()
        assert isinstance(failed.value.cause, ApplicationError)
        assert "continuation" in failed.value.cause.message
