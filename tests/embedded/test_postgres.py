"""The embedded PostgreSQL."""

import asyncpg


async def test_every_test_gets_an_empty_database(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    try:
        tables = await connection.fetch(
            "SELECT 1 FROM information_schema.tables WHERE table_schema = 'public'"
        )
        assert tables == []
        await connection.execute("CREATE TABLE kept (value int)")
    finally:
        await connection.close()


async def test_what_another_test_wrote_is_not_there(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    try:
        assert await connection.fetchval("SELECT to_regclass('kept')") is None
    finally:
        await connection.close()
