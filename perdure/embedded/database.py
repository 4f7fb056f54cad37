"""One short-lived connection to a PostgreSQL server, for asking after it and for making databases."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Protocol, cast

import asyncpg

from perdure.contracts.errors import StoreUnavailable

TIMEOUT_S = 10


class Connection(Protocol):
    """The part of asyncpg's connection that is used here."""

    async def execute(self, query: str, *arguments: object) -> str:
        """Run a statement; gives its command tag."""
        ...

    async def fetchval(self, query: str, *arguments: object) -> object:
        """The first value of the first row, None where there is none."""
        ...

    async def close(self) -> None:
        """Close the connection."""
        ...


@asynccontextmanager
async def connected(url: str) -> AsyncGenerator[Connection]:
    """A connection for the time of the block; raises StoreUnavailable where the server does not answer."""
    trouble = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError)
    try:
        # asyncpg's connect has no complete annotations.
        made = await asyncpg.connect(url, timeout=TIMEOUT_S, command_timeout=TIMEOUT_S)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    except trouble as error:
        raise StoreUnavailable(f"PostgreSQL does not answer: {error}.") from error
    connection = cast(Connection, made)
    try:
        yield connection
    except trouble as error:
        raise StoreUnavailable(f"PostgreSQL could not run the statement: {error}.") from error
    finally:
        await connection.close()
