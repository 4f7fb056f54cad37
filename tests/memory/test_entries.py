"""Transcripts: what is appended is read back, and only once."""

from collections.abc import AsyncIterator

import asyncpg
import pytest
import pytest_asyncio

from perdure.contracts.errors import ConfigurationError, InvalidInput
from perdure.contracts.transcript import Entry, EntryKind
from perdure.memory.database import Database
from perdure.memory.record import Record
from tests.memory.samples import AT, TASK, Writer


class CountingDatabase(Database):
    """A database that counts the rows it gives."""

    rows = 0

    async def fetch(self, query: str, *arguments: object) -> list[asyncpg.Record]:
        """As the real one."""
        found = await super().fetch(query, *arguments)
        self.rows += len(found)
        return found


@pytest_asyncio.fixture(loop_scope="session")
async def counted(record: Record, database_url: str) -> AsyncIterator[CountingDatabase]:
    """A second process's database, on which a record can be put."""
    database = await CountingDatabase.connect(database_url, pool_size=2)
    assert isinstance(database, CountingDatabase)
    yield database
    await database.close()


def long_transcript(length: int) -> Writer:
    writer = Writer()
    for number in range(length):
        writer.add(step=number, text=f"note {number} " + "x" * 500)
    return writer


async def test_gives_the_chain_oldest_first(record: Record, other: Record) -> None:
    writer = long_transcript(5)
    assert await record.append(writer.entries) == writer.head
    assert await record.entries(TASK, writer.head) == writer.entries
    assert await other.entries(TASK, writer.head) == writer.entries
    assert await other.entries(TASK, writer.entries[2].digest) == writer.entries[:3]


async def test_appending_twice_is_one_row(record: Record, other: Record) -> None:
    writer = long_transcript(3)
    await record.append(writer.entries)
    await other.append(writer.entries)
    assert await record.entries(TASK, writer.head) == writer.entries


async def test_reads_only_new_entries_of_a_long_transcript(record: Record, counted: CountingDatabase) -> None:
    writer = long_transcript(300)
    await record.append(writer.entries)
    reader = Record(counted)
    assert len(await reader.entries(TASK, writer.head)) == 300
    assert counted.rows == 300
    for number in range(300, 306):
        writer.add(step=number, text="new")
    await record.append(writer.entries[300:])
    assert await reader.entries(TASK, writer.head) == writer.entries
    assert counted.rows == 306
    assert await reader.entries(TASK, writer.head) == writer.entries
    assert counted.rows == 306


async def test_what_this_process_appended_is_not_read(record: Record, counted: CountingDatabase) -> None:
    writer = long_transcript(10)
    reader = Record(counted)
    await reader.append(writer.entries[:4])
    await reader.append(writer.entries[4:])
    assert await reader.entries(TASK, writer.head) == writer.entries
    assert counted.rows == 0


async def test_follows_another_branch_after_a_rewind(record: Record, other: Record) -> None:
    writer = long_transcript(8)
    await record.append(writer.entries)
    before = list(writer.entries)
    assert await other.entries(TASK, writer.head) == before
    writer.back_to(3)
    writer.add(step=9, text="another way")
    writer.add(step=10, text="and on")
    await record.append(writer.entries[3:])
    assert await other.entries(TASK, writer.head) == writer.entries
    assert await record.entries(TASK, writer.head) == writer.entries
    assert await other.entries(TASK, before[-1].digest) == before
    assert await record.entries(TASK, before[-1].digest) == before


async def test_the_memory_for_transcripts_is_bounded(record: Record, counted: CountingDatabase) -> None:
    writers = [Writer(f"task-{number}") for number in range(4)]
    for writer in writers:
        for number in range(10):
            writer.add(step=number, text="x" * 1_000)
        await record.make_artifact_key(writer.task_id)
        await record.append(writer.entries)
    reader = Record(counted, transcript_cache_bytes=50_000)
    for writer in writers:
        assert await reader.entries(writer.task_id, writer.head) == writer.entries
    assert counted.rows == 40
    assert await reader.entries(writers[3].task_id, writers[3].head) == writers[3].entries
    assert counted.rows == 40
    assert await reader.entries(writers[0].task_id, writers[0].head) == writers[0].entries
    assert counted.rows == 50


async def test_a_transcript_larger_than_the_memory_is_read_each_time(
    record: Record, counted: CountingDatabase
) -> None:
    writer = long_transcript(10)
    await record.append(writer.entries)
    reader = Record(counted, transcript_cache_bytes=2_000)
    assert await reader.entries(TASK, writer.head) == writer.entries
    assert await reader.entries(TASK, writer.head) == writer.entries
    assert counted.rows == 20


async def test_changing_a_returned_list_changes_nothing(record: Record) -> None:
    writer = long_transcript(3)
    await record.append(writer.entries)
    (await record.entries(TASK, writer.head)).clear()
    assert await record.entries(TASK, writer.head) == writer.entries


@pytest.mark.parametrize(
    "text", ["NUL \0 inside", "lone \ud800 surrogate", "ünïcödé ☃ 𝄞", "line\r\nend\u2028", '{"a": 1e400}']
)
async def test_keeps_any_text_exactly(record: Record, other: Record, text: str) -> None:
    writer = Writer()
    writer.add(text=text, numbers=[1.0, 1e22, 0.1, 10**30, -0.0], nested={"list": [None, True, text]})
    await record.append(writer.entries)
    [read] = await other.entries(TASK, writer.head)
    assert read == writer.entries[0]
    assert str(read.body["numbers"]) == "[1.0, 1e+22, 0.1, 1000000000000000000000000000000, -0.0]"


async def test_an_entry_looks_the_same_written_and_read(record: Record, other: Record) -> None:
    writer = Writer()
    writer.add(items=("a", "b"), kind=EntryKind.PLAN)
    await record.append(writer.entries)
    assert await record.entries(TASK, writer.head) == await other.entries(TASK, writer.head)
    assert (await record.entry(TASK, writer.head)).body == {"items": ["a", "b"]}


async def test_gives_one_entry(record: Record, other: Record) -> None:
    writer = long_transcript(4)
    await record.append(writer.entries)
    assert await record.entry(TASK, writer.entries[1].digest) == writer.entries[1]
    assert await other.entry(TASK, writer.entries[2].digest) == writer.entries[2]


async def test_gives_the_end_of_a_chain_without_reading_the_rest(
    record: Record, counted: CountingDatabase
) -> None:
    writer = long_transcript(300)
    await record.append(writer.entries)
    reader = Record(counted)
    assert await reader.entries(TASK, writer.head, above=289) == writer.entries[290:]
    assert await reader.since(TASK, writer.head, writer.entries[295].digest) == writer.entries[295:]
    assert counted.rows == 10
    assert await reader.entries(TASK, writer.head, above=299) == []
    assert await reader.entries(TASK, writer.entries[-3].digest, above=291) == writer.entries[292:298]
    assert counted.rows == 10
    assert await reader.entries(TASK, writer.head) == writer.entries
    assert await reader.entries(TASK, writer.head) == writer.entries
    assert counted.rows == 310


async def test_a_chain_has_no_end_from_an_entry_of_another_branch(record: Record, other: Record) -> None:
    writer = long_transcript(8)
    await record.append(writer.entries)
    before = list(writer.entries)
    writer.back_to(3)
    writer.add(step=9, text="another way")
    writer.add(step=10, text="and on")
    await record.append(writer.entries[3:])
    for reader in (record, other):
        assert await reader.since(TASK, writer.head, before[4].digest) == []
        assert await reader.since(TASK, writer.head, before[6].digest) == []
        assert await reader.since(TASK, writer.head, "beef") == []
        assert await reader.since(TASK, writer.head, writer.entries[2].digest) == writer.entries[2:]
        assert await reader.entries(TASK, writer.head, above=2) == writer.entries[3:]
        assert await reader.entries(TASK, before[-1].digest, above=2) == before[3:]


async def test_names_the_steps_of_a_chain_that_have_an_entry_of_a_kind(record: Record, other: Record) -> None:
    writer = Writer()
    for step, kind in enumerate((EntryKind.REQUEST, EntryKind.RESULT, EntryKind.CHECKS, EntryKind.RESULT)):
        writer.add(kind, step=step, text="t")
    await record.append(writer.entries)
    before = writer.head
    writer.back_to(3)
    writer.add(EntryKind.RESULT, step=7, text="another way")
    await record.append(writer.entries[3:])
    shown_by = (EntryKind.RESULT, EntryKind.CHECKS)
    assert await other.steps(TASK, before, shown_by) == {1, 2, 3}
    assert await other.steps(TASK, writer.head, shown_by) == {1, 2, 7}


async def test_of_a_very_long_chain_only_the_end_stays_in_memory(
    record: Record, counted: CountingDatabase
) -> None:
    writer = Writer()
    for number in range(400):
        writer.add(step=number, text="x" * 20_000)
    await record.append(writer.entries)
    reader = Record(counted)
    assert await reader.entries(TASK, writer.head) == writer.entries
    assert counted.rows == 400
    assert await reader.entries(TASK, writer.head, above=350) == writer.entries[351:]
    assert counted.rows == 400
    assert await reader.entries(TASK, writer.head, above=100) == writer.entries[101:]
    assert counted.rows == 699


async def test_refuses_an_unknown_head(record: Record) -> None:
    with pytest.raises(InvalidInput, match=r"has no entry 'beef'.* hint: "):
        await record.entries(TASK, "beef")
    with pytest.raises(InvalidInput, match="has no entry ''"):
        await record.entries(TASK, "")
    with pytest.raises(InvalidInput, match="has no entry 'beef'"):
        await record.entry(TASK, "beef")


async def test_refuses_another_tasks_head(record: Record, other: Record) -> None:
    writer = long_transcript(2)
    await record.append(writer.entries)
    with pytest.raises(InvalidInput, match="task 'task-2' has no entry"):
        await other.entries("task-2", writer.head)


async def test_refuses_entries_that_are_not_sealed(record: Record) -> None:
    entry = long_transcript(1).entries[0]
    for wrong in (entry.model_copy(update={"digest": ""}), entry.model_copy(update={"step": 7})):
        with pytest.raises(InvalidInput, match="is not sealed"):
            await record.append([wrong])


async def test_refuses_nothing_and_entries_of_two_tasks(record: Record) -> None:
    with pytest.raises(InvalidInput, match="no entry to append"):
        await record.append([])
    with pytest.raises(InvalidInput, match="among those of task"):
        await record.append([Writer("one").add(text="a"), Writer("two").add(text="b")])


async def test_notices_a_changed_entry(record: Record, other: Record, counted: CountingDatabase) -> None:
    writer = long_transcript(3)
    await record.append(writer.entries)
    await counted.fetch("""UPDATE entries SET body = '{"text": "other"}' WHERE depth = 1""")
    with pytest.raises(ConfigurationError, match="record is damaged: entry"):
        await other.entries(TASK, writer.head)


async def test_notices_a_missing_entry(record: Record, other: Record, counted: CountingDatabase) -> None:
    writer = long_transcript(3)
    await record.append(writer.entries)
    await counted.fetch("DELETE FROM entries WHERE depth = 0")
    with pytest.raises(InvalidInput, match="has no entry"):
        await other.entries(TASK, writer.head)


async def test_reads_an_entry_of_version_1(record: Record, counted: CountingDatabase) -> None:
    """The row is written out, so that a change of the digest or of the columns is noticed."""
    digest = "fedd1c5f5557094ea51444440cf51b9fb1c0e1c0e83ff7eaa1c6a468682a161a"
    await counted.fetch(
        "INSERT INTO entries (task_id, digest, v, parent, depth, step, kind, body, at) "
        "VALUES ($1, $2, 1, '', 0, 0, 'request', $3::text::json, '2026-03-04T05:06:07+00:00')",
        TASK,
        digest,
        '{"request":"Fix it.","repository":"/r"}',
    )
    assert await record.entries(TASK, digest) == [
        Entry(
            task_id=TASK,
            depth=0,
            step=0,
            kind=EntryKind.REQUEST,
            body={"request": "Fix it.", "repository": "/r"},
            at=AT.isoformat(),
            digest=digest,
        )
    ]
