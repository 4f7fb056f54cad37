"""What the tool of one call asks a model: bounded, stored before it is used, and charged to the task."""

from collections.abc import Callable
from typing import TypeVar

from pydantic import BaseModel

from activities.model_steps import AsksModels
from activities.record import AnswerKey, KeepsAnswers, answer_key
from perdure.contracts.digests import digest_of
from perdure.contracts.envelopes import DATA_EXPLAINED, Envelope, Trust, new_marker, origin_label
from perdure.contracts.errors import ConfigurationError, ContextTooLarge, ModelFault, ToolRejected
from perdure.contracts.model import Message, ModelRequest, Role
from perdure.contracts.task import Cost

Answered = TypeVar("Answered", bound=BaseModel)

MOST_QUESTIONS = 4
"""As many may one call ask, its corrections included."""


class CallQuestions:
    """Asks for one call; an attempt after the first, or the call after its preview, is given the stored answers."""

    def __init__(
        self, record: KeepsAnswers, models: AsksModels, *, task_id: str, step: int, index: int
    ) -> None:
        self._record = record
        self._models = models
        self._task_id, self._step, self._index = task_id, step, index
        self._known: dict[str, dict[str, object]] = {}
        self._read = 0
        self.cost = Cost()
        """What all answers of the call cost that were looked at, those of earlier attempts and of its preview included."""

    @property
    def room_characters(self) -> int:
        """How long a question may be, by the estimate of four characters a token."""
        return self._models.context_tokens(Role.ASSIST, ()) * 4

    async def __call__(self, *, instructions: str, material: str, answer: type[Answered]) -> Answered:
        """The model's answer in the given shape; ToolRejected where none can be had for this question.

        A model that cannot be reached for now raises, so that the whole step is tried again later.
        """
        asked = digest_of(
            {"v": 1, "answer": answer.__name__, "instructions": instructions, "material": material}
        )
        body = await self._stored(asked)
        if body is None:
            body = await self._asked(asked, instructions, material, answer)
        return answer.model_validate(body["answer"])

    async def _stored(self, asked: str) -> dict[str, object] | None:
        """The answer to the same question, as far as stored answers go."""
        while asked not in self._known:
            kept = await self._record.answer(self._key(self._read))
            if kept is None:
                return None
            self._take(kept.body)
        return self._known[asked]

    async def _asked(
        self, asked: str, instructions: str, material: str, answer: type[Answered]
    ) -> dict[str, object]:
        if self._read >= MOST_QUESTIONS:
            raise ToolRejected(
                f"This call has asked the model {MOST_QUESTIONS} times already, which is all that one call may.",
                "Send a smaller call, such as one that names a single function.",
            )
        request = ModelRequest(
            role=Role.ASSIST,
            messages=(
                Message(role="system", content=f"{instructions}\n\n{DATA_EXPLAINED}"),
                Message(role="user", content=material, envelope=self._around(material)),
            ),
            task_id=self._task_id,
            temperature=0.0,
        )
        try:
            given, reply = await self._models.structured(request, answer)
        except (ModelFault, ConfigurationError) as error:
            raise ToolRejected(
                f"The model gave no answer that can be used: {error.message}", error.hint
            ) from error
        except ContextTooLarge as error:
            raise ToolRejected(
                f"The question is too long for the model: {error.message}",
                "Name a single function of the file.",
            ) from error
        body = {
            "asked": asked,
            "answer": given.model_dump(mode="json"),
            "cost": reply.cost.model_dump(mode="json"),
            "model": reply.model,
            "scripted": reply.scripted,
        }
        # Another attempt may have stored answers meanwhile; the first to this question is the one that counts.
        while asked not in self._known:
            kept = await self._record.store_answer(self._key(self._read), body, ())
            self._take(dict(kept))
        return self._known[asked]

    def _around(self, material: str) -> Envelope:
        origin = origin_label(f"material of call {self._index} of step {self._step}")
        return Envelope(marker=new_marker(material), origin=origin, trust=Trust.REPOSITORY)

    def _take(self, body: dict[str, object]) -> None:
        self._read += 1
        self._known.setdefault(str(body["asked"]), body)
        self.cost = self.cost.plus(Cost.model_validate(body["cost"]))

    def _key(self, number: int) -> AnswerKey:
        return answer_key(self._task_id, self._step, f"call:{self._index}:{number}")


class OpensQuestions:
    """Makes the questions of each call; None where no model can be asked at all."""

    def __init__(self, record: KeepsAnswers, models: AsksModels, can_ask: Callable[[], bool]) -> None:
        self._record, self._models, self._can_ask = record, models, can_ask

    def __call__(self, task_id: str, step: int, index: int) -> CallQuestions | None:
        """For one call of one step."""
        if not self._can_ask():
            return None
        return CallQuestions(self._record, self._models, task_id=task_id, step=step, index=index)
