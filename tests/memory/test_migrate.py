"""Migrations: applied once, in order, by whoever comes first; anything else is refused with a sentence."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio

from perdure.contracts.errors import ConfigurationError
from perdure.memory.database import Database
from perdure.memory.migrate import CREATE_LEDGER, Migration, migrate, packaged_migrations
from perdure.memory.record import Record
from tests.memory.samples import AT, TASK, open_task

SPECIMENS = Path(__file__).with_name("specimens")
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


async def test_goes_on_with_a_database_to_which_a_newer_release_only_added(database: Database) -> None:
    await migrate(database, [FIRST, SECOND])
    assert await migrate(database, [FIRST]) == []


async def test_refuses_a_database_from_which_a_newer_release_took_something(database: Database) -> None:
    third = Migration("0003_third", "-- contracts\nDROP TABLE more")
    await migrate(database, [FIRST, SECOND, third])
    with pytest.raises(ConfigurationError, match=r"'0003_third', which .* takes away what it needs"):
        await migrate(database, [FIRST, SECOND])


async def test_refuses_a_newer_migration_of_which_nobody_said_what_it_does(database: Database) -> None:
    await migrate(database, [FIRST, SECOND])
    await database.fetch("UPDATE migrations SET effect = NULL")
    with pytest.raises(ConfigurationError, match=r"'0002_second', which .* does not say that it only adds"):
        await migrate(database, [FIRST])


async def test_a_ledger_without_effects_gets_them(database: Database) -> None:
    await database.fetch(CREATE_LEDGER)
    await database.fetch("INSERT INTO migrations (name, sha256) VALUES ($1, $2)", FIRST.name, FIRST.sha256)
    await database.fetch("CREATE TABLE first (number integer)")
    assert await migrate(database, [FIRST, SECOND]) == ["0002_second"]
    rows = await database.fetch("SELECT name, effect FROM migrations ORDER BY name")
    assert [tuple(row) for row in rows] == [("0001_first", None), ("0002_second", "expands")]


def test_what_takes_something_away_says_so() -> None:
    takes = re.compile(
        r"\b(DROP|RENAME|TRUNCATE|DELETE)\b|ALTER COLUMN \w+ (TYPE|SET NOT NULL)|ADD COLUMN (?!.*(DEFAULT|NULL))",
        re.IGNORECASE,
    )
    for migration in packaged_migrations():
        code = re.sub(r"--.*", "", migration.sql)
        if takes.search(code):
            assert migration.effect == "contracts", migration.name


async def test_the_statements_of_the_release_before_work_on_this_release_s_tables(
    database: Database,
) -> None:
    await migrate(database, packaged_migrations())
    before: dict[str, str] = json.loads((SPECIMENS / "statements_of_0002.json").read_text())
    async with database.transaction() as connection:
        for number, statement in enumerate(before.values()):
            await connection.execute(f"PREPARE before_{number} AS {statement}")
        known = await connection.fetch("SELECT count(*) AS number FROM pg_prepared_statements WHERE from_sql")
        assert known[0]["number"] == len(before) > 20


async def test_what_the_release_before_writes_is_read_by_this_one(
    database: Database, database_url: str
) -> None:
    await migrate(database, packaged_migrations()[:2])
    before: dict[str, str] = json.loads((SPECIMENS / "statements_of_0002.json").read_text())
    opened = ("fix", "{}", "/repositories/shop", "planning", b"k" * 32, AT)
    await database.fetch(before["tasks.OPEN"], "early", *opened)
    record = await Record.connect(database_url, pool_size=1)
    try:
        await database.fetch(before["tasks.OPEN"], "late", *opened)
        for task in ("early", "late"):
            data = f"bytes of {task}".encode()
            kept = await record.put_artifact(task, "output", data, "text/plain")
            row = await database.fetchrow(before["artifacts.GET"], task, kept.id)
            assert row is not None
            assert bytes(row["artifact_key"]) == b"k" * 32
            assert await record.artifact(task, kept.id) == data
    finally:
        await record.close()


async def test_a_task_that_is_opened_again_has_the_key_it_had(database: Database, database_url: str) -> None:
    record = await Record.connect(database_url, pool_size=1)
    try:
        await open_task(record, TASK)
        kept = await record.put_artifact(TASK, "output", b"bytes", "text/plain")
        await database.fetch("DELETE FROM tasks")
        await open_task(record, TASK)
        row = await database.fetchrow(
            "SELECT t.artifact_key = k.key AS same FROM tasks t JOIN artifact_keys k USING (task_id)"
        )
        assert row is not None
        assert row["same"]
        assert await record.artifact(TASK, kept.id) == b"bytes"
    finally:
        await record.close()


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
