"""What a call's tool asks is asked once, bounded, and its cost known to every attempt."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from pydantic import BaseModel

from activities.call_questions import MOST_QUESTIONS, CallQuestions, OpensQuestions
from activities.record import AnswerKey
from perdure.contracts.errors import ModelFault, ModelUnavailable, ToolRejected
from perdure.contracts.model import ModelReply, ModelRequest, Role, ToolSchema
from perdure.contracts.task import Cost
from perdure.contracts.transcript import Entry
from tests.activities.doors import as_activity


class Word(BaseModel):
    word: str


@dataclass(frozen=True)
class Kept:
    body: dict[str, Any]


@dataclass
class World:
    """The record's answers and a model that answers with what it was asked."""

    answers: dict[AnswerKey, Kept] = field(default_factory=dict[AnswerKey, Kept])
    asked: list[str] = field(default_factory=list[str])
    fails_with: Exception | None = None
    overtaken_by: dict[str, Any] | None = None
    """What another attempt stores just before this one does."""

    async def answer(self, key: AnswerKey) -> Kept | None:
        return self.answers.get(key)

    async def store_answer(
        self, key: AnswerKey, body: Mapping[str, Any], entries: Sequence[Entry]
    ) -> Mapping[str, Any]:
        if self.overtaken_by is not None:
            self.answers[key] = Kept(self.overtaken_by)
            self.overtaken_by = None
        return self.answers.setdefault(key, Kept(dict(body))).body

    def context_tokens(self, role: Role, tools: tuple[ToolSchema, ...], *, model: str = "") -> int:
        return 100

    async def complete(self, request: ModelRequest) -> ModelReply:
        raise AssertionError("nothing free is asked")

    async def structured(self, request: ModelRequest, answer: type[Any]) -> tuple[Any, ModelReply]:
        if self.fails_with:
            raise self.fails_with
        text = request.messages[-1].content
        self.asked.append(text)
        cost = Cost(usd=0.5, model_calls=1, models=("m",))
        return answer(word=text), ModelReply(model="m", scripted=False, cost=cost)

    def questions(self) -> CallQuestions:
        return CallQuestions(self, self, task_id="t", step=3, index=1)


async def ask(questions: CallQuestions, *texts: str) -> list[str]:
    """Ask as an activity does."""

    async def asked() -> list[str]:
        return [(await questions(instructions="Say it.", material=text, answer=Word)).word for text in texts]

    return await as_activity(asked)


async def test_an_attempt_after_the_first_is_given_the_stored_answers_and_knows_what_they_cost() -> None:
    world = World()
    first = world.questions()
    assert await ask(first, "a", "b") == ["a", "b"]
    again = world.questions()
    assert await ask(again, "a", "b") == ["a", "b"]
    assert world.asked == ["a", "b"]
    assert first.cost == again.cost == Cost(usd=1.0, model_calls=2, models=("m",))


async def test_another_question_than_the_one_that_is_stored_is_asked_and_both_are_charged() -> None:
    world = World()
    await ask(world.questions(), "as it was")
    changed = world.questions()
    assert await ask(changed, "as it is") == ["as it is"]
    assert changed.cost.model_calls == 2


async def test_the_answer_that_another_attempt_stored_first_is_the_one_that_counts() -> None:
    world = World()
    await ask(world.questions(), "a")
    stored = next(iter(world.answers.values())).body
    racing = World(overtaken_by={**stored, "answer": {"word": "first"}})
    assert await ask(racing.questions(), "a") == ["first"]


async def test_the_questions_of_one_call_are_counted_over_all_attempts() -> None:
    world = World()
    for number in range(MOST_QUESTIONS):
        await ask(world.questions(), f"question {number}")
    with pytest.raises(ToolRejected, match="all that one call may"):
        await ask(world.questions(), "one more")
    assert len(world.asked) == MOST_QUESTIONS


async def test_an_unusable_answer_is_a_refusal_and_a_model_out_of_reach_lets_the_step_wait() -> None:
    with pytest.raises(ToolRejected, match="no answer that can be used: It is no JSON"):
        await ask(World(fails_with=ModelFault("It is no JSON.", "")).questions(), "a")
    with pytest.raises(ModelUnavailable):
        await ask(World(fails_with=ModelUnavailable("Busy.", "wait", retry_after_s=3.0)).questions(), "a")


def test_where_no_model_can_be_asked_no_call_has_questions() -> None:
    world = World()
    assert OpensQuestions(world, world, lambda: False)("t", 1, 0) is None
    assert OpensQuestions(world, world, lambda: True)("t", 1, 0) is not None
