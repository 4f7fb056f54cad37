"""A chat-completion request as the scripted server understands it, refused where Groq would refuse it."""

import json
import re
from dataclasses import dataclass
from typing import Any, cast

from perdure.contracts.digests import digest_of

_ROLE_OF_SCHEMA = {"plan": "plan", "reflection": "reflect", "answer": "synthesize"}
_MESSAGE_ROLES = frozenset({"system", "developer", "user", "assistant", "tool"})
_TOOL_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_MOST_TOOLS = 128


class Refused(Exception):
    """The request is not one that Groq would take; stays inside the server, which answers 400 with the message."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


@dataclass(frozen=True)
class Conversation:
    """What conditions can ask about, and what the answer is made from."""

    model: str
    role: str
    """What the call is for: the answer schema's name tells, any other one is a tool's; a request without one is a decision."""
    turn: int
    """Number of assistant messages."""
    last: str
    """Text of the last message."""
    request: str
    """Text of the first message from the user."""
    prompt_tokens: int
    answer_tokens: int
    stream: bool
    include_usage: bool
    digest: str
    """Digest of the whole conversation; ids in the answer come from it."""


def read_conversation(raw: bytes) -> Conversation:
    """The conversation in the request's body; raises Refused."""
    try:
        body = json.loads(raw)
    except ValueError as error:
        raise Refused(f"The body is not JSON: {error}") from None
    if not isinstance(body, dict):
        raise Refused("The body must be a JSON object.")
    fields = cast("dict[str, Any]", body)
    messages = _messages(fields)
    schema = _schema_name(fields)
    _check_tools(fields, answer_schema=bool(schema))
    prompt = len(json.dumps([messages, fields.get("tools")], ensure_ascii=False))
    options = fields.get("stream_options")
    return Conversation(
        model=_model(fields),
        role=_ROLE_OF_SCHEMA.get(schema, "assist" if schema else "decide"),
        turn=sum(message["role"] == "assistant" for message in messages),
        last=text_of(messages[-1].get("content")),
        request=next((text_of(m.get("content")) for m in messages if m["role"] == "user"), ""),
        prompt_tokens=-(-prompt // 4),
        answer_tokens=int(fields.get("max_completion_tokens") or fields.get("max_tokens") or 0),
        stream=fields.get("stream") is True,
        include_usage=isinstance(options, dict)
        and cast("dict[str, Any]", options).get("include_usage") is True,
        digest=digest_of({"v": 1, "role": schema, "messages": messages}),
    )


def text_of(content: object) -> str:
    """A message's text, whether it is given whole or in parts."""
    if isinstance(content, list):
        parts = [
            cast("dict[str, Any]", part) for part in cast("list[Any]", content) if isinstance(part, dict)
        ]
        return "".join(str(part.get("text", "")) for part in parts)
    return content if isinstance(content, str) else ""


def _model(fields: dict[str, Any]) -> str:
    model = fields.get("model")
    if not isinstance(model, str) or not model:
        raise Refused("property 'model' is missing")
    return model


def _schema_name(fields: dict[str, Any]) -> str:
    form = fields.get("response_format")
    if not isinstance(form, dict):
        return ""
    schema = cast("dict[str, Any]", form).get("json_schema")
    return str(cast("dict[str, Any]", schema).get("name", "")) if isinstance(schema, dict) else ""


def _check_tools(fields: dict[str, Any], *, answer_schema: bool) -> None:
    tools = cast("list[dict[str, Any]]", fields.get("tools") or [])
    if tools and answer_schema:
        raise Refused("json mode cannot be combined with tool/function calling")
    if len(tools) > _MOST_TOOLS:
        raise Refused(f"property 'tools' : maximum number of items is {_MOST_TOOLS}")
    for index, tool in enumerate(tools):
        name = str(tool.get("function", {}).get("name", ""))
        if not _TOOL_NAME.fullmatch(name):
            raise Refused(f"'tools.{index}.function.name' : {name!r} does not match {_TOOL_NAME.pattern}")


def _messages(fields: dict[str, Any]) -> list[dict[str, Any]]:
    messages = fields.get("messages")
    if not isinstance(messages, list) or not messages:
        raise Refused("property 'messages' : minimum number of items is 1")
    found: list[dict[str, Any]] = []
    waiting: list[str] = []
    for index, message in enumerate(cast("list[Any]", messages)):
        role = cast("dict[str, Any]", message).get("role") if isinstance(message, dict) else None
        if role not in _MESSAGE_ROLES:
            raise Refused(f"'messages.{index}.role' : {role!r} is not one of {sorted(_MESSAGE_ROLES)}")
        known = cast("dict[str, Any]", message)
        if role == "tool":
            _answers(known, waiting, index)
        elif waiting:
            raise Refused(f"'messages.{index}' : the tool calls {waiting} before it have no tool message")
        elif role == "assistant":
            waiting = _asked(known, index)
        found.append(known)
    if waiting:
        raise Refused(f"'messages.{len(found)}' : the tool calls {waiting} have no tool message")
    return found


def _answers(message: dict[str, Any], waiting: list[str], index: int) -> None:
    call_id = message.get("tool_call_id")
    if call_id not in waiting:
        raise Refused(f"'messages.{index}.tool_call_id' : {call_id!r} answers no tool call before it")
    waiting.remove(cast("str", call_id))


def _asked(message: dict[str, Any], index: int) -> list[str]:
    calls = cast("list[dict[str, Any]]", message.get("tool_calls") or [])
    for call in calls:
        try:
            arguments = json.loads(call["function"]["arguments"])
        except (KeyError, TypeError, ValueError):
            arguments = None
        if not isinstance(arguments, dict):
            raise Refused(
                f"'messages.{index}.tool_calls' : the arguments of {call.get('id')!r} are no JSON object"
            )
    return [str(call.get("id", "")) for call in calls]
