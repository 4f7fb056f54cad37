"""Real servers for all tests: one PostgreSQL and one embedded stack per test session, both in temporary folders."""

import itertools
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from perdure.embedded.database import connected
from perdure.embedded.postgres import Postgres, PostgresSettings

database_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def stack_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for the session's servers with a path short enough for sockets."""
    return tmp_path_factory.mktemp("s")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def postgres_server(stack_folder: Path) -> AsyncIterator[Postgres]:
    """The session's PostgreSQL. Its guard stops it even where the session itself is killed."""
    folder = stack_folder / "postgres"
    sockets = stack_folder / "sockets"
    sockets.mkdir(mode=0o700)
    server = Postgres(
        folder, sockets=sockets, log=stack_folder / "postgres.log", settings=PostgresSettings(durable=False)
    )
    try:
        await server.start()
        yield server
    finally:
        await server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest_asyncio.fixture(loop_scope="session")
async def database_url(postgres_server: Postgres) -> AsyncIterator[str]:
    """The URL of a fresh, empty database, dropped after the test."""
    name = f"test_{next(database_numbers)}"
    await _administer(postgres_server, f"CREATE DATABASE {name} TEMPLATE template0 STRATEGY FILE_COPY")
    yield postgres_server.url(name)
    await _administer(postgres_server, f"DROP DATABASE {name} WITH (FORCE)")


async def _administer(server: Postgres, statement: str) -> None:
    async with connected(server.url("postgres")) as connection:
        await connection.execute(statement)
