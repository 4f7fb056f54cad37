"""Stored answers: the first one counts, for everybody."""

import asyncio

import pytest

from perdure.contracts.errors import InvalidInput
from perdure.memory.answers import Stored
from perdure.memory.record import Record
from tests.memory.samples import TASK, Step, Writer


async def test_gives_what_was_stored_with_its_version(record: Record, other: Record) -> None:
    assert await record.answer(Step(1)) is None
    stored = await record.store_answer(Step(1), {"head": "a", "text": "NUL \0 \ud800"})
    assert stored == {"v": 1, "head": "a", "text": "NUL \0 \ud800"}
    assert await other.answer(Step(1)) == Stored(stored)


async def test_another_purpose_step_or_run_is_another_answer(record: Record) -> None:
    await record.store_answer(Step(1), {"head": "a"})
    for key in (Step(2), Step(1, purpose="plan"), Step(1, run_id="run-2"), Step(1, task_id="task-2")):
        assert await record.answer(key) is None


async def test_stores_the_entries_with_the_answer(record: Record, other: Record) -> None:
    writer = Writer()
    writer.add(text="asked")
    writer.add(text="decided")
    await record.store_answer(Step(1), {"head": writer.head}, writer.entries)
    assert await other.entries(TASK, writer.head) == writer.entries
    assert await record.entries(TASK, writer.head) == writer.entries


async def test_the_first_answer_wins_and_the_losers_entries_are_not_stored(
    record: Record, other: Record
) -> None:
    first, second = Writer(), Writer()
    first.add(text="first")
    second.add(text="second")
    await record.store_answer(Step(1), {"head": first.head}, first.entries)
    assert await other.store_answer(Step(1), {"head": second.head}, second.entries) == {
        "v": 1,
        "head": first.head,
    }
    with pytest.raises(InvalidInput, match="has no entry"):
        await other.entries(TASK, second.head)


async def test_all_racers_get_the_same_answer(record: Record, other: Record) -> None:
    for step in range(20):
        answers = await asyncio.gather(
            *(
                racer.store_answer(Step(step), {"by": number})
                for number, racer in enumerate([record, other, record, other])
            )
        )
        assert len({answer["by"] for answer in answers}) == 1
        assert await record.answer(Step(step)) == Stored(answers[0])
