"""``rewind`` on the command line: it shows what is dropped, asks, and takes the task back."""

import pytest

from perdure.client import PerdureClient, Refused, TaskNotFound
from perdure.client.command_line.exit_codes import ExitCode
from tests.client.player import Player
from tests.client.shell import Shell
from tests.client.waiting import all_events, approval_of, eventually


async def test_a_rewind_is_shown_and_needs_a_yes(client: PerdureClient, shell: Shell, worker: Player) -> None:
    worker.change = b"app/money.py\n"
    task = await client.start("Mend it", repository="/srv/shop")
    approval = await approval_of(task)
    await task.steer("Keep it small")
    await task.approve(approval.id, by="Ada")
    await task.result()
    refused = await shell.run("rewind", task.id, "--to", "0")
    assert refused.exit_code == ExitCode.USAGE
    shown = " ".join(refused.stdout.split())
    for said in (
        "back to the end of step 0 drops",
        "step 1:",
        "git_push perdure/x",
        "Keep it small",
        "stays spent",
    ):
        assert said in shown
    assert f"python starter.py rewind {task.id} --to 0 --yes" in refused.stderr
    assert not (await task.describe()).open

    done = await shell.run("rewind", task.id, "--to", "0", "--yes", "--by", "Ada")
    assert done.exit_code == ExitCode.OK
    assert f"{task.id} was taken back to the end of step 0" in " ".join(done.stdout.split())
    fresh = await approval_of(task)
    assert fresh.id != approval.id
    await task.approve(fresh.id, by="Ada")
    assert (await task.result()).status == "completed"
    assert [event.kind for event in await all_events(task)][-1] == "ended"


async def test_a_rewind_answers_programs_with_what_it_dropped(
    client: PerdureClient, shell: Shell, worker: Player
) -> None:
    task = await client.start("Mend it", repository="/srv/shop")
    approval = await approval_of(task)
    receipt = await shell.json("rewind", task.id, "--to", "0", "--yes")
    assert (receipt["id"], receipt["task_id"]) == (task.id, task.task_id)
    assert receipt["run_id"] == (await task.describe()).run_id
    assert receipt["dropped"]["steps"][0]["step"] == 1
    fresh = await approval_of(task)
    assert fresh.id != approval.id


async def test_a_rewind_of_what_is_not_there_says_why(
    client: PerdureClient, shell: Shell, worker: Player
) -> None:
    task = await client.start("Mend it", repository="/srv/shop")
    await approval_of(task)
    missing = await shell.run("rewind", task.id, "--to", "40", "--yes")
    assert missing.exit_code == ExitCode.USAGE
    assert "has no step 40" in missing.stderr
    unknown = await shell.run("rewind", "task-none-000000", "--to", "1", "--yes")
    assert unknown.exit_code == ExitCode.NOT_FOUND
    assert "only while the server keeps its history" in " ".join(unknown.stderr.split())


async def test_a_fork_is_started_with_the_other_tasks_terms(
    client: PerdureClient, shell: Shell, worker: Player
) -> None:
    task = await client.start("Mend it", repository="/srv/shop", user="Ada", labels={"team": "billing"})
    await approval_of(task)
    started = await shell.json(
        "fork", task.id, "--from", "0", "--request", "Mend it well", "--model", "another/model"
    )
    assert (started["from"], started["step"]) == (task.id, 0)
    fork = await client.task(started["id"])
    await approval_of(fork)
    request = worker.requests[-1].request
    assert request.fork is not None
    assert (request.request, request.repository, request.user) == ("Mend it well", "/srv/shop", "Ada")
    assert request.labels == {"team": "billing"}
    assert request.fork.model_dump() == {"task": task.id, "step": 0, "model": "another/model"}
    assert (await task.describe()).open
    in_python = await task.fork(step=0, id=f"{task.id}-beside")
    assert in_python.id == f"{task.id}-beside"


async def test_a_fork_that_cannot_be_is_refused_before_anything_is_started(
    client: PerdureClient, shell: Shell, worker: Player
) -> None:
    task = await client.start("Mend it", repository="/srv/shop")
    await approval_of(task)
    missing = await shell.run("fork", task.id, "--from", "40")
    assert (missing.exit_code, "has no step 40" in missing.stderr) == (ExitCode.USAGE, True)
    running = await shell.run("fork", task.id, "--from", "2")
    assert (running.exit_code, "has not ended" in running.stderr) == (ExitCode.NOT_DONE, True)
    unknown = await shell.run("fork", "task-none-000000", "--from", "1")
    assert unknown.exit_code == ExitCode.NOT_FOUND
    assert "may be in the archive" in " ".join(unknown.stderr.split())


async def test_a_task_whose_id_was_given_to_another_one_is_never_taken_for_that_one(
    client: PerdureClient, worker: Player
) -> None:
    worker.decisions = ()
    old = await client.start("Mend it", repository="/srv/shop", id=f"again-{worker.task_queue}")
    await old.result()
    new = await client.start("Mend it again", repository="/srv/shop", id=old.id)
    await new.result()
    with pytest.raises(Refused, match="Another task was started under the id"):
        await old.rewind(to=0)

    async def found() -> bool | None:
        # The server lists a run a moment after it began.
        try:
            return (await client.task(new.task_id)).task_id == new.task_id or None
        except TaskNotFound:
            return None

    assert await eventually(found)
    with pytest.raises(TaskNotFound, match="Another task was started under the id"):
        await client.task(old.task_id)
