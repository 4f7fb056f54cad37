"""Leases under several processes at once, and under connections that die."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from perdure.contracts.errors import Fenced, InvalidInput, StoreUnavailable
from perdure.memory.database import Database
from perdure.memory.leases import Claim
from perdure.memory.record import Record
from tests.memory.lease_samples import claim, nothing_stored, settle
from tests.memory.samples import TASK, Writer, checkpoint, prepared


@pytest_asyncio.fixture(loop_scope="session")
async def database(record: Record, database_url: str) -> AsyncIterator[Database]:
    """The database below the record."""
    connected = await Database.connect(database_url, pool_size=2)
    yield connected
    await connected.close()


async def test_of_racing_claims_the_highest_token_keeps_the_workspace(record: Record, other: Record) -> None:
    await prepared(record)
    for round_number in range(10):
        first = 2 + round_number * 8
        racers = [claim([record, other][number % 2], first + number) for number in range(8)]
        found = await asyncio.gather(*racers, return_exceptions=True)
        for outcome in found:
            assert isinstance(outcome, (Claim, Fenced)), outcome
        assert isinstance(found[-1], Claim), "nothing stands above the highest token"
        generations = [each.generation for each in found if isinstance(each, Claim)]
        assert len(set(generations)) == len(generations), "no two owners share a folder that is in doubt"
        with pytest.raises(Fenced):
            await settle(record, first + 6, 0, step=round_number)
        await settle(record, first + 7, 0, step=round_number, commit="c0")


async def test_a_claim_that_waited_for_a_record_sees_it(
    record: Record, other: Record, database: Database
) -> None:
    """The claim is sent while the record is not committed yet; judged by what stood before, it would run call 0 again."""
    await prepared(record)
    await claim(record, 2, calls=[0])
    async with database.transaction() as holding:
        await holding.execute("SELECT 1 FROM workspaces FOR UPDATE")
        recording = asyncio.create_task(settle(record, 2, 0, commit="c1"))
        await waits(database, 1)
        claiming = asyncio.create_task(claim(other, 2, attempt=2, calls=[0]))
        await waits(database, 2)
    await recording
    found = await claiming
    assert (found.generation, found.fresh, sorted(found.stored)) == (1, False, [0])
    assert found.checkpoint == checkpoint("c1")


async def test_a_record_that_waited_for_a_claim_is_fenced(
    record: Record, other: Record, database: Database
) -> None:
    await prepared(record)
    await claim(record, 2, calls=[0])
    async with database.transaction() as holding:
        await holding.execute("SELECT 1 FROM workspaces FOR UPDATE")
        claiming = asyncio.create_task(claim(other, 2, attempt=2, calls=[0]))
        await waits(database, 1)
        recording = asyncio.create_task(settle(record, 2, 0, commit="c1"))
        await waits(database, 2)
    assert await claiming == nothing_stored(2, fresh=True)
    with pytest.raises(Fenced):
        await recording


async def test_a_record_whose_connection_dies_leaves_nothing(
    record: Record, other: Record, database: Database
) -> None:
    await prepared(record)
    await claim(record, 2)
    writer = Writer()
    writer.add(text="result 0")
    async with database.transaction() as holding:
        await holding.execute("SELECT 1 FROM workspaces FOR UPDATE")
        recording = asyncio.create_task(settle(record, 2, 0, writer=writer))
        await waits(database, 1)
        await holding.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE wait_event_type = 'Lock' AND datname = current_database()"
        )
        with pytest.raises(StoreUnavailable):
            await recording
    with pytest.raises(InvalidInput, match="has no entry"):
        await other.entries(TASK, writer.head)
    assert await claim(other, 2, attempt=2) == nothing_stored(2, fresh=True)


async def waits(database: Database, count: int) -> None:
    """Until so many statements wait for a lock."""
    async with asyncio.timeout(120):
        while True:
            rows = await database.fetch(
                "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
            )
            if len(rows) >= count:
                return
            await asyncio.sleep(0.01)
