"""Tasks in the record."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from perdure.contracts.errors import InvalidInput
from perdure.contracts.task import TaskRequest
from perdure.memory.database import Database
from perdure.memory.record import Record
from perdure.memory.tasks import Asked
from tests.memory.samples import AT, TASK, open_task


@pytest_asyncio.fixture(loop_scope="session")
async def database(record: Record, database_url: str) -> AsyncIterator[Database]:
    """The database below the record."""
    connected = await Database.connect(database_url, pool_size=1)
    yield connected
    await connected.close()


async def test_opening_again_keeps_the_key(record: Record, other: Record, database: Database) -> None:
    await open_task(record)
    [before] = await database.fetch("SELECT * FROM tasks")
    await open_task(other)
    [after] = await database.fetch("SELECT * FROM tasks")
    assert before["artifact_key"] == after["artifact_key"]
    assert len(after["artifact_key"]) == 32
    assert (after["status"], after["opened_at"], after["closed_at"]) == ("planning", AT, None)


async def test_closes_with_the_last_word(record: Record, database: Database) -> None:
    await open_task(record)
    await record.close_task(task_id=TASK, status="failed", summary="no", at=AT)
    await record.close_task(task_id=TASK, status="completed", summary="It works\0 \ud800now.", at=AT)
    [row] = await database.fetch("SELECT status, summary, closed_at FROM tasks")
    assert tuple(row) == ("completed", "It works\ufffd \ufffdnow.", AT)


async def test_a_prepared_workspace_opens_the_task_again(record: Record, database: Database) -> None:
    await open_task(record)
    await record.close_task(task_id=TASK, status="failed", summary="no", at=AT)
    await record.prepare(task_id=TASK, host_id="host-a", dispatch=1, attempt=1)
    [row] = await database.fetch("SELECT status, closed_at FROM tasks")
    assert tuple(row) == ("working", None)


async def test_refuses_to_close_an_unknown_task(record: Record) -> None:
    with pytest.raises(InvalidInput, match="no task 'task-1'"):
        await record.close_task(task_id=TASK, status="completed", summary="", at=AT)


async def test_says_who_asked_for_what(record: Record, other: Record) -> None:
    request = TaskRequest(request="NUL \0 and ☃", repository="https://key@example.com/r", user="Ada")
    where = "https://example.com/r"
    await record.open_task(task_id=TASK, workflow_id="w", request=request, repository=where, at=AT)
    assert await record.asked(TASK) == await other.asked(TASK) == Asked(user="Ada", repository=where)
    with pytest.raises(InvalidInput, match="no task 'another'"):
        await record.asked("another")


async def test_keeps_a_request_with_any_text(record: Record, database: Database) -> None:
    request = TaskRequest(request="NUL \0 and ☃", repository="/r")
    await record.open_task(task_id=TASK, workflow_id="w", request=request, repository="/r", at=AT)
    [row] = await database.fetch("SELECT request FROM tasks")
    assert '"v":1' in row["request"]
    assert TaskRequest.model_validate_json(row["request"].replace('"v":1,', "")) == request
