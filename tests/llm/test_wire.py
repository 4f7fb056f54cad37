"""What is sent, byte for byte."""

import json
from typing import Any

import pytest

from perdure.contracts.errors import ModelUnavailable
from perdure.contracts.model import AnswerSchema, Message, ModelRequest, RequestedCall, Role, ToolSchema
from perdure.llm.wire import body_bytes, body_of, read_completion
from tests.llm.conftest import Connect, Serve

_TOOL = ToolSchema(
    name="read_file", description="Read a file.", parameters={"type": "object", "properties": {}}
)
_CONVERSATION = (
    Message(role="system", content="Be brief."),
    Message(role="user", content="Mend it."),
    Message(
        role="assistant",
        reasoning="Where?",
        calls=(RequestedCall(id="c1", name="read_file", arguments='{"path": "a"}'),),
    ),
    Message(role="tool", tool_call_id="c1", content="text"),
    Message(role="assistant", content="Done."),
)


def test_sends_tools_reasoning_and_limits_to_a_reasoning_model() -> None:
    request = ModelRequest(role=Role.DECIDE, messages=_CONVERSATION, tools=(_TOOL,), max_output_tokens=500)
    function = {"name": "read_file", "arguments": '{"path": "a"}'}
    assert body_of("openai/gpt-oss-120b", request, effort="low") == {
        "model": "openai/gpt-oss-120b",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Mend it."},
            {
                "role": "assistant",
                "content": None,
                "reasoning": "Where?",
                "tool_calls": [{"id": "c1", "type": "function", "function": function}],
            },
            {"role": "tool", "tool_call_id": "c1", "content": "text"},
            {"role": "assistant", "content": "Done."},
        ],
        "max_completion_tokens": 500,
        "temperature": 0.2,
        "tools": [
            {
                "type": "function",
                "function": {
                    "name": "read_file",
                    "description": "Read a file.",
                    "parameters": {"type": "object", "properties": {}},
                },
            }
        ],
        "tool_choice": "auto",
        "reasoning_effort": "low",
    }


@pytest.mark.parametrize(
    ("model", "effort", "expected"),
    [
        ("openai/gpt-oss-20b", "high", {"reasoning_effort": "high"}),
        ("openai/gpt-oss-20b", "none", {}),
        (
            "qwen/qwen3.8-27b",
            "high",
            {"reasoning_effort": "high", "reasoning_format": "parsed", "parallel_tool_calls": True},
        ),
        ("qwen/qwen3.6-27b", "high", {"reasoning_format": "parsed", "parallel_tool_calls": True}),
        ("somebody/else", "high", {"parallel_tool_calls": True}),
    ],
)
def test_sends_only_parameters_that_the_model_takes(
    model: str, effort: str, expected: dict[str, Any]
) -> None:
    body = body_of(
        model, ModelRequest(role=Role.DECIDE, messages=_CONVERSATION, tools=(_TOOL,)), effort=effort
    )
    names = {"reasoning_effort", "reasoning_format", "parallel_tool_calls"}
    assert {name: body[name] for name in names & set(body)} == expected


def test_a_model_that_does_not_reason_gets_no_reasoning_back() -> None:
    body = body_of("somebody/else", ModelRequest(role=Role.DECIDE, messages=_CONVERSATION))
    assert not any("reasoning" in message for message in body["messages"])


@pytest.mark.parametrize(("model", "strict"), [("openai/gpt-oss-120b", True), ("qwen/qwen3.8-27b", False)])
def test_asks_for_strict_decoding_only_where_the_model_can(model: str, strict: bool) -> None:
    schema = AnswerSchema(name="plan", schema={"type": "object"})
    body = body_of(model, ModelRequest(role=Role.PLAN, messages=_CONVERSATION, answer_schema=schema))
    assert body["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "plan", "strict": strict, "schema": {"type": "object"}},
    }
    assert "tools" not in body


@pytest.mark.parametrize("arguments", ['{"command": "rm -rf build/tmp', "[1]", "", "NaN", '{"a": NaN}'])
def test_a_history_never_holds_arguments_that_are_no_object(arguments: str) -> None:
    call = RequestedCall(id="c1", name="run_command", arguments=arguments)
    request = ModelRequest(role=Role.DECIDE, messages=(Message(role="assistant", calls=(call,)),))
    sent = body_of("openai/gpt-oss-120b", request)["messages"][0]["tool_calls"][0]["function"]["arguments"]
    assert json.loads(sent) == {"malformed_arguments": arguments}


def test_equal_requests_give_equal_bytes() -> None:
    request = ModelRequest(role=Role.DECIDE, messages=_CONVERSATION, tools=(_TOOL,))
    again = ModelRequest.model_validate_json(request.model_dump_json())
    assert body_bytes(body_of("m", request)) == body_bytes(body_of("m", again))


def test_a_longer_conversation_begins_with_the_same_bytes() -> None:
    """The provider's prompt cache matches prefixes: appending must change nothing that was sent before."""
    short = body_bytes(body_of("m", ModelRequest(role=Role.DECIDE, messages=_CONVERSATION[:4])))
    long = body_bytes(body_of("m", ModelRequest(role=Role.DECIDE, messages=_CONVERSATION)))
    prefix = short[: short.index(b'],"max_completion_tokens"')]
    assert long.startswith(prefix)


async def test_half_a_surrogate_pair_does_not_stop_the_request(
    serve: Serve, connect: Connect, ask: ModelRequest
) -> None:
    server = await serve({"content": "done"})
    odd = ask.model_copy(update={"messages": (Message(role="user", content="file \udc80.txt"),)})
    assert (await connect(server).complete(odd)).content == "done"
    assert server.requests[0].last == "file ?.txt"


def test_reads_calls_that_leave_out_what_they_may() -> None:
    calls = [
        {"function": {"name": "a", "arguments": None}},
        {"id": "c2", "function": {"name": "b", "arguments": {"path": "x"}}},
    ]
    body = {"choices": [{"message": {"tool_calls": calls}, "finish_reason": None}]}
    got = read_completion(json.dumps(body).encode(), model="m")
    assert got.calls() == (
        RequestedCall(id="call_0", name="a", arguments=""),
        RequestedCall(id="c2", name="b", arguments='{"path":"x"}'),
    )


@pytest.mark.parametrize(
    "body", [b"", b"null", b"[]", b"<html>", b'{"choices": []}', b'{"choices": [{}]}', b'{"choi']
)
def test_an_answer_that_is_no_completion_is_unavailable(body: bytes) -> None:
    with pytest.raises(ModelUnavailable, match="'m' cannot be read"):
        read_completion(body, model="m")
