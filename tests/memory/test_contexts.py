"""A context that goes on from request to request shows what one made of the whole transcript shows, byte for byte."""

import asyncio
import hashlib
import json
import random
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from perdure.contracts.model import Message
from perdure.contracts.transcript import Entry, EntryKind
from perdure.memory.context import messages_of
from perdure.memory.contexts import Contexts
from tests.memory.chance import Chance
from tests.memory.conversations import answer, call, decide, opening
from tests.memory.samples import Writer

SYSTEM = "You are a careful engineer."
SPECIMEN = Path(__file__).parent / "specimens" / "contexts.json"
BUDGETS = (500, 800, 1_200, 3_000, 6_000, 20_000, 100_000)

Shows = Callable[[Sequence[Entry], int], Sequence[Message]]


class Reads:
    """A record of one chain that counts what is read of it."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self.read: list[int] = []

    async def entries(self, task_id: str, head: str, *, above: int = -1) -> list[Entry]:
        """As the real one."""
        assert head == self._writer.head
        found = self._writer.entries[above + 1 :]
        self.read.append(len(found))
        return found


def digest_of_all(seed: int, shows: Shows) -> str:
    """A digest over all that is shown, at every fourth step of a transcript made by chance."""
    chance, digest = Chance(seed), hashlib.sha256()
    for number in range(60):
        chance.step(number)
        if number % 4:
            continue
        for budget in BUDGETS:
            for message in shows(chance.writer.entries, budget):
                digest.update(repr(message).encode())
    return digest.hexdigest()


@pytest.mark.parametrize("seed", range(4))
def test_what_models_are_shown_stays_as_it_was_recorded(seed: int) -> None:
    """The digests were made when each window was made of the whole transcript; a new sentence changes them on purpose."""
    recorded: list[str] = json.loads(SPECIMEN.read_text())["digests"]
    shown = digest_of_all(
        seed, lambda entries, budget: messages_of(entries, system=SYSTEM, budget_tokens=budget)
    )
    assert shown == recorded[seed]


@pytest.mark.parametrize("seed", range(20))
async def test_a_context_that_goes_on_shows_what_the_whole_transcript_shows(seed: int) -> None:
    chance = Chance(seed)
    contexts, choose = Contexts(Reads(chance.writer)), random.Random(seed)
    budgets = choose.sample(BUDGETS, 2)
    for number in range(choose.choice([3, 10, 30, 60])):
        chance.step(number)
        if choose.random() < 0.05:
            chance.rewind()
        for budget in budgets:
            if choose.random() < 0.3:
                continue
            entries, notes = list(chance.writer.entries), notes_by_chance(chance, choose, number)
            shown = await contexts.messages(entries[-1], notes, system=SYSTEM, budget_tokens=budget)
            assert shown == messages_of([*entries, *notes], system=SYSTEM, budget_tokens=budget)


def notes_by_chance(chance: Chance, choose: random.Random, number: int) -> list[Entry]:
    """Notes that are not stored: a person's word, and one about a call of the last decision."""
    writer, length = chance.writer, len(chance.writer.entries)
    if choose.random() < 0.3:
        writer.add(EntryKind.NOTE, {"kind": "steer", "text": "Now."}, step=number)
        if chance.decisions and chance.decisions[-1][1]:
            chance.note(*chance.decisions[-1], 0, number)
    notes = writer.entries[length:]
    writer.back_to(length)
    return notes


def steps(writer: Writer, count: int) -> None:
    """Steps with one call each."""
    for number in range(count):
        decision = decide(writer, call(0, f"id-{len(writer.entries)}"), step=number)
        answer(writer, decision, 0, "x" * 4_000)


async def test_a_request_reads_what_is_new_and_nothing_else() -> None:
    writer = opening()
    reads = Reads(writer)
    contexts = Contexts(reads)
    for _ in range(200):
        steps(writer, 1)
        await contexts.messages(writer.entries[-1], [], system=SYSTEM, budget_tokens=8_000)
    assert reads.read[0] == 5
    assert set(reads.read[2:]) == {4}


async def test_after_a_rewind_all_is_read_once_more() -> None:
    writer = opening()
    reads = Reads(writer)
    contexts = Contexts(reads)
    for length in (0, 40):
        steps(writer, 30)
        for _ in range(2):
            shown = await contexts.messages(writer.entries[-1], [], system=SYSTEM, budget_tokens=8_000)
            assert shown == messages_of(writer.entries, system=SYSTEM, budget_tokens=8_000)
        writer.back_to(length or 20)
    assert reads.read[0] == 63
    assert reads.read[1] == 2
    assert 80 in reads.read


async def test_what_contexts_take_is_bounded_and_does_not_grow_with_the_transcript() -> None:
    sizes: list[int] = []
    for count in (100, 200, 400):
        writer = opening()
        steps(writer, count)
        contexts = Contexts(Reads(writer))
        await contexts.messages(writer.entries[-1], [], system=SYSTEM, budget_tokens=8_000)
        sizes.append(contexts.bytes)
    assert max(sizes) < 2 * min(sizes)
    assert max(sizes) < 600_000


async def test_the_context_used_least_recently_is_dropped() -> None:
    writer = opening()
    steps(writer, 20)
    reads = Reads(writer)
    contexts = Contexts(reads, limit_bytes=300_000)
    for budget in (8_000, 8_100, 8_200, 8_300, 8_300, 8_000):
        await contexts.messages(writer.entries[-1], [], system=SYSTEM, budget_tokens=budget)
        assert contexts.bytes <= 300_000
    assert reads.read == [43, 43, 43, 43, 2, 43]


async def test_two_that_ask_at_once_are_both_shown_everything() -> None:
    writer = opening()
    contexts = Contexts(Reads(writer))
    for _ in range(5):
        steps(writer, 3)
        both = await asyncio.gather(
            *(contexts.messages(writer.entries[-1], [], system=SYSTEM, budget_tokens=8_000) for _ in range(2))
        )
        assert set(both) == {messages_of(writer.entries, system=SYSTEM, budget_tokens=8_000)}
