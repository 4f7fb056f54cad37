"""Entries are artifacts as well, stored by whatever statement records them."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from perdure.contracts.errors import ConfigurationError, Fenced, InvalidInput
from perdure.contracts.transcript import Entry
from perdure.memory.batches import MEDIA_TYPE, Batch, packed, read_batch
from perdure.memory.database import Database
from perdure.memory.record import Record
from perdure.memory.stored_json import to_json
from tests.memory.lease_samples import claim, settle
from tests.memory.samples import TASK, Step, Writer, checkpoint, prepared

STORED = "SELECT id FROM artifacts WHERE media_type = $1 ORDER BY stored_at, id"


@pytest_asyncio.fixture(loop_scope="session")
async def database(record: Record, database_url: str) -> AsyncIterator[Database]:
    """The record's database, to look into."""
    connected = await Database.connect(database_url, pool_size=1)
    yield connected
    await connected.close()


async def batches(record: Record, database: Database) -> list[Batch]:
    """All that is stored, in the order in which it came."""
    rows = await database.fetch(STORED, MEDIA_TYPE)
    return [read_batch(TASK, await record.artifact(TASK, row["id"])) for row in rows]


async def test_appended_entries_are_an_artifact(record: Record, database: Database) -> None:
    writer = Writer()
    for text in ("NUL \0", "lone \ud800", "ünïcödé ☃", '{"a": 1e400}'):
        writer.add(text=text)
    await record.append(writer.entries[:1])
    await record.append(writer.entries[1:])
    await record.append(writer.entries[1:])
    assert await batches(record, database) == [
        Batch(tuple(writer.entries[:1]), None),
        Batch(tuple(writer.entries[1:]), None),
    ]


async def test_an_answer_s_entries_are_an_artifact_unless_another_was_first(
    record: Record, database: Database
) -> None:
    winner, loser = Writer(), Writer()
    winner.add(text="first")
    loser.add(text="second")
    await record.store_answer(Step(1), {"a": 1}, winner.entries)
    await record.store_answer(Step(1), {"a": 2}, loser.entries)
    await record.store_answer(Step(2), {"a": 3})
    assert await batches(record, database) == [Batch(tuple(winner.entries), None)]


async def test_results_are_an_artifact_with_their_checkpoint_unless_they_are_refused(
    record: Record, database: Database
) -> None:
    await prepared(record)
    await claim(record, 1)
    writer, late = Writer(), Writer()
    writer.add(text="done")
    await settle(record, 1, 0, writer=writer)
    await claim(record, 2, step=2, commit="c1")
    late.add(text="late")
    with pytest.raises(Fenced):
        await settle(record, 1, 1, writer=late)
    assert await batches(record, database) == [Batch(tuple(writer.entries), checkpoint("c1"))]


async def test_a_task_without_a_key_records_nothing(record: Record, database: Database) -> None:
    writer = Writer("nobody")
    writer.add(text="lost")
    with pytest.raises(InvalidInput, match="has no task 'nobody'"):
        await record.append(writer.entries)
    assert await database.fetch("SELECT FROM entries") == []


def test_a_changed_entry_in_an_artifact_is_noticed() -> None:
    entry = Writer().add(text="as it was")
    _, _, _, body = packed(b"k" * 32, [entry], [to_json(entry.body)])
    assert body
    changed: Entry = entry.model_copy(update={"body": {"text": "otherwise"}})
    facts = {
        name: getattr(changed, name) for name in ("digest", "v", "parent", "depth", "step", "kind", "at")
    }
    data = "\n".join([to_json({"v": 1}), to_json({**facts, "body": changed.body})]).encode()
    with pytest.raises(ConfigurationError, match="record is damaged: entry"):
        read_batch(TASK, data)
