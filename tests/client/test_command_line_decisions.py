"""The commands by which a person decides: approvals, approve, deny, answer, cancel."""

import json

from perdure.client import PerdureClient
from perdure.client.command_line.exit_codes import ExitCode
from tests.client.player import Player, summary
from tests.client.shell import Shell
from tests.client.waiting import approval_of, listed_approval_of, listed_question_of


async def test_show_shows_a_question_with_its_choices(
    shell: Shell, client: PerdureClient, worker: Player
) -> None:
    worker.steps, worker.decisions = 1, ((summary(0, "read_file a"),), (summary(0, "read_file b"),))
    task = await client.start("Mend it", repository="/srv/shop")
    question = await listed_question_of(client, task)
    text = (await shell.run("show", task.id)).stdout
    assert f"question {question.id}" in text
    assert "choices: extend, wrap_up, stop" in text
    receipt = await shell.json("answer", question.id, "extend", "--steps", "40", "--by", "ada")
    assert receipt["recorded"] == "extend"
    assert (await task.result()).steps == 4


async def test_approvals_fit_40_columns_and_parse_as_json(
    shell: Shell, client: PerdureClient, worker: Player
) -> None:
    task = await client.start("Mend the rounding of every total in the whole shop", repository="/srv/shop")
    approval = await listed_approval_of(client, task)
    text = (await shell.run("approvals", columns=40)).stdout
    assert max(map(len, text.splitlines())) <= 40
    assert f"approval {approval.id}\n" in text
    assert f"python starter.py approve {approval.id}\n" in text
    listed = await shell.json("approvals")
    assert [
        each["id"] for waiting in listed if waiting["id"] == task.id for each in waiting["approvals"]
    ] == [approval.id]


async def test_nothing_to_approve_is_said(shell: Shell) -> None:
    assert (await shell.run("approvals")).stdout == "Nothing waits for a person.\n"
    assert (await shell.run("approve", "--yes")).exit_code == ExitCode.NOT_FOUND


async def test_the_only_approval_is_shown_and_needs_a_yes(
    shell: Shell, client: PerdureClient, worker: Player
) -> None:
    task = await client.start("Mend it", repository="/srv/shop")
    approval = await listed_approval_of(client, task)
    asked = await shell.run("approve")
    assert asked.exit_code == ExitCode.USAGE
    assert "Pushes **1 commit**" in asked.stdout
    assert f"python starter.py approve {approval.id}" in asked.stderr
    assert [each.id for each in (await task.pending()).approvals] == [approval.id]
    said = await shell.run("approve", "--yes", "--by", "ada")
    assert said.exit_code == 0
    assert "Recorded: approve" in said.stdout
    assert (await task.result()).status == "completed"


async def test_of_two_approvals_one_must_be_named(
    shell: Shell, client: PerdureClient, worker: Player
) -> None:
    tasks = [await client.start("Mend it", repository="/srv/shop") for _ in range(2)]
    first, second = [await listed_approval_of(client, task) for task in tasks]
    result = await shell.run("approve", "--yes")
    assert result.exit_code == ExitCode.NOT_FOUND
    assert "2 approvals wait" in result.stderr
    receipt = await shell.json("approve", first.id, "--by", "ada")
    assert (receipt["id"], receipt["recorded"]) == (first.id, "approve")
    receipt = await shell.json("deny", second.id, "--task", tasks[1].id, "--reason", "not today")
    assert (receipt["id"], receipt["recorded"]) == (second.id, "deny")


async def test_an_unknown_approval_is_answered_with_what_waits(
    shell: Shell, client: PerdureClient, worker: Player
) -> None:
    task = await client.start("Mend it", repository="/srv/shop")
    approval = await listed_approval_of(client, task)
    result = await shell.run("approve", "feedfeedfeed", "--json")
    assert (result.exit_code, result.stdout) == (ExitCode.NOT_FOUND, "")
    problem = json.loads(result.stderr)
    assert problem["exit_code"] == ExitCode.NOT_FOUND
    assert approval.id in problem["error"]
    wrong = await shell.run("answer", approval.id, "stop")
    assert wrong.exit_code == ExitCode.NOT_DONE
    assert "is an approval and no question" in wrong.stderr


async def test_cancel_asks_the_task_to_stop(shell: Shell, client: PerdureClient, worker: Player) -> None:
    task = await client.start("Mend it", repository="/srv/shop")
    await approval_of(task)
    assert await shell.json("cancel", task.id, "--reason", "changed my mind") == {
        "id": task.id,
        "cancel_requested": True,
    }
    watched = await shell.run("watch", task.id)
    assert watched.exit_code == ExitCode.NOT_DONE
    assert "canceled" in watched.stdout
