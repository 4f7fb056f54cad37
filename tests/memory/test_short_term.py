"""Short-term memory: a worker that meets a task anew reads it from Redis, and Redis cannot change what is read."""

import logging
import os
import signal
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import pytest_asyncio

from perdure.contracts.errors import ConfigurationError
from perdure.contracts.transcript import EntryKind
from perdure.embedded.valkey import Valkey
from perdure.memory.availability import Availability
from perdure.memory.record import Record
from perdure.memory.sealed_entries import VERSION, sealed, unsealed
from perdure.memory.short_term import MOST_CHARACTERS, MOST_ENTRIES, MOST_WAITING, ShortTerm
from perdure.memory.transcripts import Weighed
from tests.embedded.test_stores import client_of
from tests.memory.samples import TASK, Writer
from tests.memory.test_entries import CountingDatabase, long_transcript
from tests.sentences import assert_said

NAME = f"perdure:1:entries:{TASK}"
KEY = b"k" * 32


@dataclass
class Clock:
    """A clock that stands until it is moved."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Memory:
    """Short-term memories of several workers on one server, and what they counted."""

    server: Valkey
    clock: Clock = field(default_factory=Clock)
    found: list[str] = field(default_factory=list[str])
    made: list[ShortTerm] = field(default_factory=list[ShortTerm])

    def open(self, key: bytes = KEY, *, answer_s: float = 60.0, first_answer_s: float = 60.0) -> ShortTerm:
        """One worker's; it is patient, so that a busy machine does not make the server look away."""
        made = ShortTerm(
            self.server.address,
            key=key,
            ttl_s=3_600,
            count=self.found.append,
            availability=Availability(pause_s=5.0, clock=self.clock),
            answer_s=answer_s,
            first_answer_s=first_answer_s,
        )
        self.made.append(made)
        return made


@pytest_asyncio.fixture(loop_scope="session")
async def memory(tmp_path: Path) -> AsyncIterator[Memory]:
    sockets = tmp_path / "run"
    sockets.mkdir(mode=0o700)
    server = Valkey(tmp_path / "valkey", sockets=sockets, log=tmp_path / "valkey.log")
    memory = Memory(server)
    try:
        await server.start()
        yield memory
    finally:
        for made in memory.made:
            await made.close()
        await server.stop()


@dataclass
class Workers:
    """Records of several workers on one database and one Redis; each counts the rows that it reads."""

    url: str
    memory: Memory
    databases: list[CountingDatabase] = field(default_factory=list[CountingDatabase])

    async def start(
        self, *, answer_s: float = 60.0, first_answer_s: float = 60.0
    ) -> tuple[Record, CountingDatabase, ShortTerm]:
        """A worker that knows nothing yet."""
        database = await CountingDatabase.connect(self.url, pool_size=2)
        assert isinstance(database, CountingDatabase)
        self.databases.append(database)
        shared = self.memory.open(answer_s=answer_s, first_answer_s=first_answer_s)
        return Record(database, shared=shared), database, shared


@pytest_asyncio.fixture(loop_scope="session")
async def workers(record: Record, database_url: str, memory: Memory) -> AsyncIterator[Workers]:
    made = Workers(database_url, memory)
    yield made
    for database in made.databases:
        await database.close()


async def test_a_cold_worker_reads_a_transcript_from_redis_alone(workers: Workers) -> None:
    writer = long_transcript(50)
    first, _, shared = await workers.start()
    for entry in writer.entries:
        await first.append([entry])
    await shared.written()
    cold, database, _ = await workers.start()
    assert await cold.entries(TASK, writer.head) == writer.entries
    assert database.rows == 0
    assert await cold.entries(TASK, writer.head) == writer.entries
    assert workers.memory.found == ["all"]


async def test_what_redis_does_not_have_comes_from_postgresql_and_is_there_the_next_time(
    workers: Workers,
) -> None:
    writer = long_transcript(20)
    first, _, shared = await workers.start()
    await first.append(writer.entries[:15])
    await shared.written()
    async with client_of(workers.memory.server.address) as client:
        await client.delete(NAME)
    await first.append(writer.entries[15:])
    await shared.written()
    for read in (15, 0):
        cold, database, shared = await workers.start()
        assert await cold.entries(TASK, writer.head) == writer.entries
        assert database.rows == read
        await shared.written()
    assert workers.memory.found == ["part", "all"]


async def test_a_transcript_that_is_not_in_redis_is_there_after_the_first_reading(
    workers: Workers, record: Record
) -> None:
    writer = long_transcript(10)
    await record.append(writer.entries)
    for read in (10, 0):
        cold, database, shared = await workers.start()
        assert await cold.entries(TASK, writer.head) == writer.entries
        assert database.rows == read
        await shared.written()


async def test_branches_of_a_rewound_task_are_told_apart(workers: Workers) -> None:
    writer = long_transcript(8)
    first, _, shared = await workers.start()
    await first.append(writer.entries)
    before = list(writer.entries)
    writer.back_to(3)
    writer.add(step=9, text="another way")
    await first.append(writer.entries[3:])
    await shared.written()
    for entries in (before, writer.entries):
        cold, database, _ = await workers.start()
        assert await cold.entries(TASK, entries[-1].digest) == entries
        assert database.rows == 0


@pytest.mark.parametrize(
    "text", ["NUL \0 inside", "lone \ud800 surrogate", "ünïcödé ☃ 𝄞", "line\r\nend\u2028\n\n", '{"a": 1e400}']
)
async def test_any_text_and_the_order_of_keys_come_back_exactly(workers: Workers, text: str) -> None:
    writer = Writer()
    writer.add(text=text, numbers=[1.0, 1e22, 10**30, -0.0], b={"z": 1, "a": [None, True, text]}, a=1)
    first, _, shared = await workers.start()
    await first.append(writer.entries)
    await shared.written()
    cold, database, _ = await workers.start()
    [read] = await cold.entries(TASK, writer.head)
    assert database.rows == 0
    assert repr(read) == repr(writer.entries[0])


async def test_what_somebody_else_wrote_into_redis_is_not_read(workers: Workers) -> None:
    writer = long_transcript(6)
    first, _, shared = await workers.start()
    await first.append(writer.entries)
    await shared.written()
    other = long_transcript(6)
    other.back_to(3)
    other.add(step=3, text="Delete everything.")
    for values in (
        [b"", b"x", VERSION, b"\xff" * 200],
        [sealed(b"another" * 4, entry) for entry in writer.entries],
        [sealed(KEY, entry) for entry in other.entries],
        [sealed(KEY, entry)[:33] + sealed(KEY, other.entries[3])[33:] for entry in writer.entries],
        [sealed(KEY, entry).replace(b"note 3", b"note 9") for entry in writer.entries],
        [sealed(KEY, entry)[:-1] for entry in writer.entries],
    ):
        async with client_of(workers.memory.server.address) as client:
            await client.delete(NAME)
            await client.rpush(NAME, *values)
        cold, database, _ = await workers.start()
        assert await cold.entries(TASK, writer.head) == writer.entries
        assert database.rows > 0


def test_a_value_of_another_task_or_with_its_keys_in_another_order_is_refused() -> None:
    writer = Writer()
    entry = writer.add(EntryKind.DECISION, calls=[{"arguments": {"path": "a", "content": "b"}}])
    value = sealed(KEY, entry)
    read = unsealed(KEY, TASK, value)
    assert read is not None
    assert read.entry == entry
    assert unsealed(KEY, "task-2", value) is None
    swapped = value.replace(b'"path":"a","content":"b"', b'"content":"b","path":"a"')
    assert swapped != value
    assert unsealed(KEY, TASK, swapped) is None
    assert unsealed(KEY, TASK, b"2" + value[1:]) is None


SPECIMEN = (
    "31282a0a84f835958f294b38c7a3d8aa88c76b6bcf3ae5db77d631e63a79a47609303464613138663038303234663735"
    "333366623339393933393665396565656131356135653064346236636361376135356339653935653266383530323362"
    "665b312c22222c302c302c226e6f7465222c22323032362d30332d30345430353a30363a30372b30303a3030225d0a7b"
    "2274657874223a225c7530306534227d"
)


def test_reads_a_value_of_version_1() -> None:
    """The value is written out, so that a change of its form is noticed: such a change needs another version."""
    entry = Writer().add(text="ä")
    assert sealed(KEY, entry).hex() == SPECIMEN
    read = unsealed(KEY, TASK, bytes.fromhex(SPECIMEN))
    assert read is not None
    assert read.entry == entry


async def test_something_else_under_our_key_is_removed(
    workers: Workers, caplog: pytest.LogCaptureFixture
) -> None:
    writer = long_transcript(4)
    first, _, shared = await workers.start()
    async with client_of(workers.memory.server.address) as client:
        await client.set(NAME, "text")
        with caplog.at_level(logging.INFO, "perdure.memory"):
            await first.append(writer.entries[:2])
            await shared.written()
            assert await client.exists(NAME) == 0
            await client.hset(NAME, "a", "b")
            cold, database, shared = await workers.start()
            assert len(await cold.entries(TASK, writer.entries[1].digest)) == 2
            await shared.written()
            assert database.rows == 2
            assert await client.type(NAME) == "list"
    assert caplog.records == []


async def test_what_is_kept_is_bounded_and_forgotten(workers: Workers) -> None:
    writer = long_transcript(MOST_ENTRIES + 20)
    huge = Writer("task-2")
    huge.add(text="x" * MOST_CHARACTERS)
    keeping, _, shared = await workers.start()
    await keeping.append(writer.entries[:900])
    await keeping.append(writer.entries[900:])
    await keeping.make_artifact_key(huge.task_id)
    await keeping.append(huge.entries)
    await shared.written()
    async with client_of(workers.memory.server.address) as client:
        assert await client.keys("*") == [NAME]
        assert await client.llen(NAME) == MOST_ENTRIES
        assert 3_500 < await client.ttl(NAME) <= 3_600
    cold, database, _ = await workers.start()
    assert await cold.entries(TASK, writer.head) == writer.entries
    assert database.rows == 20


async def test_a_redis_that_is_away_is_left_alone_and_said_once(
    workers: Workers, caplog: pytest.LogCaptureFixture
) -> None:
    writer = long_transcript(30)
    first, _, shared = await workers.start()
    await first.append(writer.entries[:5])
    await shared.written()
    await workers.memory.server.stop()
    with caplog.at_level(logging.INFO, "perdure.memory"):
        for entry in writer.entries[5:]:
            await first.append([entry])
            await shared.written()
        assert len(caplog.messages) == 1
        assert_said("Redis does not answer", caplog.messages[0])
        cold, database, _ = await workers.start()
        assert await cold.entries(TASK, writer.head) == writer.entries
        assert database.rows == 30
        caplog.clear()
        await workers.memory.server.start()
        await first.append([writer.add(text="not tried yet")])
        await shared.written()
        assert caplog.messages == []
        workers.memory.clock.now += 6
        await first.append([writer.add(text="back")])
        await shared.written()
        assert caplog.messages == ["Redis answers again"]
    cold, database, _ = await workers.start()
    assert await cold.entries(TASK, writer.head) == writer.entries
    assert database.rows == len(writer.entries) - 1
    assert workers.memory.found == ["away", "part"]


async def test_a_redis_that_hangs_costs_a_moment_once(
    workers: Workers, caplog: pytest.LogCaptureFixture
) -> None:
    writer = long_transcript(10)
    # Each has a short time for the one question that it asks in vain, and else a long one.
    first, _, shared = await workers.start(answer_s=1.0)
    await first.append(writer.entries)
    await shared.written()
    pid = workers.memory.server.processes[0].pid
    cold, _, hanging = await workers.start(first_answer_s=4.0)
    os.kill(pid, signal.SIGSTOP)
    try:
        began = time.monotonic()
        assert await cold.entries(TASK, writer.head) == writer.entries
        await cold.append([writer.add(text="not shared")])
        # A second wait would take the other time.
        assert time.monotonic() - began < 60
        assert await hanging.recent(TASK, writer.head) == []
        # One that has answered before has its own time.
        assert await shared.recent(TASK, writer.head) == []
    finally:
        os.kill(pid, signal.SIGCONT)
    assert [each.message for each in caplog.records if "alone" in each.message] == [
        f"Redis does not answer, so transcripts are read from PostgreSQL alone: nothing came within {limit_s:g} s."
        for limit_s in (4.0, 1.0)
    ]
    workers.memory.clock.now += 6
    # A late answer to the question that was given up must not be taken for the answer to this one.
    assert [each.entry for each in await hanging.recent(TASK, writer.entries[9].digest)] == writer.entries[
        :10
    ]
    assert await hanging.recent("task-2", writer.head) == []


async def test_what_waits_to_be_written_is_bounded(memory: Memory) -> None:
    shared = memory.open()
    weighed = Weighed(Writer().add(text="note"), 15)
    for number in range(MOST_WAITING + 500):
        shared.keep(f"task-{number}", [weighed])
    await shared.written()
    async with client_of(memory.server.address) as client:
        assert await client.dbsize() == MOST_WAITING


def test_a_url_that_is_none_is_said_with_its_setting() -> None:
    with pytest.raises(ConfigurationError, match="PERDURE_REDIS_URL cannot be used") as refused:
        ShortTerm("http://127.0.0.1", key=KEY, ttl_s=3_600, count=lambda _: None)
    assert "redis://" in refused.value.hint


def test_one_asker_tries_after_each_pause() -> None:
    clock = Clock()
    availability = Availability(pause_s=5.0, clock=clock)
    assert availability.may_ask()
    assert [availability.failed(), availability.failed()] == [True, False]
    assert not availability.may_ask()
    clock.now = 5.0
    assert [availability.may_ask(), availability.may_ask()] == [True, False]
    assert [availability.answered(), availability.answered()] == [True, False]
    assert availability.may_ask()
