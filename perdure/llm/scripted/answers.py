"""Completions, chunks and error bodies in Groq's wire format."""

import json
from dataclasses import dataclass
from typing import Any

from perdure.contracts.digests import digest_of
from perdure.llm.scripted.conversation import Conversation
from perdure.llm.scripted.script import Reply, ScriptedError, filled_in

_CREATED = 1
_PIECE = 24

#: HTTP status → (code, type, message) of an error where the script says nothing else.
_USUAL: dict[int, tuple[str, str, str]] = {
    400: ("", "invalid_request_error", "The request is not valid."),
    401: ("invalid_api_key", "invalid_request_error", "Invalid API Key"),
    403: ("permission_denied", "invalid_request_error", "The key has no permission for this."),
    404: (
        "model_not_found",
        "invalid_request_error",
        "The model `{model}` does not exist or you do not have access to it.",
    ),
    413: (
        "rate_limit_exceeded",
        "tokens",
        "Request too large for model `{model}` in organization `org_scripted` service tier `on_demand` on tokens per "
        "minute (TPM): Limit {limit}, Requested {requested}, please reduce your message size and try again.",
    ),
    422: ("", "invalid_request_error", "The request cannot be processed."),
    429: (
        "rate_limit_exceeded",
        "tokens",
        "Rate limit reached for model `{model}` in organization `org_scripted` service tier `on_demand` on tokens per "
        "minute (TPM): Limit {limit}, Used {limit}, Requested {requested}. Please try again in {wait}s.",
    ),
    498: ("capacity_exceeded", "capacity_exceeded", "Flex tier capacity exceeded."),
    503: ("", "service_unavailable_error", "Service unavailable."),
}
_USUAL_OF_CODE: dict[str, str] = {
    "tool_use_failed": "Failed to call a function. Please adjust your prompt. See 'failed_generation' for more details.",
    "json_validate_failed": "Generated JSON does not match the expected schema. Please adjust your prompt. See "
    "'failed_generation' for more details.",
    "model_decommissioned": "The model `{model}` has been decommissioned and is no longer supported.",
    "context_length_exceeded": "Please reduce the length of the messages or completion.",
}


@dataclass(frozen=True)
class Spoken:
    """A reply with everything filled in for one conversation."""

    message: dict[str, Any]
    finish_reason: str
    usage: dict[str, Any]


def spoken(reply: Reply, conversation: Conversation) -> Spoken:
    """What the reply says in this conversation: the same for the same conversation, on every server."""
    content = filled_in(reply.content, conversation.turn, conversation.digest)
    if isinstance(content, dict):
        content = json.dumps(content, ensure_ascii=False)
    message: dict[str, Any] = {"role": "assistant", "content": content}
    if reply.reasoning:
        message["reasoning"] = filled_in(reply.reasoning, conversation.turn, conversation.digest)
    if reply.calls:
        message["tool_calls"] = [_call(reply, index, conversation) for index in range(len(reply.calls))]
    return Spoken(
        message=message,
        finish_reason=reply.finish_reason or ("tool_calls" if reply.calls else "stop"),
        usage=_usage(reply, conversation, message),
    )


def _call(reply: Reply, index: int, conversation: Conversation) -> dict[str, Any]:
    call = reply.calls[index]
    raw = call.raw if call.raw is not None else json.dumps(call.arguments, ensure_ascii=False)
    if call.raw is None:
        raw = json.dumps(
            filled_in(call.arguments, conversation.turn, conversation.digest), ensure_ascii=False
        )
    made = f"call_{digest_of({'v': 1, 'conversation': conversation.digest, 'index': index})[:16]}"
    return {
        "id": call.id or made,
        "type": "function",
        "function": {"name": call.tool, "arguments": filled_in(raw, conversation.turn, conversation.digest)},
    }


def _usage(reply: Reply, conversation: Conversation, message: dict[str, Any]) -> dict[str, Any]:
    given = reply.usage
    prompt = given.prompt_tokens if given.prompt_tokens is not None else conversation.prompt_tokens
    written = len("".join(str(message.get(part) or "") for part in ("content", "reasoning", "tool_calls")))
    completion = given.completion_tokens if given.completion_tokens is not None else -(-written // 4)
    return {
        "queue_time": 0.0,
        "prompt_tokens": prompt,
        "prompt_time": 0.0,
        "completion_tokens": completion,
        "completion_time": 0.0,
        "total_tokens": prompt + completion,
        "total_time": 0.0,
        "prompt_tokens_details": {"cached_tokens": given.cached_tokens},
        "completion_tokens_details": {"reasoning_tokens": given.reasoning_tokens},
    }


def completion(said: Spoken, conversation: Conversation) -> dict[str, Any]:
    """The body of an answer that is not streamed."""
    choice = {"index": 0, "message": said.message, "logprobs": None, "finish_reason": said.finish_reason}
    return {
        **_envelope(conversation, "chat.completion"),
        "choices": [choice],
        "usage": said.usage,
        "usage_breakdown": None,
        "x_groq": {"id": request_id(conversation), "seed": 0},
        "service_tier": "on_demand",
    }


def chunks(said: Spoken, conversation: Conversation) -> list[dict[str, Any]]:
    """The events of a streamed answer, without the closing ``[DONE]``."""
    group = {"id": request_id(conversation)}
    events = [_chunk(conversation, {"role": "assistant", "content": ""}, x_groq=group)]
    for piece in _pieces(said.message.get("reasoning") or ""):
        events.append(_chunk(conversation, {"reasoning": piece, "channel": "analysis"}))
    for piece in _pieces(said.message.get("content") or ""):
        events.append(_chunk(conversation, {"content": piece}))
    for index, call in enumerate(said.message.get("tool_calls") or []):
        events.append(_chunk(conversation, {"tool_calls": [{"index": index, **call}]}))
    last = _chunk(conversation, {}, said.finish_reason, x_groq={**group, "usage": said.usage})
    events.append({**last, "usage": said.usage})
    if conversation.include_usage:
        events.append(
            {**_envelope(conversation, "chat.completion.chunk"), "choices": [], "usage": said.usage}
        )
    return events


def error_body(error: ScriptedError, conversation: Conversation, *, limit: int) -> dict[str, Any]:
    """Groq's JSON for the error, with what the script left out."""
    code, kind, message = _USUAL.get(error.status, ("", "internal_server_error", "Internal server error"))
    message = _USUAL_OF_CODE.get(error.code, message)
    reserved = conversation.prompt_tokens + conversation.answer_tokens
    wait = f"{error.retry_after or 0:g}"
    if not error.message:
        message = message.format(
            model=conversation.model, limit=limit, requested=max(reserved, limit + 1), wait=wait
        )
    inner: dict[str, Any] = {"message": error.message or message, "type": error.type or kind}
    if error.code or code:
        inner["code"] = error.code or code
    if error.failed_generation is not None:
        inner["failed_generation"] = error.failed_generation
    return {"error": inner}


def _envelope(conversation: Conversation, kind: str) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-{conversation.digest[:24]}",
        "object": kind,
        "created": _CREATED,
        "model": conversation.model,
        "system_fingerprint": "fp_scripted",
    }


def _chunk(
    conversation: Conversation, delta: dict[str, Any], finish_reason: str | None = None, **more: Any
) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
    return {**_envelope(conversation, "chat.completion.chunk"), "choices": [choice], **more}


def request_id(conversation: Conversation) -> str:
    """The answer's request id, the same for the same conversation."""
    return f"req_{conversation.digest[:24]}"


def _pieces(text: str) -> list[str]:
    return [text[start : start + _PIECE] for start in range(0, len(text), _PIECE)]
