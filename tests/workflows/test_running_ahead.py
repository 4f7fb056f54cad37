"""A command that needs a person is run ahead: they see what it does, and approving does that and runs nothing again."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import WorkflowFailureError

from perdure.contracts.decisions import Approval
from perdure.workspace.deltas import FIRST_LINE, Delta
from tests.workflows.conftest import Bench, Benches, Call, git, script_of, until
from tests.workflows.test_rewind import Handle, taken_back

RANDOM: Call = (
    "execute_command",
    {
        "command": "echo $RANDOM$RANDOM$(date +%N) > made.txt; mkdir -p build; cp made.txt build/out.log; cat made.txt",
        "writes": True,
    },
)
COUNTING: Call = ("execute_command", {"command": "echo once >> count.txt", "writes": True})
NAME = "what the call did when it was run ahead"
FORBIDDING = """v = 1
[[rule]]
id = "nothing-is-run-ahead"
effects = ["run_writing"]
ahead = false
reason = "This installation runs nothing before a person decided."
matches = [{ effect = "run_writing", expected = "ask" }]
does_not_match = [{ effect = "read" }]
"""


def trees(bench: Bench) -> list[Path]:
    """The work trees of the bench's tasks, newest last."""
    return sorted(bench.settings.home.glob("workspaces/*/*/tree"))


def beside(bench: Bench) -> list[str]:
    """What of ours lies beside them."""
    found = bench.settings.home.glob("workspaces/*/*/.scratch-*")
    return [path.name for path in found]


async def artifacts(bench: Bench, handle: Handle) -> list[bytes]:
    """What calls did when they were run ahead, as it was kept."""
    task_id = handle.first_execution_run_id or ""
    rows = await bench.house.record.database.fetch(
        "SELECT id FROM artifacts WHERE task_id = $1 AND name = $2 ORDER BY stored_at", task_id, NAME
    )
    return [await bench.house.record.artifact(task_id, row["id"]) for row in rows]


async def results(bench: Bench, handle: Handle) -> list[dict[str, Any]]:
    """The results in the stored transcript."""
    query = "SELECT body::text AS body FROM entries WHERE task_id = $1 AND kind = 'result' ORDER BY depth"
    rows = await bench.house.record.database.fetch(query, handle.first_execution_run_id or "")
    return [json.loads(row["body"]) for row in rows]


async def anew(bench: Bench, handle: Handle, asked: Approval, why: str) -> Approval:
    """The approval that is asked after this one did not hold, once the card says why."""
    again = await bench.approval(handle, but=asked.id)
    status: dict[str, Any] = await handle.query("status")
    assert why in status["remarks"][-1]
    assert again.operation_digest != asked.operation_digest or again.id != asked.id
    return again


async def test_approving_does_what_was_shown_and_nothing_runs_again(benches: Benches) -> None:
    async with benches(script_of([[RANDOM]])) as bench:
        handle = await bench.start()
        asked = await bench.approval(handle)
        assert "**Ran ahead in a throw-away copy**: exit code 0" in asked.preview
        assert "- created `build/out.log`" in asked.preview
        [tree] = trees(bench)
        assert not (tree / "made.txt").exists()
        assert not (tree / "build").exists()
        assert beside(bench) == []
        [data] = await artifacts(bench, handle)
        delta = Delta.decoded(data)
        shown = next(iter(delta.contents.values()))
        assert f"│ +{shown.decode().strip()}" in asked.preview
        await bench.decide(handle, asked, "approve")
        push = await bench.approval(handle, but=asked.id)
        # The ignored file as well, which no checkpoint holds.
        assert (tree / "made.txt").read_bytes() == (tree / "build" / "out.log").read_bytes() == shown
        [result, *_] = await results(bench, handle)
        assert shown.decode().strip() in result["text"]
        assert result["ahead"] == asked.ahead_digest
        assert {"made.txt", "build/out.log"} <= set(result["changed_paths"])
        await bench.decide(handle, push, "approve")
        ended = await handle.result()
        assert git(bench.remote, "show", f"{ended['branch']}:made.txt").encode() == shown.strip()
        [approved, _] = await bench.house.record.approvals(handle.first_execution_run_id or "")
        assert approved.approval.ahead_digest == asked.ahead_digest


async def test_what_was_shown_can_be_read_whole_and_is_not_given_away(benches: Benches) -> None:
    long: Call = ("execute_command", {"command": "for i in $(seq 50); do seq 50 > f$i; done", "writes": True})
    async with benches(script_of([[long]])) as bench:
        handle = await bench.start()
        asked = await bench.approval(handle)
        assert asked.hidden > 1_000
        assert asked.whole is not None
        whole = await bench.house.record.artifact(handle.first_execution_run_id or "", asked.whole.id)
        assert b"created `f50`" in whole
        assert all(b"+++ b/f%d\n" % number in whole for number in range(1, 51))
        [data] = await artifacts(bench, handle)
        assert data.startswith(FIRST_LINE)


async def test_a_denial_leaves_nothing_and_an_edit_is_run_ahead_itself(benches: Benches) -> None:
    async with benches(script_of([[COUNTING], [COUNTING]])) as bench:
        handle = await bench.start()
        first = await bench.approval(handle)
        await bench.decide(handle, first, "deny", reason="not this")
        second = await bench.approval(handle, but=first.id)
        [tree] = trees(bench)
        assert not (tree / "count.txt").exists()
        edited = {"command": "echo edited > other.txt", "writes": True}
        await bench.decide(handle, second, "edit", arguments=edited)
        third = await bench.approval(handle, but=second.id)
        assert "- created `other.txt`" in third.preview
        assert not (tree / "other.txt").exists()
        await bench.decide(handle, third, "approve")
        await bench.approval(handle, but=third.id)
        assert (tree / "other.txt").read_text() == "edited\n"
        assert not (tree / "count.txt").exists()


@pytest.mark.parametrize("path", ["README.md", "build/beside.log"])
async def test_files_that_change_beside_it_void_what_was_shown(benches: Benches, path: str) -> None:
    script = "echo more >> README.md; mkdir -p build; echo mine > build/beside.log"
    async with benches(script_of([[("execute_command", {"command": script, "writes": True})]])) as bench:
        handle = await bench.start()
        asked = await bench.approval(handle)
        [tree] = trees(bench)
        # The second is ignored by Git, so no tree knows of it.
        (tree / path).parent.mkdir(exist_ok=True)
        (tree / path).write_text("by hand\n")
        await bench.decide(handle, asked, "approve")
        again = await anew(bench, handle, asked, "changed after")
        assert "mine" not in (tree / path).read_text()
        assert (tree / path).read_text() == "by hand\n"
        assert "- changed `README.md`" in again.preview


@pytest.mark.parametrize("harm", ["DELETE FROM artifacts", "UPDATE artifacts SET body = 'x'"])
async def test_without_the_record_of_what_was_shown_it_is_asked_anew(benches: Benches, harm: str) -> None:
    async with benches(script_of([[COUNTING]])) as bench:
        handle = await bench.start()
        asked = await bench.approval(handle)
        task_id = handle.first_execution_run_id or ""
        await bench.house.record.database.fetch(f"{harm} WHERE task_id = $1 AND name = $2", task_id, NAME)
        [tree] = trees(bench)
        await bench.decide(handle, asked, "approve")
        again = await anew(bench, handle, asked, "no longer in the record as it was")
        assert not (tree / "count.txt").exists()
        if harm.startswith("DELETE"):
            await bench.decide(handle, again, "approve")
            await bench.approval(handle, but=again.id)
            assert (tree / "count.txt").read_text() == "once\n"


async def test_what_is_remembered_runs_without_being_run_ahead(benches: Benches) -> None:
    async with benches(script_of([[COUNTING], [COUNTING]])) as bench:
        handle = await bench.start()
        asked = await bench.approval(handle)
        await bench.decide(handle, asked, "approve", remember="task")
        await bench.approval(handle, but=asked.id)
        [tree] = trees(bench)
        assert (tree / "count.txt").read_text() == "once\nonce\n"
        assert len(await artifacts(bench, handle)) == 1
        [first, second, *_] = await results(bench, handle)
        assert ("ahead" in first, "ahead" in second) == (True, False)


async def test_a_policy_may_forbid_it_and_the_card_says_so(benches: Benches, tmp_path: Path) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text(FORBIDDING)
    async with benches(script_of([[COUNTING]]), policy=policy) as bench:
        handle = await bench.start()
        asked = await bench.approval(handle)
        assert "**Not run ahead**: the policy does not let it be" in asked.preview
        assert await artifacts(bench, handle) == []
        await bench.decide(handle, asked, "approve")
        await bench.approval(handle, but=asked.id)
        [tree] = trees(bench)
        assert (tree / "count.txt").read_text() == "once\n"


async def test_where_nobody_attends_nothing_is_run_ahead(benches: Benches) -> None:
    async with benches(script_of([[COUNTING]])) as bench:
        handle = await bench.start(attended=False)
        await handle.result()
        assert await artifacts(bench, handle) == []


async def test_cancelling_ends_the_program_and_leaves_nothing_of_it(benches: Benches) -> None:
    slow: Call = ("execute_command", {"command": "echo begun > begun; sleep 47.11", "writes": True})
    async with benches(script_of([[slow]])) as bench:
        handle = await bench.start()

        async def begun() -> bool | None:
            found = bench.settings.home.glob("workspaces/*/*/.scratch-*/*/begun")
            return any(True for _ in found) or None

        await until(begun)
        [tree] = trees(bench)
        assert not (tree / "begun").exists()
        await handle.cancel()
        with pytest.raises(WorkflowFailureError):
            await handle.result()
        assert beside(bench) == []
        sleeping = await asyncio.create_subprocess_exec("pgrep", "-f", "^sleep 47.11", stdout=-3)
        assert await sleeping.wait() == 1


async def test_taking_the_task_back_drops_what_waits(benches: Benches) -> None:
    async with benches(script_of([[COUNTING], [RANDOM]])) as bench:
        handle = await bench.start()
        first = await bench.approval(handle)
        await bench.decide(handle, first, "approve")
        waits = await bench.approval(handle, but=first.id)
        assert "made.txt" in waits.preview
        again = await taken_back(bench, handle, to=0)
        asked = await bench.approval(again)
        assert "- created `count.txt`" in asked.preview
        assert not any((tree / "made.txt").exists() for tree in trees(bench))
