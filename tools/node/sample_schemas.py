"""JSON Schema from samples of JSON or from an OpenAPI document, for the compiler that makes types of it."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal, cast

from perdure.contracts.errors import ToolRejected
from tools.node.conventions import named

Kind = Literal["samples", "schema", "openapi"]
DEEPEST = 60
MOST_KEYS = 2_000


def kind_of(document: object) -> Kind:
    """What a document is, by what it says of itself."""
    if isinstance(document, dict):
        content = cast("dict[str, object]", document)
        if "openapi" in content or "swagger" in content:
            return "openapi"
        if "$schema" in content or "$defs" in content or ("type" in content and "properties" in content):
            return "schema"
    return "samples"


def schema_of_samples(samples: Sequence[object]) -> dict[str, Any]:
    """What all samples have in common: what only some have is optional, what differs is a union."""
    return _merged([_schema_of(sample, 0) for sample in samples])


def schema_of_openapi(document: Mapping[str, Any]) -> dict[str, Any]:
    """The components' schemas as definitions; ToolRejected where there are none."""
    version_2 = document.get("definitions")
    components: object = document.get("components")
    schemas = cast("dict[str, Any]", components).get("schemas") if isinstance(components, dict) else version_2
    if not isinstance(schemas, dict) or not schemas:
        raise ToolRejected(
            "The OpenAPI document has no schemas under components.schemas.", "Name a document that has them."
        )
    converted = cast("dict[str, Any]", _converted(cast("dict[str, Any]", schemas), 0))
    return {"definitions": converted}


def _schema_of(value: object, depth: int) -> dict[str, Any]:
    if depth > DEEPEST:
        raise ToolRejected(f"The sample is nested deeper than {DEEPEST} levels.", "Send a flatter sample.")
    if isinstance(value, dict):
        content = cast("dict[str, object]", value)
        if len(content) > MOST_KEYS:
            raise ToolRejected(
                f"An object of the sample has more than {MOST_KEYS:,} keys.", "Send a smaller sample."
            )
        properties = {name: _schema_of(inner, depth + 1) for name, inner in content.items()}
        return {
            "type": "object",
            "properties": properties,
            "required": sorted(content),
            "additionalProperties": False,
        }
    if isinstance(value, list):
        items = [_schema_of(inner, depth + 1) for inner in cast("list[object]", value)]
        return {"type": "array", "items": _merged(items)} if items else {"type": "array", "items": {}}
    for kind, name in ((bool, "boolean"), (int, "number"), (float, "number"), (str, "string")):
        if isinstance(value, kind):
            return {"type": name}
    return {"type": "null"}


def _merged(schemas: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """One schema for all: objects and arrays become one each, and what is left beside is a union."""
    objects = [each for each in schemas if each.get("type") == "object"]
    arrays = [each for each in schemas if each.get("type") == "array"]
    unions = [inner for each in schemas for inner in each.get("anyOf", [])]
    if unions:
        return _merged([*(each for each in schemas if "anyOf" not in each), *unions])
    found = [each for each in schemas if each.get("type") not in {"object", "array", None}]
    plain: list[dict[str, Any]] = [
        {"type": kind} for kind in dict.fromkeys(str(each["type"]) for each in found)
    ]
    if objects:
        plain.append(_merged_objects(objects))
    if arrays:
        plain.append({"type": "array", "items": _merged([each["items"] for each in arrays if each["items"]])})
    if not plain:
        return {}
    return plain[0] if len(plain) == 1 else {"anyOf": plain}


def _merged_objects(objects: Sequence[dict[str, Any]]) -> dict[str, Any]:
    names = dict.fromkeys(name for each in objects for name in each["properties"])
    properties = {
        name: _merged([each["properties"][name] for each in objects if name in each["properties"]])
        for name in names
    }
    required = set(names).intersection(*(set(each["required"]) for each in objects))
    return {
        "type": "object",
        "properties": properties,
        "required": sorted(required),
        "additionalProperties": False,
    }


def _converted(value: object, depth: int) -> object:
    """OpenAPI's own words in those of JSON Schema: its references, and what may be null."""
    if depth > DEEPEST:
        raise ToolRejected(f"The document is nested deeper than {DEEPEST} levels.", "Name a simpler one.")
    if isinstance(value, list):
        return [_converted(inner, depth + 1) for inner in cast("list[object]", value)]
    if not isinstance(value, dict):
        return value
    content = cast("dict[str, Any]", value)
    reference = content.get("$ref")
    if isinstance(reference, str):
        if not reference.startswith(("#/components/schemas/", "#/definitions/")):
            raise ToolRejected(
                f"The document refers to {reference[:200]!r}, which is not in components.schemas.",
                "Put it there.",
            )
        return {"$ref": f"#/definitions/{reference.rpartition('/')[2]}"}
    made = {
        name: _converted(inner, depth + 1)
        for name, inner in content.items()
        if name not in {"nullable", "example", "xml"}
    }
    if content.get("nullable") is True:
        return {"anyOf": [made, {"type": "null"}]}
    return made


def parsed(text: str, shown: str) -> object:
    """The JSON of a text; ToolRejected where it is none."""
    try:
        return cast("object", json.loads(text))
    except (ValueError, RecursionError) as error:
        raise ToolRejected(
            f"{shown} is not JSON: {error}.", "Send JSON; YAML must be turned into JSON first."
        ) from error


def type_name(text: str) -> str:
    """A name as TypeScript's types have them."""
    return named(text, "pascal")
