"""A word to a running task: taken, refused with a hint, or kept until a worker runs."""

import asyncio

from perdure.client import PerdureClient
from perdure.client.command_line.exit_codes import ExitCode
from perdure.client.command_line.session import this_person
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


async def test_who_said_it_stands_in_the_history_in_the_transcript_and_in_what_the_task_does(
    client: PerdureClient, shell: Shell, worker: Player
) -> None:
    task = await client.start("Mend it", repository="/srv/shop")
    approval = await approval_of(task)
    assert (await shell.run("steer", task.id, "Keep it small", "--by", "Ada")).exit_code == 0
    assert (await shell.run("pause", task.id, "--by", "Bob")).exit_code == 0
    await task.approve(approval.id, by="Ada")
    doing = "paused by Bob"
    async with asyncio.timeout(60):
        # The worker works out the answer, so nothing else tells when it has gone on to there.
        while (await task.status()).doing != doing:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    assert (await shell.run("resume", task.id)).exit_code == 0
    told = [(line.kind, line.title, line.excerpt) for line in await task.transcript()]
    assert ("steer", "Ada told the model something", "") in told
    assert ("pause", "Bob paused the task", "") in told
    assert ("resume", f"{this_person()} let the task go on", "") in told
    await task.result()
    spoken = {each.what: each.by for each in await all_events(task) if isinstance(each, Spoken)}
    assert spoken == {"steer": "Ada", "pause": "Bob", "approve": "Ada", "resume": this_person()}
    watched = (await shell.run("watch", task.id)).stdout
    assert "Bob paused the task" in watched
    assert "somebody" not in watched


async def test_a_name_that_nobody_can_have_is_not_taken_with_a_message_and_hides_no_pause(
    client: PerdureClient, shell: Shell, worker: Player
) -> None:
    task = await client.start("Mend it", repository="/srv/shop")
    await approval_of(task)
    refused = await shell.run("steer", task.id, "Keep it small", "--by", "Ada\u202eda")
    assert refused.exit_code == ExitCode.NOT_DONE
    assert "a character that people cannot see" in refused.stderr
    await task.pause(by="deadline")
    status = await task.status()
    assert status.paused
    assert "stands for nobody in particular" in status.remarks[-1]
    assert "deadline" not in {line.title.split()[0] for line in await task.transcript()}


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
