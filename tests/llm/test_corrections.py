"""Unusable generations: the model is told what was wrong, twice at most, and every attempt is counted."""

import json

import pytest

from perdure.contracts.errors import ModelFault
from perdure.contracts.model import ModelRequest
from tests.llm.conftest import Connect, Serve

_FAILED = '{"name": "read_file", "arguments": {"pth": "a"}}'


def _fault(code: str = "tool_use_failed", *, times: int | None = 1) -> dict[str, object]:
    return {"status": 400, "code": code, "failed_generation": _FAILED, "times": times}


@pytest.mark.parametrize("code", ["tool_use_failed", "json_validate_failed"])
async def test_shows_the_model_what_it_wrote_and_asks_again_colder(
    serve: Serve, connect: Connect, ask: ModelRequest, code: str
) -> None:
    server = await serve({"content": "done", "error": _fault(code)})
    reply = await connect(server).complete(ask)
    first, second = (json.loads(request.body) for request in server.requests)
    assert reply.content == "done"
    assert second["messages"][:-1] == first["messages"]
    assert second["messages"][-1]["role"] == "user"
    assert _FAILED in second["messages"][-1]["content"]
    assert second["temperature"] < first["temperature"]


async def test_counts_the_failed_attempts(serve: Serve, connect: Connect, ask: ModelRequest) -> None:
    server = await serve(
        {"content": "done", "error": _fault(times=2), "usage": {"prompt_tokens": 5, "completion_tokens": 2}}
    )
    reply = await connect(server).complete(ask)
    assert reply.cost.model_calls == 3
    assert reply.cost.tokens == 7
    assert len(reply.warnings) == 2


async def test_gives_up_after_two_corrections_with_the_last_generation(
    serve: Serve, connect: Connect, ask: ModelRequest
) -> None:
    server = await serve({"error": _fault(times=None)})
    with pytest.raises(ModelFault) as caught:
        await connect(server).complete(ask)
    assert caught.value.failed_generation == _FAILED
    assert len(server.requests) == 3


async def test_a_fault_without_its_generation_is_corrected_too(
    serve: Serve, connect: Connect, ask: ModelRequest
) -> None:
    server = await serve({"content": "done", "error": {"status": 400, "code": "tool_use_failed", "times": 1}})
    assert (await connect(server).complete(ask)).content == "done"


async def test_a_correction_stays_the_same_turn(serve: Serve, connect: Connect, ask: ModelRequest) -> None:
    """A retried step must meet the same reply of a script, corrected or not."""
    server = await serve({"content": "done", "error": _fault()})
    await connect(server).complete(ask)
    assert [request.turn for request in server.requests] == [0, 0]
