"""What the steps that ask a model share: the conversation in a budget, and the structured question."""

import itertools
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from pydantic import BaseModel

from activities.record import Transcript, answer_key, next_entry
from activities.redaction import redaction
from perdure.contracts.errors import ContextTooLarge
from perdure.contracts.model import Message, ModelReply, ModelRequest, Role, ToolSchema
from perdure.contracts.steps import ModelStep
from perdure.contracts.transcript import Entry, EntryKind

Answered = TypeVar("Answered", bound=BaseModel)
Reply = TypeVar("Reply")

#: Tokens that are kept free below a limit the provider named, since our own count is an estimate.
MARGIN_TOKENS = 256
SMALLEST_BUDGET = 512
MOST_REFUSALS = 4
MAX_WARNINGS = 5
MAX_WARNING = 300


class AssemblesContext(Protocol):
    """Turns the transcript into messages that fit."""

    async def __call__(
        self, head: Entry, notes: Sequence[Entry], *, role: Role, step: ModelStep, budget_tokens: int
    ) -> tuple[Message, ...]:
        """The transcript up to ``head``, then the notes: messages of at most ``budget_tokens`` by estimate."""
        ...


class AsksModels(Protocol):
    """Model access."""

    def context_tokens(self, role: Role, tools: tuple[ToolSchema, ...], *, model: str = "") -> int:
        """Tokens that the messages of a request in this role, or to this model, may take beside these tools."""
        ...

    async def complete(self, request: ModelRequest) -> ModelReply:
        """One free answer, perhaps with tool calls."""
        ...

    async def structured(self, request: ModelRequest, answer: type[Answered]) -> tuple[Answered, ModelReply]:
        """One answer of the given shape."""
        ...


@dataclass(frozen=True)
class Thread:
    """The end of a transcript, on which the next entry follows."""

    head: Entry
    """The last entry that is stored."""
    notes: tuple[Entry, ...]
    """The step's notes behind it, to be stored with what follows."""

    @property
    def last(self) -> Entry:
        """The parent of the next entry."""
        return self.notes[-1] if self.notes else self.head


class HasEntries(Protocol):
    """A transcript."""

    async def entry(self, task_id: str, digest: str) -> Entry:
        """One entry."""
        ...


async def thread_of(record: HasEntries, step: ModelStep) -> Thread:
    """The transcript's end at the step's head, with the step's notes added (not stored yet)."""
    thread = Thread(await record.entry(step.task_id, step.head), ())
    for note in step.notes:
        entry = next_entry(
            thread.last,
            task_id=step.task_id,
            step=step.step,
            kind=EntryKind.NOTE,
            body=note.model_dump(mode="json"),
        )
        thread = Thread(thread.head, (*thread.notes, entry))
    return thread


class Conversation:
    """Asks models about the transcript; every answer is stored under its step before it is returned."""

    def __init__(self, record: Transcript, models: AsksModels, assemble: AssemblesContext) -> None:
        self.record = record
        self._models = models
        self._assemble = assemble
        self._shares: dict[tuple[Role, str], float] = {}
        """How much of the room is used by each role, as far as a provider refused more: our count is an estimate."""

    async def free(self, step: ModelStep, thread: Thread, *, tools: tuple[ToolSchema, ...]) -> ModelReply:
        """Ask for a decision; sends less where the provider says it was too much."""

        async def ask(budget_tokens: int) -> ModelReply:
            messages = await self._assemble(
                thread.head, thread.notes, role=Role.DECIDE, step=step, budget_tokens=budget_tokens
            )
            return await self._models.complete(
                ModelRequest(
                    role=Role.DECIDE, messages=messages, tools=tools, task_id=step.task_id, model=step.model
                )
            )

        return await self._fitting(
            Role.DECIDE, step.model, self._models.context_tokens(Role.DECIDE, tools, model=step.model), ask
        )

    async def structured(
        self, step: ModelStep, thread: Thread, *, role: Role, answer: type[Answered]
    ) -> tuple[Answered, ModelReply]:
        """Ask for an answer of the given shape; sends less where the provider says it was too much."""

        async def ask(budget_tokens: int) -> tuple[Answered, ModelReply]:
            messages = await self._assemble(
                thread.head, thread.notes, role=role, step=step, budget_tokens=budget_tokens
            )
            request = ModelRequest(
                role=role, messages=messages, task_id=step.task_id, temperature=0.0, model=step.model
            )
            return await self._models.structured(request, answer)

        return await self._fitting(
            role, step.model, self._models.context_tokens(role, (), model=step.model), ask
        )

    async def _fitting(
        self, role: Role, model: str, whole: int, ask: Callable[[int], Awaitable[Reply]]
    ) -> Reply:
        """Ask with as much as the provider takes; what it refused is kept in mind for the requests that follow."""
        for refusals in itertools.count(1):
            budget = max(int(whole * self._shares.get((role, model), 1.0)), SMALLEST_BUDGET)
            try:
                return await ask(budget)
            except ContextTooLarge as error:
                if refusals == MOST_REFUSALS:
                    raise
                self._shares[role, model] = smaller_budget(budget, error) / whole
        raise AssertionError("unreachable")

    async def stored(self, step: ModelStep, purpose: str, answer: type[Answered]) -> Answered | None:
        """The answer that an earlier attempt of this step stored, if there is one."""
        kept = await self.record.answer(answer_key(step.task_id, step.step, purpose))
        return None if kept is None else answer.model_validate(kept.body)

    async def store(
        self, step: ModelStep, purpose: str, body: Answered, entries: Sequence[Entry]
    ) -> Answered:
        """Store the answer with its entries; where another attempt was first, its answer is returned."""
        kept = await self.record.store_answer(
            answer_key(step.task_id, step.step, purpose),
            redaction().model(body).model_dump(mode="json"),
            entries,
        )
        return type(body).model_validate(kept)


def smaller_budget(budget: int, error: ContextTooLarge) -> int:
    """What to send after the provider refused: as much less as it counts more, or half where it named no limit."""
    if error.limit and error.requested > error.limit:
        below = budget - (error.requested - error.limit) - MARGIN_TOKENS
        return max(min(below, int(budget * error.limit / error.requested * 0.98)), SMALLEST_BUDGET)
    return max(budget // 2, SMALLEST_BUDGET)


def warnings_of(reply: ModelReply) -> tuple[str, ...]:
    """What went wrong before the reply came, short enough for the history."""
    return tuple(redaction().text(warning)[:MAX_WARNING] for warning in reply.warnings[:MAX_WARNINGS])
