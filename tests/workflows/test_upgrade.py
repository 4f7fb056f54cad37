"""A task that waits moves over to another version of the workers: it asks anew there, and nothing is done twice."""

import contextlib
import dataclasses
import uuid
from collections.abc import AsyncGenerator, Mapping
from typing import Any

import pytest
from temporalio.client import WorkflowHandle, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

from perdure.client import PerdureClient
from perdure.client.command_line.exit_codes import ExitCode
from perdure.client.errors import Refused
from perdure.contracts.continuation import Undone
from perdure.installation import connect
from tests.workflows.conftest import FIX, READ, Bench, Benches, Call, git, script_of, until
from tests.workflows.test_archive import shell_of
from worker import workers

COUNTING: Call = ("execute_command", {"command": "echo once >> count.txt", "writes": True})
ASKING: Call = ("execute_command", {"command": "echo twice >> count.txt", "writes": True})


def build_of(bench: Bench) -> WorkflowHandle[Any, Any]:
    """The last task's handle, whichever run is the current one."""
    return bench.client.get_workflow_handle(bench.handles[-1].id)


async def version_of(handle: WorkflowHandle[Any, Any]) -> str:
    """The build id that the current run is pinned to."""
    raw = (await handle.describe()).raw_description.workflow_execution_info
    return raw.versioning_info.deployment_version.build_id


async def update(handle: WorkflowHandle[Any, Any], name: str, *argument: Mapping[str, Any]) -> Any:
    """Send an update as the Web UI does."""
    # The overloads of the SDK's method are partly untyped.
    return await handle.execute_update(name, args=argument)  # pyright: ignore[reportUnknownMemberType]


def client_of(bench: Bench) -> PerdureClient:
    """A client of the bench's queue."""
    return PerdureClient(bench.client, task_queue=bench.settings.task_queue)


@contextlib.asynccontextmanager
async def second_version(bench: Bench) -> AsyncGenerator[None]:
    """Workers of build v2 on the same host, promoted."""
    settings = bench.settings.model_copy(update={"build_id": "v2"})
    # The SDK takes two workers of one client and queue for one.
    client = await connect(bench.settings)
    async with workers(dataclasses.replace(bench.house, settings=settings, client=client)):
        await promoted(bench, "v2")
        yield


async def promoted(bench: Bench, build_id: str) -> None:
    """The build takes new tasks."""

    async def look() -> bool | None:
        try:
            return bool(await client_of(bench).promote(build_id))
        except Refused:
            return None

    assert await until(look)


def deployment() -> dict[str, str]:
    """Settings of workers of build v1 of a deployment of their own."""
    return {"deployment": f"shop-{uuid.uuid4().hex[:6]}", "build_id": "v1"}


async def moved(bench: Bench, build_id: str) -> None:
    """The task's current run is pinned to the build."""

    async def look() -> bool | None:
        return await version_of(build_of(bench)) == build_id or None

    assert await until(look)


async def test_a_waiting_task_asks_anew_on_the_new_version_and_ends_there_without_the_old_workers(
    benches: Benches,
) -> None:
    turns = [[READ, ("edit_file", FIX[1]), ASKING, ("read_file", {"path": "count.txt"})]]
    async with benches(script_of(turns), **deployment()) as bench:
        await promoted(bench, "v1")
        handle = await bench.start()
        current = build_of(bench)
        old = await bench.approval(current)
        assert await version_of(current) == "v1"
        async with second_version(bench):
            assert await version_of(current) == "v1"
            receipt = await (await client_of(bench).task(handle.id)).upgrade(wait_s=30)
            assert receipt.withdrawn == (old.id,)
            assert (receipt.version_before, receipt.moved) == (f"{bench.settings.deployment}:v1", True)
            await bench.workers[0].shutdown()
            await moved(bench, "v2")
            fresh = await bench.approval(current, but=old.id)
            assert (fresh.title, fresh.step, fresh.call) == (old.title, old.step, old.call)
            assert fresh.operation_digest != old.operation_digest, "the run is part of what is sealed"
            with pytest.raises(WorkflowUpdateFailedError) as refused:
                await bench.decide(current, old, "approve")
            assert isinstance(refused.value.cause, ApplicationError)
            assert "belongs to an earlier run" in refused.value.cause.message
            await bench.decide(current, fresh, "approve")
            push = await bench.approval(current, but=fresh.id)
            await bench.decide(current, push, "approve")
            result = await current.result()
            assert (result["status"], result["pushed"], await version_of(current)) == (
                "completed",
                True,
                "v2",
            )
            assert git(bench.remote, "show", f"{result['branch']}:count.txt") == "twice"
            # Each call of the decision ran once, and the model was not asked for it again.
            titles = [line["title"] for line in await bench.calls(current) if line["step"] == 1]
            assert len(titles) == 4
            assert result["steps"] == 3


async def test_a_push_that_waits_is_asked_anew_and_the_commit_stays_one(benches: Benches) -> None:
    async with benches(script_of([[FIX]])) as bench:
        handle = await bench.start()
        old = await bench.approval(handle)
        assert old.tool == "git_push"
        receipt = await update(handle, "upgrade")
        assert receipt["withdrawn"] == [old.id]
        current = build_of(bench)
        fresh = await bench.approval(current, but=old.id)
        assert (fresh.tool, fresh.step) == ("git_push", old.step)
        await bench.decide(current, fresh, "approve")
        result = await current.result()
        assert (result["status"], result["pushed"], len(result["commits"])) == ("completed", True, 1)
        assert result["summary"] == "Amounts are rounded."
        assert bench.remote_branches()[result["branch"]] == result["commits"][0]


async def test_a_denied_push_after_the_move_is_withheld_once(benches: Benches) -> None:
    async with benches(script_of([[FIX]])) as bench:
        handle = await bench.start()
        old = await bench.approval(handle)
        await update(handle, "upgrade")
        current = build_of(bench)
        fresh = await bench.approval(current, but=old.id)
        await bench.decide(current, fresh, "deny", reason="not today")
        result = await current.result()
        assert (result["status"], result["pushed"]) == ("completed", False)
        assert [each["why"] for each in result["withheld"]] == [
            "A person denied this call by Ada; it was not run. Reason: not today"
        ]


async def test_a_question_is_asked_anew_and_its_old_id_is_refused(benches: Benches) -> None:
    turns = [[("read_file", {"path": "README.md", "limit": number})] for number in range(1, 9)]
    async with benches(script_of(turns), reflect_every=1_000) as bench:
        handle = await bench.start(mode="answer", budget={"steps": 3})
        old = await bench.question(handle)
        receipt = await update(handle, "upgrade")
        assert receipt["withdrawn"] == [old.id]
        current = build_of(bench)
        fresh = await bench.question(current, but=old.id)
        assert fresh.text == old.text
        with pytest.raises(WorkflowUpdateFailedError):
            await update(current, "answer", {"question_id": old.id, "choice": "wrap_up"})
        await update(current, "answer", {"question_id": fresh.id, "choice": "wrap_up"})
        assert (await current.result())["status"] == "budget_exhausted"


async def test_a_loop_question_comes_back_with_the_calls_it_was_about(benches: Benches) -> None:
    async with benches(script_of([[COUNTING], *[[READ]] * 6]), reflect_every=1_000) as bench:
        handle = await bench.start(mode="answer")
        old = await bench.question(handle)
        assert old.kind == "loop"
        before = len(await bench.calls(handle))
        await update(handle, "upgrade")
        current = build_of(bench)
        fresh = await bench.question(current, but=old.id)
        assert fresh.text == old.text
        await update(current, "answer", {"question_id": fresh.id, "choice": "continue"})

        async def ran() -> bool | None:
            return len(await bench.calls(current)) > before or None

        assert await until(ran)
        result = await current.result()
        assert result["steps"] == 8


async def test_a_paused_task_moves_and_stays_paused(benches: Benches) -> None:
    turns: list[list[Call]] = [[READ], [FIX]]
    async with benches(script_of(turns)) as bench:
        handle = await bench.start(mode="answer")
        await handle.signal("pause")
        current = build_of(bench)

        async def rests() -> bool | None:
            return "paused" in (await current.query("status"))["doing"] or None

        await until(rests)
        await update(handle, "upgrade")

        async def rests_in_a_new_run() -> bool | None:
            run = (await current.describe()).run_id
            return (run != handle.first_execution_run_id and await rests()) or None

        assert await until(rests_in_a_new_run)
        await current.signal("resume")
        assert (await current.result())["status"] == "completed"


async def test_tasks_of_no_version_and_those_that_are_on_it_already_are_refused(benches: Benches) -> None:
    async with benches(script_of([[COUNTING]])) as bench:
        handle = await bench.start()
        await bench.approval(handle)
        with pytest.raises(Refused, match="is pinned to no version"):
            await (await client_of(bench).task(handle.id)).upgrade()
        assert await bench.approval(handle)


async def test_a_task_on_the_version_that_takes_new_tasks_has_nowhere_to_move(benches: Benches) -> None:
    async with benches(script_of([[COUNTING]]), **deployment()) as bench:
        await promoted(bench, "v1")
        handle = await bench.start()
        await bench.approval(handle)
        with pytest.raises(Refused, match="which takes new tasks"):
            await (await client_of(bench).task(handle.id)).upgrade()


def test_what_is_left_undone_reads_what_an_older_release_wrote() -> None:
    assert Undone.model_validate({"v": 1, "decision": "ab"}) == Undone(decision="ab")


async def test_the_command_line_moves_a_task_and_says_so(benches: Benches) -> None:
    async with benches(script_of([[ASKING]]), **deployment()) as bench:
        await promoted(bench, "v1")
        handle = await bench.start()
        old = await bench.approval(handle)
        shell = shell_of(bench)
        nowhere = await shell.run("upgrade", handle.id)
        assert nowhere.exit_code == ExitCode.NOT_DONE
        assert "which takes new tasks" in " ".join(nowhere.stderr.split())
        async with second_version(bench):
            moved_over = await shell.json("upgrade", handle.id)
            name = bench.settings.deployment
            assert (moved_over["version_before"], moved_over["version"]) == (f"{name}:v1", f"{name}:v2")
            assert moved_over["withdrawn"] == [old.id]
            fresh = await bench.approval(build_of(bench), but=old.id)
            assert fresh.title == old.title
