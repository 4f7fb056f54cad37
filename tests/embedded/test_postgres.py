"""The embedded PostgreSQL."""

from perdure.embedded.database import connected


async def test_every_test_gets_an_empty_database(database_url: str) -> None:
    async with connected(database_url) as connection:
        tables = "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'"
        assert await connection.fetchval(tables) == 0
        await connection.execute("CREATE TABLE kept (value int)")


async def test_what_another_test_wrote_is_not_there(database_url: str) -> None:
    async with connected(database_url) as connection:
        assert await connection.fetchval("SELECT to_regclass('kept')") is None
