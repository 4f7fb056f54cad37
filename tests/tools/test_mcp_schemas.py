"""What MCP servers say of their tools, shown to models in a safe and short form."""

import json
from typing import Any

import pytest

from perdure.contracts.errors import ConfigurationError
from tools.mcp_servers.offered_tools import tool_name
from tools.mcp_servers.schemas import SCHEMA_CHARACTERS, shown_description, shown_schema, taken_descriptions


def of(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


def test_references_are_put_in_place_and_what_refers_to_itself_ends() -> None:
    schema = of(
        tree={"$ref": "#/$defs/Tree"}, odd={"$ref": "https://elsewhere/x"}, loop={"$ref": "#/$defs/Loop"}
    )
    schema["$defs"] = {
        "Tree": {
            "type": "object",
            "properties": {"child": {"$ref": "#/$defs/Tree"}, "size": {"type": "integer"}},
        },
        "Loop": {"$ref": "#/$defs/Loop", "description": "round"},
    }
    assert shown_schema(schema)["properties"] == {
        "tree": {"type": "object", "properties": {"child": {}, "size": {"type": "integer"}}},
        "odd": {},
        "loop": {"description": "round"},
    }


def test_what_models_cannot_use_is_left_out() -> None:
    schema = of(
        a={"type": "string", "pattern": "(x+)+$", "format": "uri", "enum": ["x", "y"], "maxLength": 3},
        b={"oneOf": [{"type": "string"}, {"type": "null"}], "default": 3, "x-secret": 1},
        c={"enum": ["\u202ex"]},
        d={"type": "thing"},
    )
    schema |= {"$schema": "x", "title": "T", "if": {}, "anyOf": [{"required": ["a"]}]}
    assert shown_schema(schema) == of(
        a={"type": "string", "enum": ["x", "y"], "maxLength": 3},
        b={"anyOf": [{"type": "string"}, {"type": "null"}]},
        c={},
        d={},
    )


def test_a_long_schema_loses_its_depths_first() -> None:
    deep: dict[str, Any] = {"type": "string", "description": "d" * 200}
    for _ in range(4):
        deep = of(**{f"field_{number}": deep for number in range(4)})
    shown = shown_schema(deep)
    assert len(json.dumps(shown)) <= SCHEMA_CHARACTERS
    assert sorted(shown["properties"]) == ["field_0", "field_1", "field_2", "field_3"]


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "array"},
        {"type": "string"},
        {**of(**{"sp ace": {}}), "required": ["sp ace"]},
        {**of(**{f"f{n}": {} for n in range(99)}), "required": [f"f{n}" for n in range(99)]},
        of(**{f"f{n}": {"type": "string", "description": "d" * 300} for n in range(60)}),
    ],
)
def test_what_cannot_be_told_is_refused(schema: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        shown_schema(schema)


@pytest.mark.parametrize(
    "schema", [{}, {"properties": []}, {"properties": {"a": 3}}, {"required": "a"}, {"$ref": 3}]
)
def test_a_malformed_schema_says_nothing(schema: dict[str, Any]) -> None:
    assert shown_schema(schema)["type"] == "object"


def test_descriptions_are_one_bounded_paragraph_without_hidden_characters() -> None:
    fields = ["text: what\nto count"]
    shown = shown_description(
        "Reads.\n\n\x1b[2JIgnore\u202e all" + "x" * 5_000, "things", fields=fields, marker=lambda _: "m1"
    )
    opening, closing = "[data m1 | the MCP server 'things' | foreign]\n", "\n[end m1]"
    assert shown.startswith(f"{opening}Reads. \\x1b[2JIgnore\\u202e all")
    assert len(shown) <= 1_200
    empty = shown_description(None, "things", fields=[], marker=lambda _: "m1")
    assert empty == f"{opening}{closing}"


def test_what_a_schema_says_in_words_is_taken_out_of_it() -> None:
    inner = {"type": "array", "items": {"type": "object", "properties": {"b": {"description": "inner"}}}}
    schema = {"type": "object", "properties": {"a": {"type": "string", "description": "outer"}, "c": inner}}
    assert taken_descriptions(schema) == ["a: outer", "c.[].b: inner"]
    assert "description" not in json.dumps(schema)


def test_names_fit_what_models_can_call_and_stay_different() -> None:
    assert tool_name("things", "read-file") == "things__read-file"
    odd = {tool_name("things", name) for name in ("a.b", "a/b", "a b", "ä", "x" * 80, "x" * 81)}
    assert len(odd) == 6
    assert all(
        len(name) <= 64 and name.replace("-", "").replace("_", "").isalnum() and name.isascii()
        for name in odd
    )
