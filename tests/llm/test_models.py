"""What a reply carries: the answer, its label, its cost, and which model gave it."""

import json

import pytest

from perdure.contracts.errors import ConfigurationError, ContextTooLarge, InvalidInput, ModelUnavailable
from perdure.contracts.model import (
    AnswerSchema,
    Message,
    ModelReply,
    ModelRequest,
    RequestedCall,
    Role,
    ToolSchema,
)
from perdure.contracts.task import Cost
from perdure.llm.catalogue import REPLACEMENTS
from perdure.llm.model_settings import ModelSettings
from perdure.llm.models import Models
from tests.llm.conftest import Connect, Serve

_LARGE, _SMALL = "openai/gpt-oss-120b", "openai/gpt-oss-20b"
_SCHEMA = AnswerSchema(name="plan", schema={"type": "object"})


def _models(*chain: str) -> dict[Role, tuple[str, ...]]:
    return dict.fromkeys(Role, chain)


async def test_gives_back_the_whole_answer(serve: Serve, connect: Connect, ask: ModelRequest) -> None:
    reply = {
        "content": "I look first.",
        "reasoning": "Where is it?",
        "calls": [{"tool": "read_file", "arguments": {"path": "app/money.py"}, "id": "call_1"}],
        "usage": {"prompt_tokens": 120, "completion_tokens": 20, "cached_tokens": 64, "reasoning_tokens": 9},
    }
    server = await serve(reply)
    got = await connect(server).complete(ask)
    assert got.model_copy(update={"latency_s": 0.0}) == ModelReply(
        model=_LARGE,
        scripted=True,
        content="I look first.",
        reasoning="Where is it?",
        calls=(RequestedCall(id="call_1", name="read_file", arguments='{"path": "app/money.py"}'),),
        finish_reason="tool_calls",
        request_id=f"req_{server.requests[0].digest[:24]}",
        cost=Cost(
            input_tokens=120,
            cached_tokens=64,
            output_tokens=20,
            model_calls=1,
            scripted=True,
            models=(_LARGE,),
        ),
    )
    assert got.latency_s > 0


async def test_malformed_arguments_come_back_as_the_model_wrote_them(
    serve: Serve, connect: Connect, ask: ModelRequest
) -> None:
    server = await serve({"calls": [{"tool": "run_command", "raw": '{"command": "rm -rf build/tmp'}]})
    reply = await connect(server).complete(ask)
    assert reply.calls[0].arguments == '{"command": "rm -rf build/tmp'


async def test_an_answer_that_was_cut_off_says_so(serve: Serve, connect: Connect, ask: ModelRequest) -> None:
    server = await serve({"calls": [{"tool": "t", "raw": '{"a'}], "finish_reason": "length"})
    assert (await connect(server).complete(ask)).finish_reason == "length"


async def test_labels_scripted_answers_by_the_servers_header_alone(
    serve: Serve, connect: Connect, ask: ModelRequest
) -> None:
    models = connect(await serve({"content": "done"}), scripted=False)
    assert not models.scripted
    reply = await models.complete(ask)
    assert reply.scripted
    assert reply.cost.scripted
    assert models.scripted


async def test_scripted_models_need_no_key(serve: Serve, connect: Connect, ask: ModelRequest) -> None:
    models = connect(await serve({"content": "done"}), scripted=True, api_key=None)
    assert models.scripted
    assert (await models.complete(ask)).content == "done"


async def test_asks_the_model_of_the_role(serve: Serve, connect: Connect, ask: ModelRequest) -> None:
    server = await serve({"content": "done"})
    models = connect(server, models={**_models(_LARGE), Role.REFLECT: (_SMALL,)})
    await models.complete(ask)
    await models.complete(ask.model_copy(update={"role": Role.REFLECT}))
    assert [request.model for request in server.requests] == [_LARGE, _SMALL]
    assert (models.model_for(Role.DECIDE), models.model_for(Role.REFLECT)) == (_LARGE, _SMALL)


@pytest.mark.parametrize("script", [{"models": [_SMALL]}, {"decommissioned": [_LARGE]}])
async def test_a_dead_model_is_followed_by_the_next_in_its_chain(
    serve: Serve, connect: Connect, ask: ModelRequest, script: dict[str, list[str]]
) -> None:
    server = await serve({"content": "done"}, **script)
    models = connect(server, models=_models(_LARGE, _SMALL))
    first, second = await models.complete(ask), await models.complete(ask)
    assert first.model == second.model == _SMALL
    assert _LARGE in first.warnings[0]
    assert _LARGE in second.warnings[0]
    assert [request.model for request in server.requests] == [_LARGE, _SMALL, _SMALL]


async def test_a_chain_of_dead_models_names_the_setting(
    serve: Serve, connect: Connect, ask: ModelRequest
) -> None:
    models = connect(await serve({"content": "done"}, models=["other"]), models=_models(_LARGE, _SMALL))
    for _ in range(2):
        with pytest.raises(ConfigurationError, match="PERDURE_MODEL_DECIDE") as caught:
            await models.complete(ask)
        assert _LARGE in str(caught.value)
        assert _SMALL in str(caught.value)


def test_a_role_without_a_model_names_the_setting() -> None:
    with pytest.raises(ConfigurationError, match="PERDURE_MODEL_PLAN"):
        Models(ModelSettings(models={Role.DECIDE: (_LARGE,)})).model_for(Role.PLAN)


async def test_a_model_that_was_shut_down_is_replaced_with_a_warning(
    serve: Serve, connect: Connect, ask: ModelRequest
) -> None:
    server = await serve({"content": "done"})
    models = connect(server, models=_models("llama-3.1-70b-versatile", "mixtral-8x7b-32768"))
    reply = await models.complete(ask)
    assert reply.model == models.model_for(Role.DECIDE) == _LARGE
    assert "'llama-3.1-70b-versatile'" in reply.warnings[0]
    assert len(server.requests) == 1


def test_no_replacement_was_shut_down_itself() -> None:
    assert not set(REPLACEMENTS.values()) & set(REPLACEMENTS)


async def test_a_daily_limit_moves_on_to_the_next_model(
    serve: Serve, connect: Connect, ask: ModelRequest
) -> None:
    limit = {
        "status": 429,
        "message": "Tokens per day (TPD): Limit 200000. Please try again in 3h2m1s.",
        "times": 1,
    }
    reply = await connect(await serve({"content": "done", "error": limit})).complete(ask)
    assert reply.model == _SMALL
    assert "3h2m1s" in reply.warnings[0]


async def test_a_daily_limit_of_every_model_waits_as_long_as_the_first_says(
    serve: Serve, connect: Connect, ask: ModelRequest
) -> None:
    models = connect(await serve({"error": {"status": 429, "retry_after": 9000}}))
    with pytest.raises(ModelUnavailable) as caught:
        await models.complete(ask)
    assert caught.value.retry_after_s == 9000


async def test_learns_the_accounts_limit_from_an_answer(
    serve: Serve, connect: Connect, ask: ModelRequest
) -> None:
    models = connect(await serve({"content": "done"}, limits={"tokens_per_minute": 8000}))
    assert models.token_limit(_LARGE) is None
    await models.complete(ask)
    assert models.token_limit(_LARGE) == 8000
    assert models.token_limit(_SMALL) is None


async def test_cuts_the_answers_room_once_when_the_request_reserves_too_much(
    serve: Serve, connect: Connect, ask: ModelRequest
) -> None:
    server = await serve({"content": "done"}, limits={"tokens_per_minute": 2000})
    models = connect(server)
    reply = await models.complete(ask)
    first, second = (json.loads(request.body)["max_completion_tokens"] for request in server.requests)
    assert first == 4096
    assert 1900 < second < 2000
    assert [request.status for request in server.requests] == [413, 200]
    assert "2000" in reply.warnings[0]
    assert models.token_limit(_LARGE) == 2000


async def test_a_context_that_leaves_no_room_for_an_answer_is_too_large(
    serve: Serve, connect: Connect, ask: ModelRequest
) -> None:
    server = await serve({"content": "done"}, limits={"tokens_per_minute": 2000})
    long = ask.model_copy(update={"messages": (Message(role="user", content="x" * 7600),)})
    with pytest.raises(ContextTooLarge) as caught:
        await connect(server).complete(long)
    assert caught.value.limit == 2000
    assert caught.value.requested > 2000
    assert len(server.requests) == 1


async def test_a_body_that_is_too_large_in_bytes_is_too_large_without_counts(
    serve: Serve, connect: Connect, ask: ModelRequest
) -> None:
    models = connect(await serve({"error": {"status": 413, "message": "Request Entity Too Large"}}))
    with pytest.raises(ContextTooLarge) as caught:
        await models.complete(ask)
    assert (caught.value.limit, caught.value.requested) == (0, 0)


async def test_check_names_models_that_are_not_served(serve: Serve, connect: Connect) -> None:
    server = await serve(models=[_LARGE])
    models = connect(server, models=_models("mixtral-8x7b-32768", _SMALL))
    replaced, missing = await models.check()
    assert "'mixtral-8x7b-32768'" in replaced
    assert f"{_SMALL!r}" in missing
    assert models.token_limit(_LARGE) == 131_072


async def test_check_has_nothing_to_say_where_all_is_served(serve: Serve, connect: Connect) -> None:
    assert await connect(await serve()).check() == []


async def test_check_fails_like_a_request(unused_port: int) -> None:
    models = Models(ModelSettings(api_key="k", base_url=f"http://127.0.0.1:{unused_port}"))
    with pytest.raises(ModelUnavailable, match="list of models"):
        await models.check()
    await models.close()
    with pytest.raises(ConfigurationError, match="GROQ_API_KEY"):
        await Models(ModelSettings()).check()


async def test_tools_and_an_answer_schema_exclude_each_other(ask: ModelRequest) -> None:
    tool = ToolSchema(name="t", description="", parameters={"type": "object"})
    both = ask.model_copy(update={"tools": (tool,), "answer_schema": _SCHEMA})
    with pytest.raises(InvalidInput):
        await Models(ModelSettings()).complete(both)


async def test_closed_models_open_again(serve: Serve, connect: Connect, ask: ModelRequest) -> None:
    models = connect(await serve({"content": "done"}))
    await models.complete(ask)
    await models.close()
    await models.close()
    assert (await models.complete(ask)).content == "done"
