"""A word to a running task: taken, refused with a hint, or kept until a worker runs."""

from perdure.client import PerdureClient
from perdure.client.command_line.exit_codes import ExitCode
from perdure.client.events import Spoken
from tests.client.player import Player
from tests.client.shell import Shell
from tests.client.waiting import all_events, approval_of


async def test_a_task_is_paused_and_goes_on(client: PerdureClient, shell: Shell, worker: Player) -> None:
    task = await client.start("Mend it", repository="/srv/shop")
    await approval_of(task)
    paused = await shell.json("pause", task.id)
    assert (paused["id"], paused["taken"], paused["paused"]) == (task.id, True, True)
    said = (await shell.run("resume", task.id)).stdout
    assert f"{task.id} took it. It goes on." in said.replace("\n", " ")
    assert not (await task.status()).paused


async def test_a_message_comes_from_the_argument_or_from_standard_input(
    client: PerdureClient, shell: Shell, worker: Player
) -> None:
    task = await client.start("Mend it", repository="/srv/shop")
    approval = await approval_of(task)
    assert (await shell.run("steer", task.id, "Keep it small")).exit_code == 0
    piped = await shell.run("steer", task.id, "-", stdin="Round half up\nplease\n")
    assert "The model reads it before its next decision" in piped.stdout.replace("\n", " ")
    for message, stdin in (("  ", ""), ("-", "\n")):
        assert (await shell.run("steer", task.id, message, stdin=stdin)).exit_code == ExitCode.USAGE
    assert (await shell.run("steer", task.id, "x" * 20_001)).exit_code == ExitCode.USAGE
    await task.approve(approval.id, by="Ada")
    spoken = [event.text for event in await all_events(task) if isinstance(event, Spoken)]
    assert spoken[:2] == ["Keep it small", "Round half up\nplease"]


async def test_a_message_that_the_task_does_not_take_is_told_with_its_reason(
    client: PerdureClient, shell: Shell, worker: Player
) -> None:
    task = await client.start("Mend it", repository="/srv/shop")
    await approval_of(task)
    for _ in range(10):
        await task.steer("x" * 20_000)
    refused = await shell.run("steer", task.id, "and one more")
    assert refused.exit_code == ExitCode.NOT_DONE
    assert "too many wait to be read already" in refused.stderr
    assert f"python starter.py show {task.id}" in refused.stderr


async def test_a_task_that_is_over_takes_nothing(client: PerdureClient, shell: Shell, worker: Player) -> None:
    worker.decisions = ()
    task = await client.start("Mend it", repository="/srv/shop")
    await task.result()
    for arguments in (("pause", task.id), ("resume", task.id), ("steer", task.id, "more")):
        refused = await shell.run(*arguments)
        assert refused.exit_code == ExitCode.NOT_DONE
        assert f"Task '{task.id}' is over" in refused.stderr.replace("\n", " ")
        assert f"python starter.py show {task.id}" in refused.stderr.replace("\n", " ")
    assert (await shell.run("pause", "task-none-000000")).exit_code == ExitCode.NOT_FOUND


async def test_without_a_worker_the_word_is_kept(client: PerdureClient, shell: Shell, player: Player) -> None:
    task = await client.start("Mend it", repository="/srv/shop")
    result = await shell.run("pause", task.id)
    assert result.exit_code == ExitCode.NO_WORKER
    assert "The server keeps it" in result.stderr.replace("\n", " ")
    [spoken] = [event async for event in task.events(wait=False) if isinstance(event, Spoken)]
    assert spoken.what == "pause"
