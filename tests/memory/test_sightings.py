"""What a task has seen is read from the branch of the transcript that it is on."""

from activities.sightings import REACHES, seen_of
from perdure.contracts.transcript import EntryKind
from perdure.memory.record import Record
from tests.memory.samples import TASK, Writer


def shows(writer: Writer, **seen: str) -> None:
    """One more result that showed files."""
    writer.add(EntryKind.RESULT, decision="d", index=0, call_id="c", text="shown", seen=seen)


async def seen_at(record: Record, writer: Writer, path: str) -> str:
    """What the task has seen of a file at the end of what was written."""
    return await seen_of(record, TASK, lambda: writer.entries[-1])(path)


async def test_the_last_sight_counts(record: Record) -> None:
    writer = Writer()
    shows(writer, a="1", b="1")
    shows(writer, a="2")
    await record.append(writer.entries)
    assert await seen_at(record, writer, "a") == "2"
    assert await seen_at(record, writer, "b") == "1"
    assert await seen_at(record, writer, "c") == ""


async def test_after_going_back_the_other_branch_counts_no_more(record: Record) -> None:
    writer = Writer()
    shows(writer, a="1")
    common = list(writer.entries)
    shows(writer, a="2", b="2")
    await record.append(writer.entries)
    again = Writer()
    again.entries = list(common)
    again.add(text="otherwise")
    await record.append(again.entries)
    assert await seen_at(record, again, "a") == "1"
    assert await seen_at(record, again, "b") == ""
    assert await seen_at(record, writer, "b") == "2"


async def test_a_sight_before_very_many_entries_is_forgotten(record: Record) -> None:
    writer = Writer()
    shows(writer, old="1")
    shows(writer, kept="1")
    for number in range(REACHES[-1] - 1):
        writer.add(text=str(number))
    await record.append(writer.entries)
    assert await seen_at(record, writer, "kept") == "1"
    assert await seen_at(record, writer, "old") == ""


async def test_another_process_knows_the_same(record: Record, other: Record) -> None:
    writer = Writer()
    shows(writer, a="1")
    await record.append(writer.entries)
    assert await seen_at(other, writer, "a") == "1"
