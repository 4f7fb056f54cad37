"""Schemas that strict decoding takes."""

from typing import Any, Literal, cast

import pytest
from pydantic import BaseModel, Field

from perdure.contracts.errors import InvalidInput
from perdure.contracts.plan import Answer, Plan, Reflection
from perdure.llm.schemas import strict_schema

_TAKEN = {"type", "description", "enum", "properties", "required", "additionalProperties", "items", "anyOf"}


def _check_strict(schema: dict[str, Any]) -> None:
    assert set(schema) <= _TAKEN
    if schema.get("type") == "object":
        assert schema["additionalProperties"] is False
        assert schema["required"] == list(schema["properties"])
    parts = [*schema.get("properties", {}).values(), *schema.get("anyOf", [])]
    for part in [*parts, schema["items"]] if "items" in schema else parts:
        _check_strict(cast("dict[str, Any]", part))


@pytest.mark.parametrize("model", [Plan, Reflection, Answer])
def test_our_answers_are_strict_to_the_last_part(model: type[BaseModel]) -> None:
    schema = strict_schema(model)
    _check_strict(schema)
    assert set(schema["properties"]) == set(model.model_fields)


def test_writes_out_what_a_plan_is() -> None:
    text = {"type": "string"}
    subtask = {
        "description": "One part of the plan.",
        "type": "object",
        "properties": {"title": text, "done": {"type": "boolean"}},
        "required": ["title", "done"],
        "additionalProperties": False,
    }
    assert strict_schema(Plan) == {
        "description": "How the model means to meet the request.",
        "type": "object",
        "properties": {
            "goal": text,
            "subtasks": {"type": "array", "items": subtask},
            "tools": {"type": "array", "items": text},
            "risks": {"type": "array", "items": text},
            "estimated_steps": {"type": "integer"},
        },
        "required": ["goal", "subtasks", "tools", "risks", "estimated_steps"],
        "additionalProperties": False,
    }


class _Inner(BaseModel):
    kind: Literal["inner"]
    size: int = Field(ge=0, le=9)


class _Wide(BaseModel):
    """A model with what pydantic can say and strict decoding cannot."""

    one: _Inner = Field(description="the only one")
    many: list[_Inner] = Field(min_length=1, max_length=3)
    maybe: _Inner | None = None
    code: str = Field(pattern="^[a-z]+$", max_length=5, default="abc")
    either: int | str


def test_keeps_the_shape_and_drops_what_strict_decoding_does_not_know() -> None:
    schema = strict_schema(_Wide)
    _check_strict(schema)
    properties = schema["properties"]
    assert properties["one"]["description"] == "the only one"
    assert properties["one"]["properties"]["kind"] == {"type": "string", "enum": ["inner"]}
    assert properties["one"]["properties"]["size"] == {"type": "integer"}
    assert properties["maybe"]["anyOf"][1] == {"type": "null"}
    assert properties["code"] == {"type": "string"}
    assert properties["either"] == {"anyOf": [{"type": "integer"}, {"type": "string"}]}


class _OpenMap(BaseModel):
    values: dict[str, int]


class _Fixed(BaseModel):
    pair: tuple[int, str]


class _Anything(BaseModel):
    value: Any


class _Tree(BaseModel):
    children: "list[_Tree]"


class _Anonymous(BaseModel):
    value: list[Any]


@pytest.mark.parametrize(
    ("model", "place"),
    [
        (_OpenMap, "_OpenMap.values"),
        (_Fixed, "_Fixed.pair"),
        (_Anything, "_Anything.value"),
        (_Anonymous, "_Anonymous.value.items"),
        (_Tree, "_Tree.children.items"),
    ],
)
def test_refuses_what_strict_decoding_cannot_follow_and_names_the_place(
    model: type[BaseModel], place: str
) -> None:
    with pytest.raises(InvalidInput, match=place):
        strict_schema(model)
