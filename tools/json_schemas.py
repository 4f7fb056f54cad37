"""JSON schemas of arguments as the model reads them: no titles, no references, nothing it does not need."""

from typing import Any, cast

from pydantic import BaseModel


def parameters_of(arguments: type[BaseModel]) -> dict[str, Any]:
    """The JSON schema of an arguments model, short and without references."""
    schema = arguments.model_json_schema()
    definitions = schema.pop("$defs", {})
    schema.pop("description", None)
    return cast("dict[str, Any]", _plain(schema, definitions))


def _plain(node: object, definitions: dict[str, Any]) -> object:
    """The node with references put in place and without what only readers of the class need."""
    if isinstance(node, list):
        return [_plain(item, definitions) for item in cast("list[object]", node)]
    if not isinstance(node, dict):
        return node
    fields = cast("dict[str, Any]", node)
    if "$ref" in fields:
        target = definitions[fields["$ref"].rsplit("/", 1)[-1]]
        own = {name: value for name, value in fields.items() if name != "$ref"}
        return _plain({**target, **own}, definitions)
    plain: dict[str, object] = {}
    for name, value in fields.items():
        if name == "properties":
            plain[name] = {field: _plain(schema, definitions) for field, schema in value.items()}
        elif name not in {"title", "additionalProperties"}:
            plain[name] = _plain(value, definitions)
    return plain


def expected(schema: dict[str, Any]) -> str:
    """What a value of this schema looks like, in words: ``a whole number from 1 to 2000``."""
    if "enum" in schema:
        return "one of " + ", ".join(repr(choice) for choice in schema["enum"])
    kind = str(schema.get("type", ""))
    if kind in {"integer", "number"}:
        return ("a whole number" if kind == "integer" else "a number") + _range(schema)
    if kind == "string":
        return "text" + (f" of at most {schema['maxLength']} characters" if "maxLength" in schema else "")
    if kind == "array":
        items = schema.get("items", {})
        if items.get("type") == "object":
            return "an array of objects with the fields " + ", ".join(items.get("properties", {}))
        return "an array of " + {"string": "texts"}.get(items.get("type", ""), "values")
    return {"boolean": "true or false", "object": "an object"}.get(kind, "another value")


def _range(schema: dict[str, Any]) -> str:
    least, most = schema.get("minimum"), schema.get("maximum")
    if least is not None and most is not None:
        return f" from {least} to {most}"
    if least is not None:
        return f" of at least {least}"
    return "" if most is None else f" of at most {most}"
