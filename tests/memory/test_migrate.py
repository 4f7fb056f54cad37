"""Migrations: applied once, in order, by whoever comes first; anything else is refused with a sentence."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import asyncpg
import pytest
import pytest_asyncio

from perdure.contracts.errors import ConfigurationError
from perdure.memory.database import Database
from perdure.memory.migrate import Migration, migrate, packaged_migrations
from perdure.memory.record import Record

FIRST = Migration("0001_first", "CREATE TABLE first (number integer); CREATE TABLE more (number integer)")
SECOND = Migration("0002_second", "ALTER TABLE first ADD COLUMN text text")


@pytest_asyncio.fixture(loop_scope="session")
async def database(database_url: str) -> AsyncIterator[Database]:
    """An empty database."""
    connected = await Database.connect(database_url, pool_size=2)
    yield connected
    await connected.close()


async def test_applies_what_is_missing_in_order_and_only_once(database: Database) -> None:
    assert await migrate(database, [FIRST]) == ["0001_first"]
    assert await migrate(database, [FIRST, SECOND]) == ["0002_second"]
    assert await migrate(database, [FIRST, SECOND]) == []
    await database.fetch("INSERT INTO first (number, text) VALUES (1, 'one')")


async def test_the_packaged_migrations_begin_with_1_and_leave_no_gap() -> None:
    names = [migration.name for migration in packaged_migrations()]
    assert [int(name[:4]) for name in names] == list(range(1, len(names) + 1))


async def test_many_processes_may_connect_at_once(database_url: str, database: Database) -> None:
    records = await asyncio.gather(*(Record.connect(database_url, pool_size=1) for _ in range(6)))
    await asyncio.gather(*(record.close() for record in records))
    rows = await database.fetch("SELECT name, sha256 FROM migrations")
    assert [(row["name"], row["sha256"]) for row in rows] == [
        (migration.name, migration.sha256) for migration in packaged_migrations()
    ]


async def test_refuses_an_edited_migration(database: Database) -> None:
    await migrate(database, [FIRST])
    with pytest.raises(ConfigurationError, match=r"'0001_first' is not the one that was applied.* hint: "):
        await migrate(database, [replace(FIRST, sql=FIRST.sql + " ")])


async def test_refuses_a_database_of_a_newer_release(database: Database) -> None:
    await migrate(database, [FIRST, SECOND])
    with pytest.raises(
        ConfigurationError, match="'0002_second', which this release of Perdure does not know"
    ):
        await migrate(database, [FIRST])


async def test_refuses_a_migration_that_was_slipped_in(database: Database) -> None:
    await migrate(database, [SECOND_ALONE])
    with pytest.raises(ConfigurationError, match="'0001_first' was never applied"):
        await migrate(database, [FIRST, SECOND_ALONE])


SECOND_ALONE = Migration("0002_second", "CREATE TABLE second (number integer)")


async def test_a_user_who_may_not_create_tables_is_the_operators(
    database: Database, database_url: str
) -> None:
    await database.fetch("CREATE ROLE guest LOGIN")
    try:
        limited = await Database.connect(database_url.replace("perdure@", "guest@", 1), pool_size=1)
        with pytest.raises(ConfigurationError, match=r"may not create tables .* hint: make this user"):
            await migrate(limited, [FIRST])
        await limited.close()
    finally:
        await database.fetch("DROP ROLE guest")


async def test_a_failing_migration_leaves_nothing_behind(database: Database) -> None:
    broken = Migration("0002_broken", "CREATE TABLE half (number integer); SELECT 1 / 0")
    with pytest.raises(asyncpg.DivisionByZeroError):
        await migrate(database, [FIRST, broken])
    rows = await database.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    assert rows == []
