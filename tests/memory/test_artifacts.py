"""Artifacts: exact bytes under ids that only the task's key can make."""

import os
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from perdure.contracts.calls import ArtifactRef
from perdure.contracts.errors import ConfigurationError, InvalidInput
from perdure.memory.artifacts import MAX_ARTIFACT_BYTES
from perdure.memory.database import Database
from perdure.memory.record import Record
from tests.memory.samples import TASK, open_task


@pytest_asyncio.fixture(loop_scope="session")
async def database(record: Record, database_url: str) -> AsyncIterator[Database]:
    """The database below the record."""
    connected = await Database.connect(database_url, pool_size=1)
    yield connected
    await connected.close()


@pytest.mark.parametrize("data", [b"", b"\0", b"short", os.urandom(300_000), b"long " * 200_000])
async def test_gives_back_the_same_bytes(record: Record, other: Record, data: bytes) -> None:
    await open_task(record)
    reference = await record.put_artifact(TASK, "output.txt", data, "text/plain")
    assert reference == ArtifactRef(
        id=reference.id, name="output.txt", bytes=len(data), media_type="text/plain"
    )
    assert await other.artifact(TASK, reference.id) == data


async def test_equal_bytes_are_one_artifact_within_a_task(
    record: Record, other: Record, database: Database
) -> None:
    await open_task(record)
    first = await record.put_artifact(TASK, "one", b"same", "text/plain")
    second = await other.put_artifact(TASK, "two", b"same", "text/plain")
    assert (second.id, second.name) == (first.id, "two")
    assert len(await database.fetch("SELECT 1 FROM artifacts")) == 1


async def test_equal_bytes_cannot_be_linked_across_tasks(record: Record) -> None:
    await open_task(record, "task-1")
    await open_task(record, "task-2")
    first = await record.put_artifact("task-1", "output", b"same", "text/plain")
    second = await record.put_artifact("task-2", "output", b"same", "text/plain")
    assert first.id != second.id
    with pytest.raises(InvalidInput, match="Task 'task-2' has no artifact"):
        await record.artifact("task-2", first.id)


async def test_bytes_are_stored_compressed(record: Record, database: Database) -> None:
    await open_task(record)
    await record.put_artifact(TASK, "output", b"long " * 200_000, "text/plain")
    [row] = await database.fetch("SELECT length(body) AS length, bytes FROM artifacts")
    assert row["bytes"] == 1_000_000
    assert row["length"] < 10_000


@pytest.mark.parametrize("change", ["'\\x00'", "set_byte(body, 20, 7)", "substring(body, 1, 30)"])
async def test_notices_changed_bytes(record: Record, database: Database, change: str) -> None:
    await open_task(record)
    reference = await record.put_artifact(TASK, "output", os.urandom(100), "text/plain")
    await database.fetch(f"UPDATE artifacts SET body = {change}")
    with pytest.raises(ConfigurationError, match="record is damaged: artifact"):
        await record.artifact(TASK, reference.id)


async def test_refuses_an_artifact_of_an_unknown_task(record: Record) -> None:
    with pytest.raises(InvalidInput, match="no task 'nobody'"):
        await record.put_artifact("nobody", "output", b"x", "text/plain")


async def test_refuses_bytes_without_end(record: Record) -> None:
    await open_task(record)
    with pytest.raises(InvalidInput, match="at most 268,435,456 are kept"):
        await record.put_artifact(TASK, "output", bytes(MAX_ARTIFACT_BYTES + 1), "text/plain")
