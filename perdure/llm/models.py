"""The language models: one client for the process, a chain of models for each role, corrections, costs and labels."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from perdure.contracts.errors import (
    ConfigurationError,
    ContextTooLarge,
    InvalidInput,
    ModelFault,
    ModelUnavailable,
)
from perdure.contracts.model import Message, ModelReply, ModelRequest, Role
from perdure.contracts.task import Cost
from perdure.llm.catalogue import REPLACEMENTS
from perdure.llm.connection import Connection, is_scripted
from perdure.llm.errors import ModelGone
from perdure.llm.model_settings import ModelSettings
from perdure.llm.prices import Prices
from perdure.llm.wire import Completion, Usage, body_bytes, body_of, read_completion, read_served
from perdure.safety.secrets import Screen, Screens
from perdure.safety.secrets.cutting import beginning

_MOST_CORRECTIONS = 2
_LONGEST_GENERATION = 4_000
_SMALLEST_ANSWER_TOKENS = 256
_GONE_FOR_S = 600.0
_LONG_WAIT_S = 120.0


@dataclass(frozen=True)
class _Answered:
    """One successful request."""

    completion: Completion
    scripted: bool
    request_id: str


class Models:
    """Asks models. Nothing is opened before the first request, which needs a running event loop."""

    def __init__(self, settings: ModelSettings, screens: Screens | None = None) -> None:
        """What is sent passes the ``screens``; without them credentials are known by their form alone."""
        self._settings = settings
        self._screens = screens or Screens()
        self._connection = Connection(settings)
        self._prices = Prices(settings.prices)
        self._windows: dict[str, int] = {}
        self._gone_until: dict[str, float] = {}

    @property
    def scripted(self) -> bool:
        """Whether answers come from a scripted model server: configured so, or seen from its header."""
        return self._connection.scripted

    def model_for(self, role: Role) -> str:
        """Id of the model that is asked first for the role."""
        return self._chain(role)[0][0]

    def token_limit(self, model: str) -> int | None:
        """Most tokens that one request may reserve, as far as learned: the account's per minute and the model's window."""
        known = (self._connection.token_limits.get(model), self._windows.get(model))
        return min((limit for limit in known if limit), default=None)

    async def close(self) -> None:
        """Close the connections; the next request opens new ones."""
        await self._connection.close()

    async def check(self) -> list[str]:
        """Ask the server which models it serves; one sentence for each configured id that needs attention."""
        served = read_served(await self._connection.list_models())
        self._windows.update({model.id: model.context_window for model in served if model.context_window})
        ids = {model.id for model in served}
        warnings: dict[str, None] = {}
        for role in Role:
            for model, replaced in self._chain(role):
                if replaced:
                    warnings[_replaced_sentence(replaced, model)] = None
                if model not in ids:
                    warnings[f"The model {model!r} is configured but not served to this account."] = None
        return list(warnings)

    async def complete(self, request: ModelRequest) -> ModelReply:
        """Ask the role's model, or the next in its chain where that one is gone or shut for a long time.

        Raises ModelFault when its answer stays unusable after two corrections, ContextTooLarge, ModelUnavailable,
        ConfigurationError, or InvalidInput for a request that no model can take.
        """
        if request.tools and request.answer_schema is not None:
            raise InvalidInput(
                "A request may carry tools or an answer schema, not both.", "leave one of them out."
            )
        warnings: list[str] = []
        waiting: ModelUnavailable | None = None
        for model, replaced in self._chain(request.role, request.model):
            if replaced:
                warnings.append(_replaced_sentence(replaced, model))
            if self._is_gone(model):
                warnings.append(
                    f"The model {model!r} is not served to this account; the next in its chain was asked."
                )
                continue
            try:
                return await self._ask(model, request, warnings)
            except ModelGone as gone:
                self._gone_until[model] = time.monotonic() + _GONE_FOR_S
                warnings.append(gone.message)
            except ModelUnavailable as error:
                if error.retry_after_s is None or error.retry_after_s < _LONG_WAIT_S:
                    raise
                waiting = waiting or error
                warnings.append(error.message)
        if waiting is not None:
            raise waiting
        raise ConfigurationError(
            f"No model is left for the role {request.role.value!r}: {' '.join(warnings)}",
            f"set PERDURE_MODEL_{request.role.name} to a model that the account is served.",
        )

    def _chain(self, role: Role, first: str = "") -> list[tuple[str, str]]:
        """The role's models in order, each with the decommissioned id it stands for (or an empty text)."""
        chain: dict[str, str] = {}
        wanted = (first,) if first else ()
        for configured in (*wanted, *self._settings.models.get(role, ())):
            model = REPLACEMENTS.get(configured, configured)
            chain.setdefault(model, configured if model != configured else "")
        if not chain:
            raise ConfigurationError(
                f"No model is configured for the role {role.value!r}.",
                f"set PERDURE_MODEL_{role.name} to a model's id.",
            )
        return list(chain.items())

    def _is_gone(self, model: str) -> bool:
        return self._gone_until.get(model, 0.0) > time.monotonic()

    async def _ask(self, model: str, request: ModelRequest, warnings: Sequence[str]) -> ModelReply:
        """One model's answer, after at most two corrections and one cut of the answer's room."""
        started = time.perf_counter()
        screen = self._screens.of(request.task_id)
        notes = list(warnings)
        spent = Cost()
        corrections = 0
        cut = False
        while True:
            body = body_of(
                model,
                without_credentials(request, screen),
                effort=self._settings.reasoning_effort.get(request.role, ""),
            )
            try:
                answered = await self._post(model, body)
            except ModelFault as fault:
                spent = spent.plus(self._cost_of_fault(model))
                if corrections == _MOST_CORRECTIONS:
                    raise
                corrections += 1
                notes.append(fault.message)
                request = _corrected(request, fault)
            except ContextTooLarge as error:
                if error.limit:
                    self._connection.token_limits[model] = error.limit
                room = request.max_output_tokens - (error.requested - error.limit)
                if cut or not 0 < error.limit < error.requested or room < _SMALLEST_ANSWER_TOKENS:
                    raise
                cut = True
                notes.append(
                    f"The answer's room was cut to {room} tokens: the account allows {error.limit} a minute."
                )
                request = request.model_copy(update={"max_output_tokens": room})
            else:
                cost = spent.plus(await self._cost(model, answered))
                return _reply(model, answered, cost, notes, time.perf_counter() - started)

    async def _post(self, model: str, body: dict[str, Any]) -> _Answered:
        response = await self._connection.complete(model, body_bytes(body))
        completion = read_completion(response.content, model=model)
        scripted = self._settings.scripted or is_scripted(response.headers)
        return _Answered(completion, scripted, response.headers.get("x-request-id") or completion.id)

    def _cost_of_fault(self, model: str) -> Cost:
        """A refused generation was made and may be billed, but its tokens are not told."""
        return Cost(
            model_calls=1, unpriced_calls=0 if self.scripted else 1, scripted=self.scripted, models=(model,)
        )

    async def _cost(self, model: str, answered: _Answered) -> Cost:
        usage = answered.completion.usage
        counted = usage or Usage()
        cost = Cost(
            input_tokens=counted.prompt_tokens,
            cached_tokens=counted.cached_tokens,
            output_tokens=counted.completion_tokens,
            model_calls=1,
            scripted=answered.scripted,
            models=(model,),
        )
        if answered.scripted:
            return cost
        price = await self._prices.of(model) if usage else None
        if price is None:
            return cost.model_copy(update={"unpriced_calls": 1})
        usd = price.usd(
            input_tokens=counted.prompt_tokens,
            cached_tokens=counted.cached_tokens,
            output_tokens=counted.completion_tokens,
        )
        return cost.model_copy(update={"usd": round(usd, 9)})


def without_credentials(request: ModelRequest, screen: Screen) -> ModelRequest:
    """The request without credentials; what a task's earlier requests held costs a look-up each."""
    messages = tuple(_screened(message, screen) for message in request.messages)
    if all(new is old for new, old in zip(messages, request.messages, strict=True)):
        return request
    return request.model_copy(update={"messages": messages})


def _screened(message: Message, screen: Screen) -> Message:
    content, reasoning = screen.text(message.content), screen.text(message.reasoning)
    calls = tuple(
        call
        if (shown := screen.arguments(call.arguments)) is call.arguments
        else call.model_copy(update={"arguments": shown})
        for call in message.calls
    )
    same = content is message.content and reasoning is message.reasoning
    if same and all(new is old for new, old in zip(calls, message.calls, strict=True)):
        return message
    return message.model_copy(update={"content": content, "reasoning": reasoning, "calls": calls})


def _replaced_sentence(configured: str, model: str) -> str:
    return f"The configured model {configured!r} was shut down by Groq; {model!r} answers in its place."


def _corrected(request: ModelRequest, fault: ModelFault) -> ModelRequest:
    """The same request, colder, with the failure as one more message from the user."""
    text = f"{fault.message} Nothing of it was run. Answer again."
    if fault.failed_generation:
        text += f" This is what you wrote:\n{beginning(fault.failed_generation, _LONGEST_GENERATION)}"
    message = Message(role="user", content=text)
    return request.model_copy(
        update={"messages": (*request.messages, message), "temperature": request.temperature / 2}
    )


def _reply(
    model: str, answered: _Answered, cost: Cost, warnings: Sequence[str], latency_s: float
) -> ModelReply:
    completion = answered.completion
    calls = completion.calls()
    return ModelReply(
        model=model,
        scripted=answered.scripted,
        content=completion.said.content or "",
        reasoning=completion.said.reasoning or "",
        calls=calls,
        finish_reason=completion.choices[0].finish_reason or ("tool_calls" if calls else "stop"),
        request_id=answered.request_id,
        latency_s=latency_s,
        cost=cost,
        warnings=tuple(warnings),
    )
