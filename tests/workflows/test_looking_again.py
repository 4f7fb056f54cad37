"""Looking again at a call of which nobody knows whether it happened: by the approval or the grant that it has, and no other."""

from pathlib import Path
from typing import Any

from perdure.client import PerdureClient
from perdure.contracts.decisions import Pending, Question
from tests.tools.mcp_servers import lines_of, program, write_servers
from tests.workflows.conftest import FIX, Bench, Benches, Call, script_of
from tests.workflows.test_rewind import Handle

DYING: Call = ("things__die", {"after_recording": True})
OTHER: Call = ("things__die", {"after_recording": False})
COMMIT: Call = ("git_commit", {"message": "Round"})
PUSH: Call = ("git_push", {})
BREAKING = """#!/bin/sh
mv "$GIT_DIR_HERE" "$GIT_DIR_HERE.away"
kill -9 "$(ps -o ppid= -p $$)"
"""
"""The branch is there when this runs; then nobody can ask for it."""


async def say(handle: Handle, question: Question, choice: str) -> None:
    """Answer a question."""
    answer = {"question_id": question.id, "choice": choice, "by": "Ada"}
    # The overloads of the SDK's method are partly untyped.
    await handle.execute_update("answer", answer)  # pyright: ignore[reportUnknownMemberType]


async def asked_again(bench: Bench, handle: Handle, question: Question) -> Question:
    """The next question after a look at it, before which no approval waits."""
    await say(handle, question, "look_again")
    again = await bench.question(handle, but=question.id)
    assert (await handle.query("pending", result_type=Pending)).approvals == ()
    return again


async def recorded(bench: Bench, handle: Handle) -> list[tuple[str, str]]:
    """What became of each approval, oldest first, as the record has it."""
    rows = await bench.house.record.database.fetch(
        "SELECT body->'approval'->>'title' AS title, body->>'outcome' AS outcome FROM entries"
        " WHERE task_id = $1 AND kind = 'approval' ORDER BY depth",
        handle.first_execution_run_id or "",
    )
    return [(str(row["title"]).split()[0], str(row["outcome"])) for row in rows]


async def test_a_push_that_cannot_be_asked_about_is_looked_at_until_it_can_and_was_approved_once(
    benches: Benches,
) -> None:
    async with benches(script_of([[FIX], [COMMIT], [PUSH]])) as bench:
        hook = bench.remote / "hooks" / "post-receive"
        hook.write_text(BREAKING.replace("$GIT_DIR_HERE", str(bench.remote)))
        hook.chmod(0o755)
        handle = await bench.start()
        approval = await bench.approval(handle)
        await bench.decide(handle, approval, "approve")
        question = await bench.question(handle)
        assert "git_push" in question.text
        question = await asked_again(bench, handle, question)
        hook = bench.remote.with_name("money.git.away") / "hooks" / "post-receive"
        hook.unlink()
        bench.remote.with_name("money.git.away").rename(bench.remote)
        await say(handle, question, "look_again")
        result: dict[str, Any] = await handle.result()
        assert (result["status"], result["pushed"]) == ("completed", True)
        assert bench.remote_branches()[result["branch"]] == result["commits"][-1]
        assert await recorded(bench, handle) == [("git_push", "approved")]


async def test_an_edited_call_is_looked_at_as_it_was_edited(benches: Benches, tmp_path: Path) -> None:
    file = write_servers(tmp_path, things=program(tmp_path))
    async with benches(script_of([[OTHER]]), mcp_servers=file) as bench:
        handle = await bench.start()
        first = await bench.approval(handle)
        await bench.decide(handle, first, "edit", arguments=dict(DYING[1]))
        await bench.decide(handle, await bench.approval(handle, but=first.id), "approve")
        question = await bench.question(handle)
        assert "'things__die {\"after_recording\": true}'" in question.text
        question = await asked_again(bench, handle, question)
        assert "earlier attempt" in question.text
        await say(handle, question, "leave")
        result = await bench.finish(handle)
        assert lines_of(tmp_path, "recorded") == 1
        assert [each["what"] for each in result["withheld"]] == ['things__die {"after_recording": true}']
        outcomes = await recorded(bench, handle)
        assert outcomes == [("things__die", "edited"), ("things__die", "approved")]


async def test_a_call_that_a_grant_covers_is_looked_at_by_it_until_it_is_revoked(
    benches: Benches, tmp_path: Path
) -> None:
    file = write_servers(tmp_path, things=program(tmp_path))
    async with benches(script_of([[DYING], [DYING]]), mcp_servers=file) as bench:
        handle = await bench.start()
        await bench.decide(handle, await bench.approval(handle), "approve", remember="task")
        first = await bench.question(handle)
        await say(handle, first, "leave")
        # The same call again: it runs by the grant, and dies by it.
        question = await bench.question(handle, but=first.id)
        question = await asked_again(bench, handle, question)
        assert lines_of(tmp_path, "recorded") == 2
        lines: list[dict[str, Any]] = await handle.query("transcript")
        says = [line["title"] for line in lines if line["kind"] == "grant"]
        assert [said.partition(" ")[0] for said in says] == ["remembered", "not"]

        client = PerdureClient(bench.client, task_queue=bench.settings.task_queue)
        [grant] = await client.grants.list()
        await client.grants.revoke(grant.id, by="Ada", reason="it dies")
        await say(handle, question, "look_again")
        asked = await bench.approval(handle)
        assert "counts no more" in str((await handle.query("status"))["remarks"])
        await bench.decide(handle, asked, "deny", reason="it dies")
        await bench.finish(handle)
        assert lines_of(tmp_path, "recorded") == 2
