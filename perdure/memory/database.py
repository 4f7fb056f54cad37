"""One pool of PostgreSQL connections, and the one place where PostgreSQL's errors become ours."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import asyncpg

from perdure.contracts.errors import ConfigurationError, DiskFull, StoreUnavailable
from perdure.memory.connections import open_pool

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from perdure.memory.connections import Connection, Pool

CONNECT_TIMEOUT_S = 10.0
STATEMENT_TIMEOUT_S = 60.0

PASSING = (
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.TransactionRollbackError,
    asyncpg.ReadOnlySQLTransactionError,
    OSError,
)
"""Errors that end by themselves: restarts, failovers, lost connections, deadlocks, full pools (OSError covers timeouts)."""

LASTING = (
    asyncpg.InvalidCatalogNameError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InsufficientPrivilegeError,
    asyncpg.ClientConfigurationError,
    asyncpg.InternalClientError,
    ValueError,
)
"""Errors of connecting that only an operator can end."""


class Database:
    """A pool whose every statement is one round trip; errors are StoreUnavailable, DiskFull or ConfigurationError."""

    def __init__(self, pool: Pool, name: str) -> None:
        self._pool = pool
        self.name = name
        """Host and database, without credentials."""

    @classmethod
    async def connect(cls, database_url: str, *, pool_size: int) -> Database:
        """A pool with one open connection; the others are opened when they are needed."""
        name = display_name(database_url)
        async with connecting_to(name):
            pool = await open_pool(
                database_url,
                size=pool_size,
                connect_timeout_s=CONNECT_TIMEOUT_S,
                statement_timeout_s=STATEMENT_TIMEOUT_S,
            )
        return cls(pool, name)

    async def fetch(self, query: str, *arguments: object) -> list[asyncpg.Record]:
        """All rows of one statement, in its own transaction."""
        async with self._connection() as connection:
            return await connection.fetch(query, *arguments)

    async def fetchrow(self, query: str, *arguments: object) -> asyncpg.Record | None:
        """The first row of one statement, in its own transaction."""
        async with self._connection() as connection:
            return await connection.fetchrow(query, *arguments)

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[Connection]:
        """Several statements that hold together or not at all."""
        async with self._connection() as connection, connection.transaction():
            yield connection

    async def close(self) -> None:
        """Close every connection; those still busy after a while are cut."""
        try:
            await asyncio.wait_for(self._pool.close(), CONNECT_TIMEOUT_S)
        except TimeoutError:
            self._pool.terminate()

    @asynccontextmanager
    async def _connection(self) -> AsyncGenerator[Connection]:
        try:
            # The pool's own time limit would start a task for each statement.
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                connection = await self._pool.acquire()
            try:
                yield connection
            except asyncpg.InterfaceError as error:
                # The same class also reports wrong arguments, which trying again would not mend.
                if connection.is_closed():
                    raise _unavailable(self.name, error) from error
                raise
            except asyncpg.InternalClientError as error:
                # A connection that the server ended while it was idle says so instead of answering.
                connection.terminate()
                raise _unavailable(self.name, error) from error
            finally:
                await self._pool.release(connection, timeout=CONNECT_TIMEOUT_S)
        except asyncpg.DiskFullError as error:
            raise DiskFull(
                f"The disk of the PostgreSQL server at {self.name!r} is full: {_said(error)}",
                "free or add space there; what was recorded before is intact, and the step goes on by itself.",
            ) from error
        except PASSING as error:
            raise _unavailable(self.name, error) from error
        except asyncpg.InterfaceError as error:
            if self._pool.is_closing():
                raise _unavailable(self.name, error) from error
            raise


@asynccontextmanager
async def connecting_to(name: str) -> AsyncGenerator[None]:
    """Tells what passes by itself from what an operator must mend."""
    try:
        yield
    except PASSING as error:
        raise _unavailable(name, error) from error
    except LASTING as error:
        raise ConfigurationError(
            f"PostgreSQL at {name!r} cannot be used: {_said(error)}",
            "set PERDURE_DATABASE_URL to an existing database and a user that may create tables in it",
        ) from error


def display_name(database_url: str) -> str:
    """Host and database of a URL, without user and password."""
    try:
        parts = urlsplit(database_url)
        place = parts.hostname or "local socket"
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "an address that is no URL"
    return f"{place}{port}{parts.path}"


def _unavailable(name: str, error: BaseException) -> StoreUnavailable:
    return StoreUnavailable(
        f"PostgreSQL at {name!r} does not answer: {_said(error)}",
        "see that the server runs and can be reached; the step waits and then goes on by itself.",
    )


def _said(error: BaseException) -> str:
    text = str(error).strip() or type(error).__name__
    return text if text.endswith(".") else f"{text}."
