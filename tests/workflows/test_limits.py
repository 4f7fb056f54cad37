"""Tasks of one user: those beyond the limit wait where people can see it, and too many starts are refused."""

from typing import Any

import pytest
from pydantic import SecretStr
from temporalio.api.enums.v1 import PendingActivityState
from temporalio.client import WorkflowFailureError, WorkflowHandle
from temporalio.exceptions import ApplicationError

from perdure.embedded.stack import Stack
from tests.workflows.conftest import READ, script_of, until


async def waits(handle: WorkflowHandle[Any, Any]) -> str:
    """Why the task's first step has to wait, as the Web UI shows it."""

    async def look() -> str | None:
        described = await handle.describe()
        for pending in described.raw_description.pending_activities:
            said = pending.last_failure.message
            if said and pending.state == PendingActivityState.PENDING_ACTIVITY_STATE_SCHEDULED:
                return said
        return None

    return await until(look)


@pytest.mark.parametrize("redis", [True, False])
async def test_a_task_waits_for_a_place_and_goes_on_and_a_start_too_many_is_refused(
    benches: Any, stack: Stack, redis: bool
) -> None:
    url = SecretStr(stack.addresses.others["valkey"]) if redis else None
    async with benches(script_of([[READ]]), user_tasks=1, user_starts=2, redis_url=url) as bench:
        first = await bench.start(user="ada", mode="answer")
        await first.signal("pause")
        await until(lambda: paused(first))
        second = await bench.start(user="ada", mode="answer")
        said = await waits(second)
        assert "The user 'ada' has 1 tasks that run" in said
        assert "this one waits for a free place" in said
        if redis:
            # With the record alone a task that waits has no row yet, so it is no start that counts.
            third = await bench.start(user="ada", mode="answer")
            with pytest.raises(WorkflowFailureError) as failure:
                await third.result()
            error = failure.value.cause
            assert isinstance(error, ApplicationError)
            assert error.type == "LimitReached"
            assert "has started 2 tasks within an hour" in error.message
        await first.signal("resume")
        assert (await first.result())["status"] == "completed"
        assert (await second.result())["status"] == "completed"


async def paused(handle: WorkflowHandle[Any, Any]) -> bool | None:
    """True once the task rests before a step."""
    status: dict[str, Any] = await handle.query("status")
    return True if status["doing"].startswith("paused") else None
