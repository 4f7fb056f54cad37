"""A decision that is remembered: nobody is asked again for exactly that call, until it is revoked or taken back."""

import json
from typing import Any

import pytest
from temporalio.client import WorkflowUpdateFailedError

from perdure.client import NotPending, PerdureClient
from perdure.contracts.decisions import Approval
from tests.workflows.conftest import READ, Bench, Benches, Call, script_of
from tests.workflows.test_archive import shell_of
from tests.workflows.test_rewind import Handle, taken_back

COUNTING: Call = ("execute_command", {"command": "echo once >> count.txt", "writes": True})
SCRIPT: Call = ("execute_command", {"command": 'python3 -c \'open("p", "a").write("x")\'', "writes": True})


def client_of(bench: Bench) -> PerdureClient:
    """A client of the bench's queue."""
    return PerdureClient(bench.client, task_queue=bench.settings.task_queue)


async def refusal(bench: Bench, handle: Handle, approval: Approval, remember: str) -> str:
    """Why a decision cannot be remembered so."""
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await bench.decide(handle, approval, "approve", remember=remember)
    return str(refused.value.cause)


async def lines(handle: Handle) -> list[str]:
    """What the transcript says of grants."""
    found: list[dict[str, Any]] = await handle.query("transcript")
    return [f"{line['title']} | {line['excerpt']}" for line in found if line["kind"] == "grant"]


async def used(bench: Bench, handle: Handle) -> list[str]:
    """The grants that results of the stored transcript name."""
    task_id = handle.first_execution_run_id or ""
    query = "SELECT body::text AS body FROM entries WHERE task_id = $1 AND kind = 'result' ORDER BY depth"
    rows = await bench.house.record.database.fetch(query, task_id)
    return [body["grant"] for row in rows if "grant" in (body := json.loads(row["body"]))]


async def test_what_is_remembered_for_a_repository_holds_there_until_it_is_revoked(benches: Benches) -> None:
    async with benches(script_of([[COUNTING], [COUNTING], [SCRIPT], [COUNTING]])) as bench:
        client, first = client_of(bench), await bench.start(user="Ada")
        asked = await bench.approval(first)
        card = await bench.card(first)
        assert "remember 'task' exactly this call is not asked again" in card.replace("\\", "")
        assert "for 30 day(s)" in card.replace("\\", "")
        await bench.decide(first, asked, "approve", remember="repository")
        script = await bench.approval(first, but=asked.id)
        # The same call in between was not asked about; what runs any text that it is given is, each time.
        assert "python3" in script.title
        assert "runs whatever it is given" in await refusal(bench, first, script, "task")
        assert "It holds once" in await bench.card(first)
        [grant] = await client.grants.list()
        assert (grant.scope, grant.by, grant.approval_id, grant.shape) == (
            "repository", "Ada", asked.id, asked.shape,
        )  # fmt: skip
        assert [line.split(" | ")[0] for line in await lines(first)] == [
            f"remembered as {grant.id}",
            f"not asked: {asked.title}",
        ]
        assert grant.id in (await lines(first))[1]
        assert await used(bench, first) == [grant.id]
        await bench.decide(first, script, "approve")
        push = await bench.approval(first, but=script.id)
        assert push.tool == "git_push"
        assert "decided each time" in await refusal(bench, first, push, "repository")
        await bench.decide(first, push, "approve")
        assert (await first.result())["pushed"] is True

        # Another task of the repository is not asked either, until somebody revokes it.
        second = await bench.start(user="Bob")
        script = await bench.approval(second)
        assert "python3" in script.title
        assert grant.id in (await lines(second))[0]
        shell = shell_of(bench)
        listed = await shell.json("grants", "list")
        assert [(each["id"], each["state"]) for each in listed] == [(grant.id, "active")]
        revoked = await shell.run("grants", "revoke", grant.id, "--by", "Eve", "--reason", "too wide")
        assert "revoked by Eve" in revoked.stdout
        assert (await shell.run("grants", "list")).stdout == "Nothing is remembered.\n"
        assert "too wide" in (await shell.run("grants", "list", "--all")).stdout
        with pytest.raises(NotPending, match="There is no grant 'g0'"):
            await client.grants.revoke("g0")
        await bench.decide(second, script, "approve")
        again = await bench.approval(second, but=script.id)
        assert (again.title, again.shape) == (asked.title, asked.shape)
        await bench.decide(second, again, "deny")
        await bench.finish(second)


async def test_what_was_remembered_after_the_step_that_a_task_is_taken_back_to_is_void(
    benches: Benches,
) -> None:
    async with benches(script_of([[READ], [COUNTING], [COUNTING]])) as bench:
        client, handle = client_of(bench), await bench.start()
        asked = await bench.approval(handle)
        await bench.decide(handle, asked, "approve", remember="repository")
        await bench.approval(handle, but=asked.id)
        assert len(await lines(handle)) == 2
        fresh = await taken_back(bench, handle, to=1)
        again = await bench.approval(fresh, but=asked.id)
        assert again.title == asked.title
        [void] = await client.grants.list(everything=True)
        assert (void.state, void.approval_id) == ("void", asked.id)
        # For the task alone it holds on the new way.
        await bench.decide(fresh, again, "approve", remember="task")
        push = await bench.approval(fresh, but=again.id)
        assert push.tool == "git_push"
        [grant] = await client.grants.list()
        assert (grant.scope, grant.approval_id, grant.expires_at) == ("task", again.id, None)
        await bench.decide(fresh, push, "deny")
        await fresh.result()
        assert await client.grants.list() == ()
        assert {each.state for each in await client.grants.list(everything=True)} == {"void", "ended"}
