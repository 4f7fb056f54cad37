"""Two records on one database, as two processes would have them."""

from collections.abc import AsyncIterator

import pytest_asyncio

from perdure.memory.record import Record
from tests.memory.samples import TASK


@pytest_asyncio.fixture(loop_scope="session")
async def record(database_url: str) -> AsyncIterator[Record]:
    """A record on an empty database, in which bytes of one task can be kept."""
    connected = await Record.connect(database_url, pool_size=4)
    await connected.make_artifact_key(TASK)
    yield connected
    await connected.close()


@pytest_asyncio.fixture(loop_scope="session")
async def other(record: Record, database_url: str) -> AsyncIterator[Record]:
    """Another process's record on the same database, with its own connections and caches."""
    connected = await Record.connect(database_url, pool_size=4)
    yield connected
    await connected.close()
