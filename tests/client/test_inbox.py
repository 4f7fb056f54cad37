"""One inbox over all tasks: filters, batches of the same call, and many decisions at once."""

import asyncio
import contextlib
import json
import os
import pty
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from perdure.client import InboxFilter, NotPending, PerdureClient, TaskHandle, WaitingTask
from perdure.client.command_line.exit_codes import ExitCode
from perdure.client.command_line.inbox_drawing import draw_inbox
from perdure.client.inbox import batches_of
from perdure.contracts.calls import Effect, Verdict
from perdure.contracts.consents import Consent
from perdure.contracts.decisions import Approval
from perdure.contracts.task import Safety
from perdure.embedded.stack import Stack
from tests.client.player import Player, summary
from tests.client.shell import Shell
from tests.client.test_drawing import APPROVAL, drawn
from tests.client.test_starter import STARTER, environment
from tests.client.waiting import LIMIT_S, listed_approval_of


async def started(client: PerdureClient, *names: str, **fields: Any) -> list[tuple[TaskHandle, Approval]]:
    """Tasks that wait for the same call, one a repository, as the inbox lists them."""
    tasks = [
        await client.start(f"Mend {name}", repository=f"/srv/{name}", user=name, **fields) for name in names
    ]
    return [(task, await listed_approval_of(client, task)) for task in tasks]


async def test_the_same_call_of_several_tasks_is_one_batch_that_is_decided_member_by_member(
    shell: Shell, client: PerdureClient, worker: Player
) -> None:
    shop, bank, park = await started(client, "shop", "bank", "park")
    [batch] = await client.approvals.batches()
    assert {each.task for each in batch.members} == {task.id for task, _ in (shop, bank, park)}
    assert {(each.user, each.repository) for each in batch.members} >= {("shop", "/srv/shop")}

    text = (await shell.run("approvals", columns=60)).stdout
    assert text.count("Pushes **1 commit**") == 1
    assert all(task.id in text.replace("\n", "") for task, _ in (shop, bank, park))
    assert f"approvals approve --batch {batch.key}" in text
    table = (await shell.run("approvals", "--table")).stdout
    assert batch.key in table
    assert "and 2 more" in table
    [listed] = await shell.json("approvals", "--table")
    assert (listed["key"], len(listed["members"])) == (batch.key, 3)

    # One member is decided elsewhere: what the person saw no longer waits, so nothing is approved for them.
    await bank[0].deny(bank[1].id, by="Ada")
    late = await shell.run("approvals", "approve", "--batch", batch.key)
    assert late.exit_code == ExitCode.NOT_FOUND
    assert "one of its approvals was decided" in late.stderr
    assert [each.id for each in (await shop[0].pending()).approvals] == [shop[1].id]

    rest = await client.approvals.batch((await client.approvals.batches())[0].key)
    done = await shell.run("approvals", "approve", "--batch", rest.key, "--by", "ada", "--json")
    told = json.loads(done.stdout)
    assert (done.exit_code, told["done"], told["failed"]) == (0, 2, 0)
    assert {each["approval_id"] for each in told["outcomes"]} == {shop[1].id, park[1].id}
    assert [(await task.result()).status for task, _ in (shop, park)] == ["completed", "completed"]


async def test_what_one_task_refuses_is_told_and_the_others_are_decided(
    shell: Shell, client: PerdureClient, worker: Player
) -> None:
    (shop, asked), (bank, other) = await started(client, "shop", "bank")
    waiting = {each.task: each for each in await client.approvals.list()}
    gone = waiting[bank.id].model_copy(update={"approval": other.model_copy(update={"id": "feedfeedfeed"})})
    outcomes = await client.approvals.decide_many(
        [gone, waiting[shop.id]], "deny", reason="not today", by="ada"
    )
    assert [(each.task, each.done) for each in outcomes] == [(bank.id, False), (shop.id, True)]
    assert "feedfeedfeed" in outcomes[0].message
    assert [each.id for each in (await bank.pending()).approvals] == [other.id]

    # An unknown id among several is noticed before anything is decided.
    mixed = await shell.run("approvals", "deny", other.id, "feedfeedfeed")
    assert mixed.exit_code == ExitCode.NOT_FOUND
    assert "nothing was decided" in mixed.stderr
    assert [each.id for each in (await bank.pending()).approvals] == [other.id]
    neither = await shell.run("approvals", "approve")
    assert neither.exit_code == ExitCode.USAGE
    said = await shell.run("approvals", "deny", other.id, "--reason", "not here", "--by", "ada")
    assert said.exit_code == 0
    assert f"{other.id} in {bank.id}: Recorded: deny" in said.stdout.replace("\n", "")
    assert asked.id not in {each.approval.id for each in await client.approvals.list()}


async def test_filters_leave_out_what_does_not_fit(
    shell: Shell, client: PerdureClient, worker: Player
) -> None:
    (shop, asked), _ = await started(client, "shop", "bank")

    async def ids(**fields: Any) -> Sequence[str]:
        return [each.approval.id for each in await client.approvals.list(**fields)]

    assert await ids(user="shop") == await ids(repository="/srv/shop") == [asked.id]
    assert len(await ids(tool="git_push", effect=Effect.PUBLISH, safety=Safety.CAUTIOUS)) == 2
    assert await ids(tool="edit_file") == await ids(effect="read") == await ids(safety="autonomous") == []
    assert await ids(people=2) == await ids(assurance="signed") == []
    assert len(await ids(people=1, assurance="claimed")) == 2
    assert await ids(asked_before=datetime.now(UTC) - timedelta(hours=1)) == []
    assert len(await ids(asked_before=datetime.now(UTC) + timedelta(minutes=1))) == 2
    listed = await shell.json("approvals", "--user", "shop")
    assert [each["id"] for each in listed] == [shop.id]
    assert (await shell.run("approvals", "--older-than", "3d")).stdout == "Nothing waits for a person.\n"
    assert (await shell.run("approvals", "--older-than", "soon")).exit_code == ExitCode.USAGE


async def test_a_walk_needs_a_terminal(shell: Shell) -> None:
    result = await shell.run("approvals", "walk")
    assert result.exit_code == ExitCode.USAGE
    assert "There is no terminal to ask at." in result.stderr


def walked(given: dict[str, str], answers: Sequence[str]) -> tuple[int, str]:
    """The exit code of a walk at a terminal and what it showed; each answer is given when it asks."""
    ours, theirs = pty.openpty()
    command = [sys.executable, STARTER, "approvals", "walk", "--by", "ada"]
    process = subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment(**given), start_new_session=True
    )
    os.close(theirs)
    shown, waiting = b"", list(answers)
    try:
        # At the end of the other side a terminal gives an error.
        with contextlib.suppress(OSError):
            while part := os.read(ours, 4096):
                shown += part
                if waiting and shown.endswith((b"q(uit): ", b"none): ")):
                    os.write(ours, waiting.pop(0).encode() + b"\n")
        return process.wait(LIMIT_S), shown.decode()
    finally:
        process.kill()
        process.wait()
        os.close(ours)


async def test_a_walk_decides_batch_after_batch_as_the_person_says(
    stack: Stack, client: PerdureClient, worker: Player, tmp_path: Path
) -> None:
    (shop, asked), (bank, _) = await started(client, "shop", "bank")
    worker.decisions = ((summary(0, "git_push other", verdict=Verdict.ASK, effect=Effect.DESTRUCTIVE),),)
    [(park, other)] = await started(client, "park")
    given = {"TEMPORAL_ADDRESS": stack.addresses.temporal, "TEMPORAL_NAMESPACE": stack.addresses.namespace}
    given |= {"PERDURE_HOME": str(tmp_path), "PERDURE_TASK_QUEUE": worker.task_queue}
    code, shown = await asyncio.to_thread(walked, given, ["maybe", "d", "y", "n", "not here"])
    assert code == 0, shown
    assert "1 of 2" in shown
    assert "'maybe' is none of these." in shown
    assert f"digest {asked.operation_digest}" in shown
    assert shown.count("Recorded: approve") == 2
    assert f"{other.id} in {park.id}: Recorded: deny" in shown
    assert [(await task.result()).status for task in (shop, bank)] == ["completed", "completed"]
    assert "not here" in {each.why[-8:] for each in (await park.result()).withheld}


def waiting_task(id: str, **changes: Any) -> WaitingTask:
    """A task that waits for one approval."""
    asked = APPROVAL.model_copy(update={"id": f"{id}00000000"[:12], "shape": "same", **changes})
    return WaitingTask(id=id, repository=f"/srv/{id}", user="ada", approvals=(asked,))


def test_what_it_takes_to_approve_stands_there() -> None:
    consent = Consent(by="bob", at=APPROVAL.asked_at)
    asked = {
        "people": 2,
        "assurance": "signed",
        "reason": "two-people: It publishes.",
        "consents": (consent,),
    }
    text = drawn(
        *draw_inbox([waiting_task("aaaa", **asked), waiting_task("bbbb", **asked)], width=100), width=100
    )
    assert "2 different people must approve; so far: bob" in text
    assert "signed with --key" in text
    assert "asked by the rule two-people" in text
    assert "It holds once: What leaves the workspace is decided each time" in text


def test_a_batch_shows_every_preview_that_differs_and_its_key_is_of_exactly_its_members() -> None:
    one, two, three = waiting_task("aaaa"), waiting_task("bbbb"), waiting_task("cccc", preview="other files")
    [batch] = batches_of([one, two, three])
    assert [len(members) for _, members in batch.previews] == [2, 1]
    text = drawn(*draw_inbox([one, two, three], width=100, options=" --user ada"), width=100)
    assert text.count("a hidden word") == 1
    assert text.count("other files") == 1
    assert f"python starter.py approvals deny --batch {batch.key} --user ada" in text
    assert max(map(len, drawn(*draw_inbox([one, two, three], width=40)).splitlines())) <= 40
    assert batches_of([one, two])[0].key != batch.key
    assert batches_of([three, two, one])[0].key == batch.key


def test_other_effects_and_unknown_shapes_are_batches_of_their_own() -> None:
    same = [waiting_task("aaaa"), waiting_task("bbbb", effect=Effect.NETWORK)]
    unknown = [waiting_task("cccc", shape=""), waiting_task("dddd", shape="")]
    assert [len(each.members) for each in batches_of([*same, *unknown])] == [1, 1, 1, 1]


async def test_a_key_that_nobody_was_shown_names_what_waits(client: PerdureClient) -> None:
    with pytest.raises(NotPending, match="What waits: nothing"):
        await client.approvals.batch("0123456789ab", InboxFilter(user="nobody-of-this-name"))
