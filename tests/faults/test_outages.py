"""A server that is away for a while: the task waits, says for what, and goes on to the same end.

``OUTAGE_S`` (default 3) is how long a server stays away after the task has said what it waits for.
"""

import asyncio
import os
from dataclasses import replace
from pathlib import Path

import pytest

from perdure.client import PerdureClient, ServerUnreachable
from perdure.client.handle import TaskHandle
from tests.embedded.test_stores import client_of
from tests.faults.installation import Installation, Servers
from tests.faults.moments import while_running
from tests.faults.picture import Handle, read_work
from tests.faults.runs import Outcome, run_errand
from tests.sentences import assert_said
from tests.workflows.conftest import until

OUTAGE_S = float(os.environ.get("OUTAGE_S", "3"))
#: The steps in which a server goes away: one that runs a tool, one that asks a model.
MOMENTS = ("execute_calls 4 0", "decide 6")


@pytest.mark.parametrize("step", MOMENTS)
async def test_a_task_waits_for_postgresql_and_says_so(
    harmed: Servers, undisturbed: Outcome, tmp_path: Path, step: str
) -> None:
    outcome = await run_errand(
        harmed, tmp_path, while_running(step), victim="postgres", meanwhile=until_it_is_said
    )
    assert differences(undisturbed, outcome) == []


async def until_it_is_said(at: Installation, handle: Handle) -> None:
    """The step's last failure, which the Web UI, ``show`` and ``watch`` display, and the worker's log say what is missing."""
    client = PerdureClient(at.servers.client, task_queue=at.queue)
    task = await client.task(handle.id)
    said = await last_failure(task)
    assert_said("PostgreSQL does not answer", said)
    log = at.workers[0].written()
    assert any("does not answer" in line and task.task_id in line for line in log.splitlines()), log
    await asyncio.sleep(OUTAGE_S)


async def last_failure(task: TaskHandle) -> str:
    """Why a step of the task is tried again."""
    async with asyncio.timeout(120):
        while True:
            for step in (await task.describe()).pending_steps:
                if step.attempt > 3 and step.last_failure:
                    return step.last_failure
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("step", MOMENTS)
async def test_a_task_goes_on_when_temporal_is_back(
    harmed: Servers, undisturbed: Outcome, tmp_path: Path, step: str
) -> None:
    outcome = await run_errand(
        harmed, tmp_path, while_running(step), victim="temporal", meanwhile=while_clients_are_told
    )
    assert differences(undisturbed, outcome) == []


async def while_clients_are_told(at: Installation, handle: Handle) -> None:
    """A client that was connected and one that connects now both say where no server answers."""
    connected = PerdureClient(at.servers.client, answer_s=1.0, address=at.servers.temporal)
    with pytest.raises(ServerUnreachable) as lost:
        await connected.task(handle.id)
    assert_said("Temporal does not answer", str(lost.value), address=at.servers.temporal)
    with pytest.raises(ServerUnreachable) as refused:
        async with PerdureClient.connect(at.servers.temporal):
            pass
    assert_said("Temporal does not answer", str(refused.value), address=at.servers.temporal)
    await asyncio.sleep(OUTAGE_S)
    assert at.workers[0].running, at.written()


@pytest.mark.parametrize("store", ["valkey", "chroma"])
async def test_a_task_does_not_notice_that_a_store_beside_the_record_is_away(
    harmed: Servers, undisturbed: Outcome, tmp_path: Path, store: str
) -> None:
    logs: list[str] = []

    async def for_three_steps(at: Installation, handle: Handle) -> None:
        """The store is away until the task got on by itself, which it does at once."""
        await reached(handle, "decide 6")
        logs.append(at.workers[0].written())
        work, _ = await read_work(handle)
        assert [each.name for each in work if each.attempt > 1] == []

    outcome = await run_errand(
        harmed, tmp_path, while_running("decide 3"), victim=store, meanwhile=for_three_steps
    )
    assert differences(undisturbed, outcome) == []
    assert outcome.prompts == undisturbed.prompts
    said = [line for line in logs[0].splitlines() if "Redis does not answer" in line]
    # A busy machine may make a Redis that is there slower than the moment that it is given.
    away = [line for line in said if "nothing came within" not in line]
    assert len(away) <= (1 if store == "valkey" else 0), logs[0]
    assert said or store != "valkey", logs[0]


async def test_a_worker_that_meets_a_task_anew_asks_the_same_with_redis_and_without(
    harmed: Servers, tmp_path: Path
) -> None:
    moment = while_running("decide 6")
    async with client_of(harmed.stores["valkey"]) as redis:
        await redis.config_resetstat()
        outcome = await run_errand(harmed, tmp_path, moment)
        read = await redis.info("commandstats")
    without = await run_errand(replace(harmed, stores={}), tmp_path, moment)
    assert read["cmdstat_lrange"]["calls"] >= 1
    assert differences(without, outcome) == []
    assert sorted(set(outcome.prompts)) == sorted(set(without.prompts))


async def reached(handle: Handle, work: str) -> None:
    """Wait until this piece of work is in the task's history."""

    async def look() -> bool | None:
        work_done, _ = await read_work(handle)
        return True if any(each.name == work for each in work_done) else None

    await until(look)


def differences(undisturbed: Outcome, outcome: Outcome) -> list[str]:
    """What the outage changed; at least it must have hit."""
    missed = [] if outcome.death is not None else ["the task had ended before the server was away"]
    return [*missed, *outcome.faults, *undisturbed.picture.differences(outcome.picture)]
