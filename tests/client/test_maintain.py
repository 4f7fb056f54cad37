"""Maintenance runs through the client: they know what they are, and end with their own result."""

import pytest

from perdure.client import PerdureClient, TaskFailed
from perdure.client.events import Ended, Started
from perdure.contracts.errors import InvalidInput
from perdure.contracts.maintenance import MaintenanceRequest, MaintenanceResult
from perdure.contracts.names import CODING_TASK, MAINTENANCE_RUN
from perdure.contracts.task import TaskStatus
from tests.client.player import Player
from tests.client.upkeep import RESULT
from tests.client.waiting import LIMIT_S, all_events


async def test_a_run_ends_with_what_it_kept_and_what_it_did_not_do(
    client: PerdureClient, upkeep: Player
) -> None:
    run = await client.maintain("https://ada:hush@git.example.com/shop.git", "python-hygiene", user="ada")
    assert run.id.startswith("maintain-shop-python-hygiene-")
    assert await run.wait(LIMIT_S) == RESULT
    description = await run.describe()
    assert (run.kind, description.kind) == (MAINTENANCE_RUN, MAINTENANCE_RUN)
    assert description.summary == "python-hygiene: https://git.example.com/shop.git"


async def test_a_run_is_found_again_with_its_kind(client: PerdureClient, upkeep: Player) -> None:
    started = await client.maintain("/srv/shop", "python-hygiene")
    await started.result()
    found = await client.task(started.id)
    assert found.kind == MAINTENANCE_RUN
    assert isinstance(await found.result(), MaintenanceResult)


async def test_its_events_have_its_request_and_its_result(client: PerdureClient, upkeep: Player) -> None:
    run = await client.maintain("/srv/shop", "python-hygiene", base_branch="main")
    events = await all_events(run)
    assert isinstance(events[0], Started)
    assert events[0].request == MaintenanceRequest(
        repository="/srv/shop", playbook="python-hygiene", base_branch="main"
    )
    assert isinstance(events[-1], Ended)
    assert events[-1].result == RESULT
    assert Ended.model_validate_json(events[-1].model_dump_json()).result == RESULT


async def test_a_failed_run_raises_with_its_own_result(client: PerdureClient, upkeep: Player) -> None:
    run = await client.maintain("/srv/shop", "failing")
    with pytest.raises(TaskFailed, match="It did not work") as caught:
        await run.result()
    assert isinstance(caught.value.result, MaintenanceResult)
    assert (caught.value.result.status, caught.value.result.findings) == (TaskStatus.FAILED, RESULT.findings)


async def test_a_run_without_a_playbook_is_refused(client: PerdureClient, player: Player) -> None:
    with pytest.raises(InvalidInput, match="playbook"):
        await client.maintain("/srv/shop")


async def test_a_task_under_the_id_of_a_run_is_refused_as_another_request(
    client: PerdureClient, worker: Player
) -> None:
    task = await client.start("Mend it", repository="/srv/shop", id=f"one-{worker.task_queue}")
    assert task.kind == CODING_TASK
    with pytest.raises(InvalidInput, match="another request"):
        await client.start_or_attach(
            MaintenanceRequest(repository="/srv/shop", playbook="python-hygiene"), id=task.id
        )
