"""A task begins at a step of another one: the same conversation and files, an id, a branch and a price of its own."""

import json
from typing import Any

import pytest
from temporalio.client import WorkflowFailureError, WorkflowHandle
from temporalio.exceptions import ApplicationError

from perdure.client import PerdureClient, Refused, TaskNotFound
from perdure.contracts.errors import InvalidInput
from perdure.embedded.database import connected
from tests.workflows.conftest import FIX, READ, TESTS, Bench, Call, git, script_of
from tests.workflows.test_rewind import tree_folders

WRITING: Call = ("execute_command", {"command": "echo once >> count.txt", "writes": True})
#: More than the model is shown at once, so that the whole of it is an artifact.
LONG: Call = ("execute_command", {"command": "seq 1 20000"})
Handle = WorkflowHandle[Any, Any]


def client_of(bench: Bench) -> PerdureClient:
    """A client of the bench's tasks."""
    return PerdureClient(bench.client, task_queue=bench.settings.task_queue)


async def forked(bench: Bench, source: Handle, step: int, **fields: Any) -> Handle:
    """A fork of the task; the handle of the new one."""
    task = await client_of(bench).fork(source.id, step=step, **fields)
    fresh: Handle = bench.client.get_workflow_handle(
        task.id, run_id=task.task_id, first_execution_run_id=task.task_id
    )
    bench.handles.append(fresh)
    return fresh


async def transcript(bench: Bench, handle: Handle) -> list[dict[str, Any]]:
    """Every entry of a task in order."""
    query = "SELECT json_agg(json_build_object('kind', kind, 'step', step, 'body', body) ORDER BY depth) FROM entries WHERE task_id = $1"
    url = bench.settings.database_url
    assert url is not None
    async with connected(url.get_secret_value()) as connection:
        return json.loads(str(await connection.fetchval(query, str(handle.first_execution_run_id))))


async def test_a_fork_of_a_running_task_goes_on_by_itself_and_leaves_the_other_alone(benches: Any) -> None:
    async with benches(script_of([[READ], [LONG], [FIX], [WRITING]])) as bench:
        source = await bench.start(user="Ada")
        waiting = await bench.approval(source)
        fork = await forked(bench, source, 3)
        asked = await bench.approval(fork)
        assert (asked.tool, asked.step) == ("execute_command", 4)
        assert asked.id != waiting.id
        status = await fork.query("status")
        assert status["branch"] != (await source.query("status"))["branch"]
        assert "forked from" in await bench.card(fork)
        assert source.id in await bench.card(fork)
        [tree] = tree_folders(bench, fork)()
        assert "round(amount" in (tree / "money/rounding.py").read_text()

        await bench.decide(fork, asked, "approve")
        result = await bench.finish(fork)
        assert (result["status"], result["steps"]) == ("completed", 6)
        assert (await source.query("pending"))["approvals"][0]["id"] == waiting.id
        [untouched] = tree_folders(bench, source)()
        assert not (untouched / "count.txt").exists()
        assert list(bench.remote_branches()) == ["main", result["branch"]]
        assert git(bench.remote, "show", f"{result['branch']}:count.txt") == "once"

        old, new = await transcript(bench, source), await transcript(bench, fork)
        assert [each["kind"] for each in new[:3]] == ["request", "workspace", "plan"]
        assert new[0]["body"]["forked"]["step"] == 3
        assert new[0]["body"]["forked"]["task_id"] == source.first_execution_run_id
        texts = [each["body"]["text"] for each in old if each["kind"] == "result"]
        assert [each["body"]["text"] for each in new if each["kind"] == "result"][: len(texts)] == texts
        [before] = [each for each in old if each["body"].get("artifacts")]
        after = next(each for each in new if each["body"].get("artifacts"))
        assert before["body"]["artifacts"][0]["id"] != after["body"]["artifacts"][0]["id"]
        record = bench.house.record
        theirs = await record.artifact(
            str(source.first_execution_run_id), before["body"]["artifacts"][0]["id"]
        )
        ours = await record.artifact(str(fork.first_execution_run_id), after["body"]["artifacts"][0]["id"])
        assert theirs == ours


async def test_a_fork_of_a_task_that_ended_reads_its_own_request_and_asks_its_own_model(benches: Any) -> None:
    async with benches(script_of([[READ], [FIX], [TESTS]])) as bench:
        source = await bench.start()
        before = await bench.finish(source)
        fork = await forked(bench, source, 1, request="Round down instead.", model="another/model")
        result = await bench.finish(fork)
        assert result["status"] == "completed"
        assert result["cost"]["models"] == ["another/model"]
        assert result["branch"] != before["branch"]
        assert bench.remote_branches()[before["branch"]] == before["commits"][-1]
        entries = await transcript(bench, fork)
        said = [each["body"]["text"] for each in entries if each["kind"] == "note"]
        assert said[0] == "Round down instead."
        assert entries[0]["body"]["request"] == "Round correctly."
        assert [each["kind"] for each in entries].count("plan") == 2
        # The price of the steps before is the other task's.
        assert result["cost"]["model_calls"] < before["cost"]["model_calls"] + 2


async def test_a_fork_by_the_start_form_needs_no_client_of_ours(benches: Any) -> None:
    async with benches(script_of([[READ], [FIX]])) as bench:
        source = await bench.start()
        await bench.finish(source)
        asked = {"request": "Round correctly.", "repository": str(bench.repository)}
        for name in (source.id, str(source.first_execution_run_id)):
            fork = await bench.start({**asked, "fork": {"task": name, "step": 2}})
            assert (await bench.finish(fork))["status"] == "completed"
        for beginning, said in (
            ({"task": "nobody", "step": 1}, "has a task 'nobody'"),
            ({"task": source.id, "step": 40}, "has no step 40"),
        ):
            refused = await bench.start({**asked, "fork": beginning})
            with pytest.raises(WorkflowFailureError) as failed:
                await refused.result()
            assert isinstance(failed.value.cause, ApplicationError)
            assert failed.value.cause.type == "InvalidInput" or failed.value.cause.type == "TaskNotFound"
            assert said in failed.value.cause.message
        elsewhere = await bench.start(
            {**asked, "repository": str(bench.remote), "fork": {"task": source.id, "step": 1}}
        )
        with pytest.raises(WorkflowFailureError) as failed:
            await elsewhere.result()
        assert isinstance(failed.value.cause, ApplicationError)
        assert "works on another repository" in failed.value.cause.message


async def test_a_fork_of_a_fork_and_a_fork_of_a_task_that_was_taken_back(benches: Any) -> None:
    async with benches(script_of([[READ], [FIX], [WRITING]])) as bench:
        source = await bench.start()
        waiting = await bench.approval(source)
        child = await forked(bench, source, 2)
        first = await bench.approval(child)
        receipt = await (await client_of(bench).task(source.id)).rewind(to=1)
        bench.handles.append(bench.client.get_workflow_handle(source.id, run_id=receipt.run_id))
        grandchild = await forked(bench, child, 2)
        second = await bench.approval(grandchild)
        assert len({waiting.id, first.id, second.id}) == 3
        nephew = await forked(bench, source, 1)
        third = await bench.approval(nephew)
        assert (third.step, third.tool) == (3, "execute_command")
        for handle, approval in ((child, first), (grandchild, second), (nephew, third)):
            await bench.decide(handle, approval, "approve")
            assert (await bench.finish(handle))["steps"] == 5


async def test_a_fork_that_cannot_be_is_refused_with_a_sentence(benches: Any) -> None:
    async with benches(script_of([[READ], [WRITING]])) as bench:
        source = await bench.start()
        await bench.approval(source)
        client = client_of(bench)
        for step, said in (
            (7, "has no step 7; its last is 2"),
            (-1, "There is no step -1"),
            (2, "has not ended"),
        ):
            with pytest.raises(InvalidInput) as refused:
                await client.fork(source.id, step=step)
            assert said in refused.value.message
            assert refused.value.hint
        with pytest.raises(TaskNotFound):
            await client.fork("none", step=1)
        with pytest.raises(Refused, match="running already"):
            await client.fork(source.id, step=1, id=source.id)
