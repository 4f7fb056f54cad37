"""The whole stack: started, found, refused twice, stopped, and started again on the same data."""

import os
import stat
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import pytest
from temporalio.client import Client

from perdure.contracts.errors import ConfigurationError
from perdure.contracts.names import SEARCH_ATTRIBUTES
from perdure.embedded.database import connected
from perdure.embedded.process import is_alive
from perdure.embedded.record import find_running, record_of, write_record
from perdure.embedded.stack import Stack
from perdure.embedded.temporal import TemporalSettings
from perdure.embedded.temporal_namespace import describe_retention, registered_attributes

StartStack = Callable[..., Awaitable[Stack]]


async def test_every_component_is_well_and_tells_version_and_address(stack: Stack) -> None:
    postgres, temporal, valkey, disk = await stack.health()
    assert (postgres.name, postgres.ok, postgres.address) == ("postgres", True, stack.addresses.database_url)
    assert (temporal.name, temporal.ok, temporal.address) == ("temporal", True, stack.addresses.temporal)
    assert int(postgres.version.partition(".")[0]) >= 16
    assert tuple(int(part) for part in temporal.version.split(".")[:2]) >= (1, 32)
    assert stack.addresses.web_ui in temporal.detail
    assert (valkey.name, valkey.ok, valkey.address) == ("valkey", True, stack.addresses.others["valkey"])
    assert (disk.name, disk.ok) == ("disk", True)


async def test_closed_tasks_are_kept_for_a_year(temporal_client: Client) -> None:
    assert await describe_retention(temporal_client) == timedelta(days=365)


async def test_the_search_attributes_are_registered_with_their_types(temporal_client: Client) -> None:
    registered = await registered_attributes(temporal_client)
    assert {name: registered.get(name) for name in SEARCH_ATTRIBUTES} == SEARCH_ATTRIBUTES


async def test_other_processes_find_a_running_stack_by_its_folder(
    stack: Stack, start_stack: StartStack, tmp_path: Path
) -> None:
    assert find_running(tmp_path) is None
    found = await start_stack(tmp_path, temporal=stack.addresses.temporal)
    record = find_running(tmp_path)
    assert record is not None
    assert record.owner.pid == os.getpid()
    assert record.addresses == found.addresses
    assert [process.component for process in record.living] == ["postgres", "postgres"]
    assert stat.S_IMODE((tmp_path / "stack.json").stat().st_mode) == 0o600
    await found.stop()
    assert find_running(tmp_path) is None
    assert not [process for process in record.processes if is_alive(process.pid, process.started)]


async def test_a_record_of_another_boot_or_of_a_reused_process_id_is_no_running_stack(
    stack: Stack, tmp_path: Path
) -> None:
    record = record_of(owner=os.getpid(), addresses=stack.addresses, processes=())
    write_record(tmp_path / "stack.json", record)
    assert find_running(tmp_path) == record
    write_record(tmp_path / "stack.json", record.model_copy(update={"boot": "another"}))
    assert find_running(tmp_path) is None
    reused = record.owner.model_copy(update={"started": record.owner.started + 1})
    write_record(tmp_path / "stack.json", record.model_copy(update={"owner": reused}))
    assert find_running(tmp_path) is None


async def test_data_survive_a_restart(start_stack: StartStack, tmp_path: Path) -> None:
    stack = await start_stack(tmp_path)
    async with connected(stack.addresses.database_url) as connection:
        await connection.execute("CREATE TABLE kept AS SELECT 'still here' AS value")
    client = await Client.connect(stack.addresses.temporal)
    await client.start_workflow("NobodyRunsThis", id="kept", task_queue="nobody")
    await stack.stop()

    stack = await start_stack(tmp_path)
    async with connected(stack.addresses.database_url) as connection:
        assert await connection.fetchval("SELECT value FROM kept") == "still here"
    client = await Client.connect(stack.addresses.temporal)
    description = await client.get_workflow_handle("kept").describe()
    assert description.workflow_type == "NobodyRunsThis"
    assert await describe_retention(client) == timedelta(days=365)


async def test_a_second_start_on_the_same_folder_is_refused_and_names_the_first(
    stack: Stack, start_stack: StartStack, tmp_path: Path
) -> None:
    first = await start_stack(tmp_path, temporal=stack.addresses.temporal)
    with pytest.raises(ConfigurationError) as refusal:
        await start_stack(tmp_path, temporal=stack.addresses.temporal)
    assert f"process {os.getpid()} owns it" in refusal.value.message
    assert first.addresses.temporal in refusal.value.message
    assert all(health.ok for health in await first.health())
    assert find_running(tmp_path) is not None


async def test_a_stack_that_cannot_start_leaves_nothing_running_and_can_start_later(
    stack: Stack, start_stack: StartStack, tmp_path: Path
) -> None:
    unusable = Stack(tmp_path, temporal=TemporalSettings(address="127.0.0.1:1"))
    with pytest.raises(ConfigurationError, match="TEMPORAL_ADDRESS"):
        await unusable.start()
    assert unusable.components == ()
    await start_stack(tmp_path, temporal=stack.addresses.temporal)


async def test_given_servers_are_used_and_none_are_started(
    stack: Stack, database_url: str, tmp_path: Path
) -> None:
    user = Stack(
        tmp_path,
        temporal=TemporalSettings(address=stack.addresses.temporal),
        database_url=database_url,
        redis_url=stack.addresses.others["valkey"],
        without={"chroma"},
    )
    addresses = await user.start()
    try:
        assert (addresses.temporal, addresses.database_url) == (stack.addresses.temporal, database_url)
        health = await user.health()
        assert [(each.name, each.ok) for each in health] == [
            ("postgres", True),
            ("temporal", True),
            ("valkey", True),
            ("disk", True),
        ]
        assert "TEMPORAL_ADDRESS" in health[1].detail
        assert [process for component in user.components for process in component.processes] == []
    finally:
        await user.stop()
    assert all(health.ok for health in await stack.health())


async def test_a_given_database_that_does_not_answer_is_named_without_its_password(
    stack: Stack, tmp_path: Path
) -> None:
    user = Stack(
        tmp_path,
        temporal=TemporalSettings(address=stack.addresses.temporal),
        database_url="postgresql://someone:hidden@127.0.0.1:1/records",
    )
    with pytest.raises(ConfigurationError) as refusal:
        await user.start()
    assert "'postgresql://someone@127.0.0.1:1/records'" in str(refusal.value)
    assert "PERDURE_DATABASE_URL" in str(refusal.value)
    assert "hidden" not in str(refusal.value)
