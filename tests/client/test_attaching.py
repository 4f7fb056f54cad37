"""Starting or finding a run by an id of the caller's, as an HTTP handler does."""

import asyncio

import pytest
from temporalio.client import Client

from perdure.client import NoWorker, PerdureClient, Refused, StillOpen, TaskFailed
from perdure.contracts.task import TaskRequest
from tests.client.player import Player
from tests.client.waiting import LIMIT_S, approval_of

ASKED = TaskRequest(request="Mend the rounding", repository="/srv/shop")


async def test_the_first_call_starts_and_the_second_finds(client: PerdureClient, worker: Player) -> None:
    id = f"order-{worker.task_queue}"
    first = await client.start_or_attach(ASKED, id=id)
    second = await client.start_or_attach(ASKED, id=id)
    assert (first.started, second.started) == (True, False)
    assert (second.handle.id, second.handle.task_id) == (id, first.handle.task_id)
    assert not second.closed
    assert second.status in {"planning", "working", "waiting"}
    assert len(worker.requests) == 1


async def test_callers_that_race_get_the_same_task_and_one_of_them_started_it(
    client: PerdureClient, worker: Player
) -> None:
    id = f"race-{worker.task_queue}"
    found = await asyncio.gather(*(client.start_or_attach(ASKED, id=id) for _ in range(8)))
    assert len({each.handle.task_id for each in found}) == 1
    assert sorted(each.started for each in found) == [False] * 7 + [True]
    assert len(worker.requests) == 1


async def test_who_finds_a_run_that_is_open_adds_nothing_to_its_history(
    client: PerdureClient, temporal_client: Client, worker: Player
) -> None:
    """A run takes 2,000 updates in all: who asks for it each second would leave none for decisions."""
    id = f"often-{worker.task_queue}"
    first = await client.start_or_attach(ASKED, id=id)
    approval = await approval_of(first.handle)
    run = temporal_client.get_workflow_handle(id)
    before = (await run.describe()).history_length
    for _ in range(3):
        found = await client.start_or_attach(ASKED, id=id)
        assert (found.started, found.closed, found.status) == (False, False, "waiting")
    assert (await run.describe()).history_length == before
    await first.handle.deny(approval.id, by="Ada")
    assert (await first.handle.wait(20)).pushed is False


async def test_another_request_under_the_same_id_is_refused(client: PerdureClient, worker: Player) -> None:
    id = f"other-{worker.task_queue}"
    await client.start_or_attach(ASKED, id=id)
    with pytest.raises(Refused, match="was started with another request") as caught:
        await client.start_or_attach("Mend the search", id=id, repository="/srv/shop")
    assert caught.value.hint == "use an id of its own for each request."


async def test_a_task_that_cannot_be_opened_says_why_at_once(client: PerdureClient, worker: Player) -> None:
    worker.fail_opening = "'/srv/shop' is no Git repository. hint: name one."
    with pytest.raises(TaskFailed, match="is no Git repository") as caught:
        await client.start_or_attach(ASKED, id=f"bad-{worker.task_queue}")
    assert caught.value.hint == "name one."


async def test_a_closed_run_is_given_or_started_anew_as_the_caller_says(
    client: PerdureClient, worker: Player
) -> None:
    worker.decisions = ()
    id = f"closed-{worker.task_queue}"
    first = await client.start_or_attach(ASKED, id=id)
    await first.handle.wait(LIMIT_S)
    given = await client.start_or_attach(ASKED, id=id)
    assert (given.started, given.closed, given.status) == (False, True, "completed")
    assert given.handle.task_id == first.handle.task_id
    assert (await given.handle.result()).summary == "The rounding is mended."
    kept = await client.start_or_attach(ASKED, id=id, if_closed="start_if_failed")
    assert (kept.started, kept.handle.task_id) == (False, first.handle.task_id)
    with pytest.raises(Refused, match="is over"):
        await client.start_or_attach(ASKED, id=id, if_closed="refuse")
    again = await client.start_or_attach(ASKED, id=id, if_closed="start")
    assert again.started
    assert again.handle.task_id != first.handle.task_id


async def test_a_failed_run_is_started_anew_where_that_is_asked_for(
    client: PerdureClient, worker: Player
) -> None:
    id = f"failed-{worker.task_queue}"
    worker.fail_opening = "The disk is broken."
    with pytest.raises(TaskFailed):
        await client.start_or_attach(ASKED, id=id)
    worker.fail_opening = ""
    given = await client.start_or_attach(ASKED, id=id)
    assert (given.started, given.closed, given.status) == (False, True, "failed")
    assert (await client.start_or_attach(ASKED, id=id, if_closed="start_if_failed")).started


async def test_without_a_worker_the_start_is_kept_and_the_caller_is_told(
    temporal_client: Client, player: Player
) -> None:
    hasty = PerdureClient(temporal_client, task_queue=player.task_queue, answer_s=3.0)
    id = f"kept-{player.task_queue}"
    with pytest.raises(NoWorker, match="sending the same again finds it"):
        await hasty.start_or_attach(ASKED, id=id)
    assert (await (await hasty.task(id)).describe()).open


async def test_waiting_ends_after_its_time_and_the_task_goes_on(
    client: PerdureClient, worker: Player
) -> None:
    task = (await client.start_or_attach(ASKED, id=f"wait-{worker.task_queue}")).handle
    approval = await approval_of(task)
    with pytest.raises(StillOpen, match="waiting: waiting for approval"):
        await task.wait(0.2)
    await task.deny(approval.id, by="Ada")
    assert (await task.wait(LIMIT_S)).pushed is False
