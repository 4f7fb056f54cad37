"""What people say in the very moment in which a task moves to a new run is neither lost nor applied twice."""

import asyncio
from typing import Any

from temporalio.client import WorkflowHandle, WorkflowUpdateFailedError

from perdure.contracts.decisions import Approval
from tests.workflows.conftest import Bench, Benches, Call, git, script_of
from tests.workflows.test_continuing import words_in_transcript
from tests.workflows.test_upgrade import update

ROUNDS = 8


def writing(number: int) -> Call:
    """A command that a person is asked about, and that shows how often it ran."""
    return ("execute_command", {"command": f"echo {number} >> count.txt", "writes": True})


async def was_taken(bench: Bench, handle: WorkflowHandle[Any, Any], approval: Approval) -> bool:
    """Approve; False where the task refuses, since it asks anew."""
    try:
        await bench.decide(handle, approval, "approve")
    except WorkflowUpdateFailedError:
        return False
    return True


async def test_a_decision_that_races_an_upgrade_counts_once_or_is_refused(
    benches: Benches, database_url: str
) -> None:
    turns = [[writing(number)] for number in range(ROUNDS)]
    async with benches(script_of(turns), reflect_every=1_000) as bench:
        started = await bench.start()
        handle: WorkflowHandle[Any, Any] = bench.client.get_workflow_handle(started.id)
        approval = await bench.approval(handle)
        for number in range(ROUNDS):
            assert f"echo {number} " in approval.title
            deciding = was_taken(bench, handle, approval)
            moving = update(handle, "upgrade")
            steering = handle.signal("steer", {"message": f"word {number}"})
            said = (deciding, moving, steering) if number % 2 else (moving, steering, deciding)
            answers = await asyncio.gather(*said)
            taken = answers[0] if number % 2 else answers[2]
            following = await bench.approval(handle, but=approval.id)
            if not taken:
                assert following.title == approval.title
                again = following
                await bench.decide(handle, again, "approve")
                following = await bench.approval(handle, but=again.id)
            approval = following
        assert approval.tool == "git_push"
        result = await bench.finish(handle)
        numbers = "\n".join(str(number) for number in range(ROUNDS))
        assert git(bench.remote, "show", f"{result['branch']}:count.txt") == numbers
        heard = await words_in_transcript(database_url, str(started.first_execution_run_id))
        assert heard == [f"word {number}" for number in range(ROUNDS)]
