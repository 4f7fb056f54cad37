"""Chat completions on the wire: our request as their JSON, their JSON as plain data."""

import json
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic_core import PydanticSerializationError, from_json, to_json

from perdure.contracts.digests import canonical_json
from perdure.contracts.envelopes import enveloped
from perdure.contracts.model import Message, ModelRequest, RequestedCall, ToolSchema
from perdure.llm.catalogue import Abilities, abilities_of
from perdure.llm.errors import unreadable


class _Wire(BaseModel):
    """Parts of an answer; unknown fields are the server's business."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class _Function(_Wire):
    name: str = ""
    arguments: str = ""

    @field_validator("arguments", mode="before")
    @classmethod
    def _as_text(cls, value: object) -> object:
        """Some servers leave out the arguments of a call that has none, or send the object instead of its text."""
        if value is None:
            return ""
        return value if isinstance(value, str) else canonical_json(value).decode()


class _ToolCall(_Wire):
    id: str = ""
    function: _Function


class _Said(_Wire):
    content: str | None = None
    reasoning: str | None = None
    tool_calls: tuple[_ToolCall, ...] | None = None


class _Choice(_Wire):
    message: _Said
    finish_reason: str | None = None


class _PromptDetails(_Wire):
    cached_tokens: int | None = None


class Usage(_Wire):
    """Tokens that one request used."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    prompt_tokens_details: _PromptDetails | None = None

    @property
    def cached_tokens(self) -> int:
        """Input tokens that came from the provider's prompt cache."""
        return (self.prompt_tokens_details and self.prompt_tokens_details.cached_tokens) or 0


class Completion(_Wire):
    """One answer."""

    id: str = ""
    model: str = ""
    choices: tuple[_Choice, ...] = Field(min_length=1)
    usage: Usage | None = None

    @property
    def said(self) -> _Said:
        """The message of the only choice."""
        return self.choices[0].message

    def calls(self) -> tuple[RequestedCall, ...]:
        """The tool calls, arguments as the model wrote them."""
        found = self.said.tool_calls or ()
        return tuple(
            RequestedCall(
                id=call.id or f"call_{index}", name=call.function.name, arguments=call.function.arguments
            )
            for index, call in enumerate(found)
        )


class ServedModel(_Wire):
    """One row of the server's list of models."""

    id: str
    context_window: int | None = None


class _Served(_Wire):
    data: tuple[ServedModel, ...]


def read_served(body: bytes) -> tuple[ServedModel, ...]:
    """The models in the body; raises ModelUnavailable where it is no list of models."""
    try:
        return _Served.model_validate_json(body).data
    except ValidationError as error:
        raise unreadable("the list of models", _first_fault(error)) from None


def read_completion(body: bytes, *, model: str) -> Completion:
    """The answer in the body; raises ModelUnavailable where it is none (a proxy's page, a cut-off answer)."""
    try:
        return Completion.model_validate_json(body)
    except ValidationError as error:
        raise unreadable(f"the model {model!r}", _first_fault(error)) from None


def _first_fault(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    return f"{first['msg']} at {place!r}" if place else first["msg"]


def body_bytes(body: dict[str, Any]) -> bytes:
    """The body's JSON. Half of a surrogate pair (from an undecodable file name) becomes a question mark."""
    try:
        # The same bytes as below in a tenth of the time: every request carries the schemas of all tools.
        return to_json(body)
    except PydanticSerializationError:
        text = json.dumps(body, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        return text.encode("utf-8", "replace")


def body_of(model: str, request: ModelRequest, *, effort: str = "") -> dict[str, Any]:
    """JSON body for ``model``. Equal requests give equal bytes, so that the provider's prompt cache can match."""
    abilities = abilities_of(model)
    body: dict[str, Any] = {
        "model": model,
        "messages": [_message(message, abilities) for message in request.messages],
        "max_completion_tokens": request.max_output_tokens,
        "temperature": request.temperature,
    }
    if request.tools:
        body["tools"] = [_tool(tool) for tool in request.tools]
        body["tool_choice"] = "auto"
        if abilities.parallel_calls:
            body["parallel_tool_calls"] = True
    if request.answer_schema is not None:
        schema = {
            "name": request.answer_schema.name,
            "strict": abilities.strict_answers,
            "schema": request.answer_schema.schema_,
        }
        body["response_format"] = {"type": "json_schema", "json_schema": schema}
    if effort in abilities.efforts:
        body["reasoning_effort"] = effort
    if abilities.reasoning_format:
        body["reasoning_format"] = abilities.reasoning_format
    return body


def _tool(tool: ToolSchema) -> dict[str, Any]:
    function = {"name": tool.name, "description": tool.description, "parameters": tool.parameters}
    return {"type": "function", "function": function}


def _message(message: Message, abilities: Abilities) -> dict[str, Any]:
    content = enveloped(message.content, message.envelope)
    if message.role == "tool":
        return {"role": "tool", "tool_call_id": message.tool_call_id, "content": content}
    if message.role != "assistant":
        return {"role": message.role, "content": content}
    body: dict[str, Any] = {"role": "assistant", "content": message.content}
    if message.reasoning and abilities.reasons:
        body["reasoning"] = message.reasoning
    if message.calls:
        body["content"] = message.content or None
        body["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": _object_text(call.arguments)},
            }
            for call in message.calls
        ]
    return body


def _object_text(arguments: str) -> str:
    """The arguments, wrapped where they are no JSON object: the server refuses a history that holds anything else."""
    try:
        if isinstance(from_json(arguments, allow_inf_nan=False), dict):
            return arguments
    except ValueError:
        pass
    return canonical_json({"malformed_arguments": arguments}).decode("utf-8", "replace")
