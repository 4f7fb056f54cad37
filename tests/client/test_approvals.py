"""What waits for a person, over all open tasks."""

from typing import Any

import pytest
from temporalio import workflow
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from perdure.client import NotPending, PerdureClient, WaitingTask
from perdure.contracts.names import SEARCH_NEEDS
from tests.client.player import Player, summary
from tests.client.search_attributes import unregistered
from tests.client.waiting import approval_of, eventually, listed_approval_of, listed_question_of


async def test_every_task_that_waits_is_listed_with_what_it_needs(
    client: PerdureClient, worker: Player
) -> None:
    first = await client.start("Mend the rounding\nplease", repository="/srv/shop")
    approval = await listed_approval_of(client, first)
    worker.steps, worker.decisions = 1, ((summary(0, "read_file a"),), (summary(0, "read_file b"),))
    second = await client.start("Mend the search", repository="/srv/shop")
    question = await listed_question_of(client, second)
    waiting = {task.id: task for task in await client.approvals()}
    assert waiting[first.id].approvals == (approval,)
    assert waiting[first.id].summary == "Mend the rounding"
    assert waiting[second.id].questions == (question,)


async def test_a_pending_id_leads_to_its_task(client: PerdureClient, worker: Player) -> None:
    task = await client.start("Mend it", repository="/srv/shop")
    approval = await listed_approval_of(client, task)
    found, waiting = await client.find_pending(approval.id)
    assert (found.id, waiting.approvals) == (task.id, (approval,))
    with pytest.raises(NotPending, match=approval.id):
        await client.find_pending("feedfeedfeed")


async def test_a_task_without_search_attributes_is_listed_too(client: PerdureClient, worker: Player) -> None:
    worker.registered = False
    task = await client.start("Mend it", repository="/srv/shop")
    approval = await listed_approval_of(client, task)
    listed = [each for each in await client.approvals() if each.id == task.id]
    assert [each.approvals for each in listed] == [(approval,)]


async def test_a_task_without_a_worker_is_listed_with_the_problem(
    client: PerdureClient, player: Player
) -> None:
    task = await client.start("Mend it", repository="/srv/shop")

    async def look() -> str | None:
        return next((each.problem for each in await client.approvals() if each.id == task.id), None)

    assert f"No worker polls task queue '{player.task_queue}'" in await eventually(look)


async def test_where_the_attribute_is_not_registered_every_open_task_is_asked(
    client: PerdureClient, temporal_client: Client, worker: Player
) -> None:
    worker.registered = False
    task = await client.start("Mend it", repository="/srv/shop")
    await approval_of(task)
    async with unregistered(client, temporal_client, SEARCH_NEEDS):
        assert SEARCH_NEEDS in await client.missing_search_attributes()

        async def look() -> bool | None:
            return task.id in {each.id for each in await client.approvals()} or None

        await eventually(look)


async def test_a_task_that_was_terminated_while_it_waited_is_not_offered(
    client: PerdureClient, temporal_client: Client, worker: Player
) -> None:
    task = await client.start("Mend it", repository="/srv/shop")
    approval = await listed_approval_of(client, task)
    await temporal_client.get_workflow_handle(task.id).terminate(reason="enough")
    # At once: the list may still have the task as one that runs.
    assert task.id not in {each.id for each in await client.approvals()}
    with pytest.raises(NotPending):
        await client.find_pending(approval.id)


@workflow.defn(name="CodingTask")
class _Unanswering:
    """A task of another version, which knows none of our queries."""

    @workflow.run
    async def run(self, _: Any) -> None:
        await workflow.wait_condition(lambda: False)


async def test_a_task_that_refuses_to_answer_does_not_hide_the_others(
    client: PerdureClient, temporal_client: Client, worker: Player
) -> None:
    waiting = await client.start("Mend the rounding", repository="/srv/shop")
    approval = await approval_of(waiting)
    queue = f"{worker.task_queue}-other"
    other = PerdureClient(temporal_client, task_queue=queue)
    runner = UnsandboxedWorkflowRunner()
    async with Worker(temporal_client, task_queue=queue, workflows=[_Unanswering], workflow_runner=runner):
        refusing = await other.start("Mend the search", repository="/srv/shop")

        async def both() -> dict[str, WaitingTask] | None:
            listed = {task.id: task for task in await client.approvals()}
            return listed if {waiting.id, refusing.id} <= listed.keys() else None

        listed = await eventually(both)
        assert listed[waiting.id].approvals == (approval,)
        assert "refused the query 'pending'" in listed[refusing.id].problem
        assert "hint:" not in listed[refusing.id].problem
        await temporal_client.get_workflow_handle(refusing.id).terminate()
