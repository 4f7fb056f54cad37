"""Structured answers: valid, corrected once, or a fault."""

import json
from typing import Any

import pytest

from perdure.contracts.errors import InvalidInput, ModelFault
from perdure.contracts.model import Message, ModelRequest, Role, ToolSchema
from perdure.contracts.plan import Plan, Reflection, Subtask
from perdure.llm.schemas import strict_schema
from perdure.llm.structured import ask_structured
from tests.llm.conftest import Connect, Serve

_PLAN: dict[str, Any] = {
    "goal": "Round half up.",
    "subtasks": [{"title": "Read", "done": False}],
    "tools": ["read_file"],
    "risks": [],
    "estimated_steps": 4,
}
_ASK = ModelRequest(role=Role.PLAN, messages=(Message(role="user", content="Mend the rounding."),))
_USAGE = {"prompt_tokens": 10, "completion_tokens": 5}


async def test_gives_the_answer_as_the_model_type(serve: Serve, connect: Connect) -> None:
    server = await serve({"for": "plan", "content": _PLAN})
    plan, reply = await ask_structured(connect(server), _ASK, Plan)
    assert plan == Plan(
        goal="Round half up.",
        subtasks=(Subtask(title="Read"),),
        tools=("read_file",),
        risks=(),
        estimated_steps=4,
    )
    assert reply.cost.model_calls == 1
    sent = json.loads(server.requests[0].body)["response_format"]["json_schema"]
    assert sent == {"name": "plan", "strict": True, "schema": strict_schema(Plan)}


async def test_takes_an_answer_in_a_fence(serve: Serve, connect: Connect) -> None:
    server = await serve({"content": f"```json\n{json.dumps(_PLAN)}\n```"})
    plan, _ = await ask_structured(connect(server), _ASK, Plan)
    assert plan.goal == "Round half up."


async def test_corrects_an_invalid_answer_once_and_counts_both(serve: Serve, connect: Connect) -> None:
    server = await serve(
        {
            "for": "reflect",
            "last": "no valid 'Reflection': verdict",
            "content": {"verdict": "done", "note": "", "finished_subtasks": []},
            "usage": _USAGE,
        },
        {
            "for": "reflect",
            "content": {"verdict": "perhaps", "note": "", "finished_subtasks": []},
            "usage": _USAGE,
        },
    )
    reflection, reply = await ask_structured(connect(server), _ASK, Reflection)
    assert reflection.verdict == "done"
    assert (reply.cost.model_calls, reply.cost.tokens) == (2, 30)
    assert "perhaps" in server.requests[1].last
    assert any("Reflection" in warning for warning in reply.warnings)


@pytest.mark.parametrize("content", ["I can't help with that.", "", "null", '{"goal": 1}', '{"goal": "cut o'])
async def test_gives_up_when_the_corrected_answer_is_invalid_too(
    serve: Serve, connect: Connect, content: str
) -> None:
    server = await serve({"content": content})
    with pytest.raises(ModelFault) as caught:
        await ask_structured(connect(server), _ASK, Plan)
    assert caught.value.failed_generation == content
    assert len(server.requests) == 2


async def test_says_when_the_answer_was_cut_off(serve: Serve, connect: Connect) -> None:
    server = await serve({"content": '{"goal": "cut o', "finish_reason": "length"})
    with pytest.raises(ModelFault, match="be shorter"):
        await ask_structured(connect(server), _ASK, Plan)


async def test_refuses_tools_in_a_structured_request(serve: Serve, connect: Connect) -> None:
    tool = ToolSchema(name="t", description="", parameters={"type": "object"})
    server = await serve()
    with pytest.raises(InvalidInput):
        await ask_structured(connect(server), _ASK.model_copy(update={"tools": (tool,)}), Plan)
    assert server.requests == []
