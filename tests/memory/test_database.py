"""Errors of PostgreSQL: what passes by itself is StoreUnavailable, what an operator must mend ConfigurationError."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio

from perdure.contracts.errors import ConfigurationError, DiskFull, StoreUnavailable
from perdure.embedded.database import connected
from perdure.memory.database import Database, display_name
from perdure.memory.record import Record
from tests.memory.samples import TASK, Writer
from tests.sentences import assert_said


@pytest_asyncio.fixture(loop_scope="session")
async def database(database_url: str) -> AsyncIterator[Database]:
    """An empty database with one connection."""
    opened = await Database.connect(database_url, pool_size=1)
    yield opened
    await opened.close()


def raising(state: str) -> str:
    return f"DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '{state}', MESSAGE = 'as told'; END $$"


@pytest.mark.parametrize(
    "state", ["57P01", "57P03", "53300", "53200", "40P01", "40001", "25006", "08006", "57014"]
)
async def test_what_passes_by_itself_is_unavailable(database: Database, state: str) -> None:
    with pytest.raises(StoreUnavailable, match=r"does not answer: as told\. hint: "):
        await database.fetch(raising(state))


async def test_a_full_disk_is_told_and_waited_for(database: Database) -> None:
    with pytest.raises(DiskFull) as full:
        await database.fetch(raising("53100"))
    assert_said("PostgreSQL's disk is full", str(full.value), server=database.name, why="as told.")


async def test_a_mistake_of_ours_stays_what_it_is(database: Database) -> None:
    with pytest.raises(asyncpg.UndefinedTableError):
        await database.fetch("SELECT * FROM nothing")
    with pytest.raises(asyncpg.InterfaceError, match="expects 1 argument"):
        await database.fetch("SELECT $1::int")


async def test_a_lost_connection_is_unavailable_and_the_next_statement_works(database: Database) -> None:
    with pytest.raises(StoreUnavailable):
        await database.fetch("SELECT pg_terminate_backend(pg_backend_pid()), pg_sleep(5)")
    assert len(await database.fetch("SELECT 1")) == 1


async def test_a_connection_that_was_lost_while_idle_does_no_harm(
    record: Record, database: Database, database_url: str
) -> None:
    writer = Writer()
    await record.append([writer.add(text="a")])
    await database.fetch(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    for _ in range(5):
        try:
            await record.append([writer.add(text="b")])
        except StoreUnavailable:
            writer.back_to(len(writer.entries) - 1)
        else:
            break
    reader = await Record.connect(database_url)
    assert await reader.entries(TASK, writer.head) == writer.entries
    await reader.close()


async def test_a_closed_pool_is_unavailable(database_url: str) -> None:
    database = await Database.connect(database_url, pool_size=1)
    await database.close()
    with pytest.raises(StoreUnavailable):
        await database.fetch("SELECT 1")


async def test_closing_waits_for_running_statements(database_url: str) -> None:
    database = await Database.connect(database_url, pool_size=1)
    running = asyncio.create_task(database.fetch("SELECT pg_sleep(0.5)"))
    async with connected(database_url) as connection, asyncio.timeout(120):
        sleeps = (
            "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()"
        )
        # Another session has no event of ours for what a statement does.
        while not running.done() and not await connection.fetchval(sleeps):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    await database.close()
    assert len(await running) == 1


async def test_a_cancelled_statement_gives_its_connection_back(database: Database) -> None:
    running = asyncio.create_task(database.fetch("SELECT pg_sleep(30)"))
    await asyncio.sleep(0.05)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert len(await database.fetch("SELECT 1")) == 1


async def test_no_server_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="does not answer"):
        await Record.connect(f"postgresql://perdure:secret@/perdure?host={tmp_path}")


async def test_a_missing_database_is_the_operators(database_url: str) -> None:
    wrong = database_url.replace("test_", "missing_", 1)
    assert wrong != database_url
    with pytest.raises(
        ConfigurationError, match=r"cannot be used: .*does not exist. hint: set PERDURE_DATABASE_URL"
    ):
        await Record.connect(wrong)


async def test_an_address_that_is_no_url_is_the_operators() -> None:
    for wrong in ("nonsense://x", "postgresql://host:port/x"):
        with pytest.raises(ConfigurationError, match="set PERDURE_DATABASE_URL"):
            await Record.connect(wrong)


def test_names_no_password() -> None:
    assert (
        display_name("postgresql://user:secret@db.example:5433/perdure?sslmode=require")
        == "db.example:5433/perdure"
    )
    assert display_name("postgresql://user:secret@/perdure?host=/run/postgresql") == "local socket/perdure"
    assert "secret" not in display_name("postgresql://user:secret@[bad:5433/perdure")
