"""Answers that follow a schema: asked for, validated, and corrected once."""

import re
from typing import Protocol, TypeVar

from pydantic import BaseModel, ValidationError

from perdure.contracts.errors import InvalidInput, ModelFault
from perdure.contracts.model import AnswerSchema, Message, ModelReply, ModelRequest
from perdure.llm.schemas import strict_schema
from perdure.safety.secrets.cutting import beginning

Answer = TypeVar("Answer", bound=BaseModel)

_FENCE = re.compile(r"\s*```(?:json)?[ \t]*\n(.*?)\n?[ \t]*```\s*", re.DOTALL | re.IGNORECASE)
_MOST_FAULTS = 5
_LONGEST_QUOTE = 4_000


class Completes(Protocol):
    """Whatever asks a model; ``Models`` does."""

    async def complete(self, request: ModelRequest) -> ModelReply:
        """The model's reply."""
        ...


async def ask_structured(
    models: Completes, request: ModelRequest, model_type: type[Answer]
) -> tuple[Answer, ModelReply]:
    """The answer as ``model_type``, and the reply that held it with the cost of both turns where one was corrected.

    The schema in the request is made from ``model_type`` where the request brings none, named by it in lower case.
    Raises ModelFault when the corrected answer is invalid too.
    """
    if request.tools:
        raise InvalidInput(
            "A structured answer cannot be asked for together with tools.", "leave the tools out."
        )
    if request.answer_schema is None:
        schema = AnswerSchema(name=model_type.__name__.lower(), schema=strict_schema(model_type))
        request = request.model_copy(update={"answer_schema": schema})
    first = await models.complete(request)
    try:
        return _read(first, model_type), first
    except ModelFault as fault:
        second = await models.complete(_corrected(request, fault))
        reply = second.model_copy(
            update={
                "cost": first.cost.plus(second.cost),
                "latency_s": first.latency_s + second.latency_s,
                "scripted": first.scripted or second.scripted,
                "warnings": (*first.warnings, fault.message, *second.warnings),
            }
        )
        return _read(reply, model_type), reply


def _read(reply: ModelReply, model_type: type[Answer]) -> Answer:
    fenced = _FENCE.fullmatch(reply.content)
    try:
        return model_type.model_validate_json(fenced[1] if fenced else reply.content)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_context=False, include_input=False)
        listed = "; ".join(
            f"{'.'.join(str(part) for part in fault['loc']) or 'the whole answer'}: {fault['msg']}"
            for fault in faults[:_MOST_FAULTS]
        )
        cut = " It was cut off at the token limit: be shorter." if reply.finish_reason == "length" else ""
        name = model_type.__name__
        raise ModelFault(
            f"The answer is no valid {name!r}: {listed}.{cut}", "", beginning(reply.content, _LONGEST_QUOTE)
        ) from None


def _corrected(request: ModelRequest, fault: ModelFault) -> ModelRequest:
    quoted = f" This is what you wrote:\n{fault.failed_generation}" if fault.failed_generation else ""
    text = f"{fault.message} Answer again with the whole JSON object and nothing else.{quoted}"
    return request.model_copy(
        update={
            "messages": (*request.messages, Message(role="user", content=text)),
            "temperature": request.temperature / 2,
        }
    )
