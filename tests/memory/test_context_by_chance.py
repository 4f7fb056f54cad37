"""Promises of the context that hold for any transcript, tried on transcripts made by chance."""

import random

import pytest

from perdure.contracts.model import Message
from perdure.contracts.transcript import EntryKind
from perdure.memory.context import messages_of
from perdure.memory.conversation import tokens_of
from tests.memory.conversations import answer, call, check_pairs, decide, opening
from tests.memory.samples import Writer

SYSTEM = "You are a careful engineer."
PLENTY = 1_000_000


def transcript_by_chance(chance: random.Random, turns: int) -> tuple[Writer, list[int]]:
    """A transcript, and its lengths at the moments when a model is asked."""
    writer = opening()
    asked: list[int] = []
    for step in range(turns):
        asked.append(len(writer.entries))
        ids = [
            chance.choice([f"id-{step}-{index}", "twice", ""])
            for index in range(chance.choice([0, 1, 1, 1, 2, 4]))
        ]
        calls = [call(index, call_id, text="ä" * chance.randrange(300)) for index, call_id in enumerate(ids)]
        decision = decide(
            writer,
            *calls,
            content="c" * chance.randrange(200),
            reasoning="r" * chance.randrange(400),
            step=step,
        )
        todo = list(range(len(calls)))
        chance.shuffle(todo)
        for index in todo:
            outcome = chance.random()
            if outcome < 0.1:
                writer.add(EntryKind.NOTE, {"kind": "steer"}, text="s" * chance.randrange(300), step=step)
            if outcome < 0.8:
                answer(writer, decision, index, "x" * chance.choice([0, 50, 1_000, 8_000]), ok=outcome < 0.6)
            elif outcome < 0.9:
                note = {"kind": "denied", "text": "no", "decision": decision.digest, "call_index": index}
                writer.add(EntryKind.NOTE, note, step=step)
        if chance.random() < 0.2:
            reflection = {"verdict": "continue", "note": "n" * chance.randrange(500)}
            writer.add(EntryKind.REFLECTION, trigger="fifth step", reflection=reflection, step=step)
    asked.append(len(writer.entries))
    return writer, asked


@pytest.mark.parametrize("seed", range(20))
def test_any_transcript_fits_any_budget_with_every_call_answered(seed: int) -> None:
    chance = random.Random(seed)
    writer, asked = transcript_by_chance(chance, chance.choice([1, 5, 20, 60]))
    for budget in (500, 1_200, 5_000, 20_000, 100_000):
        for length in {asked[-1], chance.choice(asked), chance.randrange(3, len(writer.entries) + 1)}:
            messages = messages_of(writer.entries[:length], system=SYSTEM, budget_tokens=budget)
            assert sum(map(tokens_of, messages)) <= budget
            check_pairs(messages)
            assert messages == messages_of(writer.entries[:length], system=SYSTEM, budget_tokens=budget)


@pytest.mark.parametrize("seed", range(10))
def test_with_room_left_messages_are_only_appended(seed: int) -> None:
    writer, asked = transcript_by_chance(random.Random(seed), 25)
    before: list[Message] = []
    for length in asked:
        messages = [
            each.model_copy(update={"reasoning": ""})
            for each in messages_of(writer.entries[:length], system=SYSTEM, budget_tokens=PLENTY)
        ]
        assert messages[: len(before)] == before
        before = messages


@pytest.mark.parametrize("seed", range(2))
def test_room_is_made_in_steps_so_that_most_requests_only_append(seed: int) -> None:
    writer, asked = transcript_by_chance(random.Random(seed), 80)
    before: list[Message] = []
    changes = 0
    for length in asked:
        messages = [
            each.model_copy(update={"reasoning": ""})
            for each in messages_of(writer.entries[:length], system=SYSTEM, budget_tokens=40_000)
        ]
        changes += messages[: len(before)] != before
        before = messages
    assert 1 <= changes <= len(asked) / 6
