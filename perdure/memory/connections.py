"""What we use of asyncpg, which ships no types of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, cast

import asyncpg

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from contextlib import AbstractAsyncContextManager


class Connection(Protocol):
    """One connection. Statements are prepared once a connection and then cost one round trip."""

    async def execute(self, query: str, *arguments: object) -> str:
        """Run a statement, or several where there are no arguments."""
        ...

    async def fetch(self, query: str, *arguments: object) -> list[asyncpg.Record]:
        """All rows of a statement."""
        ...

    async def fetchrow(self, query: str, *arguments: object) -> asyncpg.Record | None:
        """The first row of a statement."""
        ...

    def transaction(self) -> AbstractAsyncContextManager[None]:
        """A transaction around what follows."""
        ...

    def is_closed(self) -> bool:
        """Whether the connection is gone."""
        ...

    def terminate(self) -> None:
        """End the connection at once."""
        ...


class Pool(Protocol):
    """A pool of connections."""

    def acquire(self) -> Awaitable[Connection]:
        """Borrow a connection, however long that takes."""
        ...

    async def release(self, connection: Connection, *, timeout: float) -> None:
        """Give it back."""
        ...

    async def close(self) -> None:
        """Wait for the borrowed connections, then close all."""
        ...

    def terminate(self) -> None:
        """Close all at once."""
        ...

    def is_closing(self) -> bool:
        """Whether the pool is closed or about to be."""
        ...


async def open_pool(
    database_url: str, *, size: int, connect_timeout_s: float, statement_timeout_s: float
) -> Pool:
    """A pool with one open connection; the others are opened when they are needed."""
    # asyncpg ships no types, so what its function gives is stated here once.
    create = cast("Callable[..., Awaitable[Pool]]", asyncpg.create_pool)  # pyright: ignore[reportUnknownMemberType]
    options: dict[str, Any] = {
        "min_size": 1,
        "max_size": size,
        "timeout": connect_timeout_s,
        "command_timeout": statement_timeout_s,
        "reset": _leave_as_it_is,
        "server_settings": {"application_name": "perdure"},
    }
    return await create(database_url, **options)


async def _leave_as_it_is(connection: Connection) -> None:
    """No statement of ours leaves anything in the session, so giving a connection back costs no round trip."""
