"""generate_type_definitions makes types that the project's compiler holds real values against."""

import json
from typing import Any

import pytest

from perdure.contracts.errors import ToolRejected
from tests.tools.conftest import Bench

SAMPLES: list[dict[str, Any]] = [
    {"id": 1, "tags": ["a"], "owner": {"name": "x"}},
    {"id": "2", "tags": [], "note": None},
]
SCHEMA = {
    "$schema": "https://json-schema.org/draft-07/schema",
    "type": "object",
    "properties": {"kind": {"enum": ["a", "b"]}, "size": {"type": "integer"}},
    "required": ["kind"],
}
OPENAPI = {
    "openapi": "3.0.3",
    "components": {
        "schemas": {
            "Order": {
                "type": "object",
                "properties": {"lines": {"type": "array", "items": {"$ref": "#/components/schemas/Line"}}},
            },
            "Line": {
                "type": "object",
                "required": ["name"],
                "properties": {"name": {"type": "string", "nullable": True}},
            },
        }
    },
}


async def test_samples_become_one_type_with_optional_fields_and_unions(next_app: Bench) -> None:
    for number, sample in enumerate(SAMPLES):
        next_app.put(f"samples/{number}.json", json.dumps(sample))
    paths = ["samples/0.json", "samples/1.json"]
    output = await next_app.run(
        "generate_type_definitions", name="Product", paths=paths, output="src/types/product.ts"
    )
    assert output.changed_paths == ("src/types/product.ts",)
    text = next_app.text("src/types/product.ts")
    for line in (
        "export interface Product {",
        "id: number | string",
        "tags: string[]",
        "note?: null",
        "owner?: {",
    ):
        assert line in text
    next_app.put(
        "src/use.ts",
        f"import type {{ Product }} from './types/product'\nexport const all: Product[] = {json.dumps(SAMPLES)}\nexport const bad: Product = {{ id: true }}\n",
    )
    checked = await next_app.run("typescript_check", paths=["src/use.ts"])
    assert {each.range.line for each in checked.diagnostics} == {3}


async def test_a_schema_and_an_openapi_document_are_told_apart(bench: Bench) -> None:
    schema = await bench.run("generate_type_definitions", name="thing", json_text=json.dumps(SCHEMA))
    assert "export interface Thing {" in schema.content
    assert 'kind: "a" | "b";' in schema.content
    assert "size?: number" in schema.content
    document = await bench.run("generate_type_definitions", name="Api", json_text=json.dumps(OPENAPI))
    assert "export interface Order {\n  lines?: Line[];\n}" in document.content
    assert "name: string | null;" in document.content


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "json_text is not JSON"),
        ('{"openapi": "3.1.0"}', "has no schemas under components.schemas"),
        ('{"$schema": "x", "properties": {"a": {"$ref": "/etc/passwd"}}}', "No types can be made of this"),
        ("[" * 100 + "]" * 100, "nested deeper than 60 levels"),
    ],
)
async def test_what_no_types_can_be_made_of_is_said(bench: Bench, text: str, said: str) -> None:
    with pytest.raises(ToolRejected, match=said):
        await bench.run("generate_type_definitions", name="Thing", json_text=text)
