"""The scripted server's wire format, driven by the real SDK and by a plain client."""

import json
from typing import Any

import aiohttp
import pytest
from groq import AsyncGroq, DefaultAioHttpClient

from perdure.contracts.errors import ConfigurationError, ModelUnavailable
from perdure.contracts.model import AnswerSchema, Message, ModelRequest, Role, ToolSchema
from perdure.llm.scripted.script import Script
from perdure.llm.scripted.server import ScriptedServer
from tests.llm.conftest import Connect, Serve

_LARGE = "openai/gpt-oss-120b"
_USER: dict[str, Any] = {"role": "user", "content": "Mend the rounding."}


async def _post(server: ScriptedServer, body: object, **headers: str) -> tuple[int, dict[str, Any], Any]:
    sent = headers or {"authorization": "Bearer k"}
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    url = f"{server.url}/openai/v1/chat/completions"
    async with aiohttp.ClientSession() as session, session.post(url, data=data, headers=sent) as response:
        return response.status, await response.json(), response.headers


def _body(*messages: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"model": _LARGE, "messages": list(messages or (_USER,)), **more}


async def test_a_completion_has_every_field_of_groqs(serve: Serve) -> None:
    reply = {
        "content": None,
        "reasoning": "Where?",
        "calls": [{"tool": "read_file", "arguments": {"path": "a{turn}"}, "id": "fc_1"}],
        "usage": {"prompt_tokens": 120, "completion_tokens": 20, "cached_tokens": 64, "reasoning_tokens": 9},
    }
    server = await serve(reply)
    status, body, headers = await _post(server, _body())
    digest = server.requests[0].digest[:24]
    function = {"name": "read_file", "arguments": '{"path": "a0"}'}
    assert status == 200
    assert headers["x-perdure-scripted"] == "1"
    assert body == {
        "id": f"chatcmpl-{digest}",
        "object": "chat.completion",
        "created": 1,
        "model": _LARGE,
        "system_fingerprint": "fp_scripted",
        "choices": [
            {
                "index": 0,
                "message": {
                    "role": "assistant",
                    "content": None,
                    "reasoning": "Where?",
                    "tool_calls": [{"id": "fc_1", "type": "function", "function": function}],
                },
                "logprobs": None,
                "finish_reason": "tool_calls",
            }
        ],
        "usage": {
            "queue_time": 0.0,
            "prompt_tokens": 120,
            "prompt_time": 0.0,
            "completion_tokens": 20,
            "completion_time": 0.0,
            "total_tokens": 140,
            "total_time": 0.0,
            "prompt_tokens_details": {"cached_tokens": 64},
            "completion_tokens_details": {"reasoning_tokens": 9},
        },
        "usage_breakdown": None,
        "x_groq": {"id": f"req_{digest}", "seed": 0},
        "service_tier": "on_demand",
    }


async def test_the_sdk_reads_its_completions_and_models(serve: Serve) -> None:
    server = await serve({"content": "done", "reasoning": "why"})
    client = AsyncGroq(api_key="k", base_url=server.url, max_retries=0, http_client=DefaultAioHttpClient())
    completion = await client.chat.completions.create(
        model=_LARGE, messages=[{"role": "user", "content": "x"}]
    )
    models = await client.models.list()
    await client.close()
    assert completion.choices[0].message.content == "done"
    assert completion.choices[0].message.reasoning == "why"
    assert completion.system_fingerprint == "fp_scripted"
    assert [model.id for model in models.data] == [_LARGE, "openai/gpt-oss-20b"]


async def test_the_same_request_gets_the_same_answer_on_every_server(serve: Serve) -> None:
    reply = {"calls": [{"tool": "a"}, {"tool": "b"}], "reasoning": "r"}
    first, second = await serve(reply), await serve(reply)
    answers = [await _post(server, _body()) for server in (first, first, second)]
    assert answers[0][1] == answers[1][1] == answers[2][1]
    calls = answers[0][1]["choices"][0]["message"]["tool_calls"]
    assert calls[0]["id"] != calls[1]["id"]


async def test_another_conversation_gets_other_call_ids(serve: Serve) -> None:
    server = await serve({"calls": [{"tool": "a"}]})
    ids: set[str] = set()
    for text in ("one", "two"):
        _, body, _ = await _post(server, _body({"role": "user", "content": text}))
        ids.add(body["choices"][0]["message"]["tool_calls"][0]["id"])
    assert len(ids) == 2


@pytest.mark.parametrize(
    ("schema", "role"), [("plan", "plan"), ("reflection", "reflect"), ("answer", "synthesize")]
)
async def test_knows_the_role_by_the_schemas_name(
    serve: Serve, connect: Connect, ask: ModelRequest, schema: str, role: str
) -> None:
    server = await serve({"for": role, "content": {"said": role}})
    request = ask.model_copy(update={"answer_schema": AnswerSchema(name=schema, schema={"type": "object"})})
    assert json.loads((await connect(server).complete(request)).content) == {"said": role}
    assert server.requests[0].role == role


async def test_a_request_with_tools_is_a_decision(serve: Serve, connect: Connect) -> None:
    server = await serve({"for": "decide", "content": "done"})
    tool = ToolSchema(name="t", description="", parameters={"type": "object"})
    request = ModelRequest(role=Role.DECIDE, messages=(Message(role="user", content="x"),), tools=(tool,))
    assert (await connect(server).complete(request)).content == "done"


async def test_turns_count_the_assistants_messages(serve: Serve) -> None:
    server = await serve({"turn": 1, "content": "second"}, {"turn": [2, 9], "content": "later {turn}"})
    said = {"role": "assistant", "content": "ok"}
    got = [(await _post(server, _body(_USER, *[said] * count)))[1] for count in (1, 2, 3)]
    assert [body["choices"][0]["message"]["content"] for body in got] == ["second", "later 2", "later 3"]


async def test_no_reply_is_a_sentence_with_role_and_turn(serve: Serve) -> None:
    server = await serve({"for": "plan", "content": "x"})
    status, body, _ = await _post(server, _body())
    assert status == 400
    assert "no reply for the role 'decide' at turn 0" in body["error"]["message"]
    assert "Mend the rounding." in body["error"]["message"]


async def test_a_failure_that_is_used_up_gives_way_to_the_next_reply(serve: Serve) -> None:
    server = await serve({"error": {"status": 503, "times": 2}}, {"content": "done"})
    assert [(await _post(server, _body()))[0] for _ in range(4)] == [503, 503, 200, 200]
    assert [request.reply for request in server.requests] == [0, 0, 1, 1]


async def test_an_error_and_a_drop_of_one_reply_are_counted_apart(
    serve: Serve, connect: Connect, ask: ModelRequest
) -> None:
    reply = {"content": "done", "error": {"status": 503, "times": 1}, "drop": {"times": 1}}
    server = await serve(reply)
    models = connect(server)
    for _ in range(2):
        with pytest.raises(ModelUnavailable):
            await models.complete(ask)
    assert (await models.complete(ask)).content == "done"
    assert [request.status for request in server.requests] == [503, 0, 200]


@pytest.mark.parametrize("header", ["", "Bearer ", "Basic abc", "abc"])
async def test_a_request_without_a_key_is_unauthorized(serve: Serve, header: str) -> None:
    status, body, _ = await _post(await serve({"content": "x"}), _body(), authorization=header)
    assert status == 401
    assert body["error"]["code"] == "invalid_api_key"


_CALL = {"id": "c1", "type": "function", "function": {"name": "t", "arguments": "{}"}}
_ASKED = {"role": "assistant", "content": None, "tool_calls": [_CALL]}
_FORM: dict[str, Any] = {"type": "json_schema", "json_schema": {"name": "plan", "schema": {}}}


def _tools(*names: str) -> list[dict[str, Any]]:
    return [{"type": "function", "function": {"name": name}} for name in names]


_REFUSED: list[tuple[object, str]] = [
    (b"{", "not JSON"),
    ([], "JSON object"),
    ({"messages": [_USER]}, "'model' is missing"),
    (_body() | {"messages": []}, "minimum number of items"),
    (_body({"role": "robot", "content": "x"}), "'robot'"),
    (_body(_USER, _ASKED), "have no tool message"),
    (_body(_USER, _ASKED, _USER), "has no tool message|have no tool message"),
    (_body(_USER, {"role": "tool", "tool_call_id": "c9", "content": ""}), "'c9' answers no tool call"),
    (
        _body(_USER, _ASKED, *[{"role": "tool", "tool_call_id": "c1", "content": ""}] * 2),
        "answers no tool call",
    ),
    (
        _body(_USER, {**_ASKED, "tool_calls": [{**_CALL, "function": {"arguments": "{"}}]}),
        "no JSON object",
    ),
    (_body(tools=_tools("t"), response_format=_FORM), "cannot be combined"),
    (_body(tools=_tools("bad name")), "does not match"),
    (_body(tools=_tools(*map(str, range(129)))), "maximum number of items is 128"),
]


@pytest.mark.parametrize(("body", "sentence"), _REFUSED)
async def test_refuses_what_groq_refuses(serve: Serve, body: object, sentence: str) -> None:
    server = await serve({"content": "x"})
    status, answer, _ = await _post(server, body)
    assert status == 400
    assert answer["error"]["type"] == "invalid_request_error"
    assert any(part in answer["error"]["message"] for part in sentence.split("|")), answer


async def test_headers_tell_the_accounts_limits_and_run_down(serve: Serve) -> None:
    server = await serve({"content": "x"}, limits={"tokens_per_minute": 8000, "requests_per_day": 1000})
    seen = [(await _post(server, _body()))[2] for _ in range(2)]
    assert [headers["x-ratelimit-limit-tokens"] for headers in seen] == ["8000", "8000"]
    assert [headers["x-ratelimit-limit-requests"] for headers in seen] == ["1000", "1000"]
    assert [headers["x-ratelimit-remaining-requests"] for headers in seen] == ["999", "998"]
    for name in ("x-ratelimit-reset-requests", "x-ratelimit-reset-tokens", "x-request-id"):
        assert name in seen[0]


async def test_retry_after_comes_only_with_the_script(serve: Serve) -> None:
    server = await serve({"error": {"status": 429, "retry_after": 2, "times": 1}, "content": "x"})
    limited, passed = await _post(server, _body()), await _post(server, _body())
    assert limited[2]["retry-after"] == "2"
    assert "try again in 2s" in limited[1]["error"]["message"]
    assert "retry-after" not in passed[2]


async def test_a_request_that_reserves_too_much_is_refused_with_both_counts(serve: Serve) -> None:
    server = await serve({"content": "x"}, limits={"tokens_per_minute": 8000})
    status, body, _ = await _post(server, _body(max_completion_tokens=9000))
    assert status == 413
    assert body["error"]["code"] == "rate_limit_exceeded"
    assert "Limit 8000, Requested 90" in body["error"]["message"]


async def test_the_log_tells_what_was_asked_and_answered(serve: Serve) -> None:
    server = await serve({"about": "never", "turn": 5, "content": "x"}, {"content": "y"})
    await _post(server, _body())
    await _post(server, b"{")
    first, second = server.requests
    assert (first.number, first.role, first.turn, first.model) == (0, "decide", 0, _LARGE)
    assert (first.status, first.reply, first.last) == (200, 1, "Mend the rounding.")
    assert json.loads(first.body)["messages"] == [_USER]
    assert (second.number, second.status, second.reply, second.body) == (1, 400, None, b"{")


async def test_only_the_latest_bodies_are_kept(serve: Serve) -> None:
    server = await serve({"content": "x"})
    for _ in range(202):
        await _post(server, b"{")
    assert [bool(request.body) for request in server.requests[:3]] == [False, False, True]


async def test_a_port_in_use_is_named(serve: Serve) -> None:
    taken = int((await serve({"content": "x"})).url.rsplit(":", 1)[1])
    with pytest.raises(ConfigurationError, match=str(taken)):
        await ScriptedServer().start(Script(v=1, replies=()), port=taken)


async def test_stopping_twice_is_stopping_once(serve: Serve) -> None:
    server = await serve({"content": "x"})
    await server.stop()
    await server.stop()
