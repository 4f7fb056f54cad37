"""A folder that is replaced after a crash: what a person wrote into it is kept and named, and the work goes on."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from perdure.contracts.steps import Executed, PreparedWorkspace
from tests.faults.errand import COUNTER
from tests.faults.installation import Installation
from tests.faults.person import approving
from tests.faults.picture import Handle
from tests.workflows.conftest import FIX, READ, git, script_of, until
from tests.workflows.test_takeover import COUNTING, QUICK, Installs, counted, given_up, installs

__all__ = ["installs"]


async def kept(handle: Handle) -> PreparedWorkspace | Executed:
    """What reported that something was set aside."""
    async for event in handle.fetch_history_events():
        result = event.activity_task_completed_event_attributes.result.payloads
        if result and b'"set_aside_in":{' in result[0].data:
            if b'"workspace":' in result[0].data:
                return PreparedWorkspace.model_validate_json(result[0].data)
            return Executed.model_validate_json(result[0].data)
    raise AssertionError("Nothing was set aside.")


def tree_of(at: Installation) -> Path:
    """The files in use."""
    trees = [path for path in at.home().glob("workspaces/*/*/tree") if path.parent.name.isdigit()]
    return max(trees, key=lambda tree: int(tree.parent.name))


@pytest.mark.parametrize("back", ["at once", "after the step was given up"])
async def test_what_a_person_wrote_beside_an_interrupted_call_is_kept(installs: Installs, back: str) -> None:
    async with installs(script_of([[FIX], [COUNTING], [READ]])) as at:
        worker = at.worker(changes=QUICK)
        await worker.start()
        handle = await at.start()
        async with approving(handle):
            await counted(at)
            await worker.kill()
            (tree_of(at) / "by-hand.txt").write_text("mine\n")
            if back != "at once":
                await until(lambda: given_up(handle))
            await worker.start()
            result = await handle.result()
        told = await kept(handle)
        assert "by-hand.txt" in " ".join(told.notes)
        assert told.set_aside_in is not None
        assert told.set_aside_in.pack
        lines: list[dict[str, Any]] = await handle.query("transcript", rpc_timeout=timedelta(seconds=60))
        assert [line["title"] for line in lines if "by-hand.txt" in line["title"]] == list(told.notes)
        assert git(at.remote, "show", f"{result['branch']}:{COUNTER}") == "once"
        assert "by-hand.txt" not in git(at.remote, "ls-tree", "-r", "--name-only", result["branch"])
