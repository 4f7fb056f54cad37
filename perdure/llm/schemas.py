"""JSON schemas as strict decoding takes them."""

from dataclasses import dataclass
from typing import Any, cast

from pydantic import BaseModel

from perdure.contracts.errors import InvalidInput

_KEPT = frozenset({"type", "description", "enum", "properties", "items", "anyOf"})


def strict_schema(model: type[BaseModel]) -> dict[str, Any]:
    """The model's schema with every property required, no others allowed, no references and no other keyword.

    What the schema drops (lengths, patterns, ranges, defaults) pydantic still checks in the answer. Raises InvalidInput
    for a model that such a schema cannot describe: open maps, tuples of fixed length, models that contain themselves.
    """
    whole = model.model_json_schema()
    strict = _Strictness(model.__name__, cast("dict[str, Any]", whole.get("$defs", {}))).of(whole, ())
    if strict.get("type") != "object":
        raise InvalidInput(
            f"The model {model.__name__!r} is no object.", "wrap it in a model with one field."
        )
    return strict


@dataclass(frozen=True)
class _Strictness:
    """Rewrites the parts of one model's schema."""

    name: str
    definitions: dict[str, Any]
    opened: tuple[str, ...] = ()
    """Definitions around this part, to see one that contains itself."""

    def of(self, schema: dict[str, Any], place: tuple[str, ...]) -> dict[str, Any]:
        """The part without what strict decoding does not know."""
        if "$ref" in schema:
            return self._behind(schema, place)
        found = {key: value for key, value in schema.items() if key in _KEPT}
        if "const" in schema:
            found["enum"] = [schema["const"]]
        if "prefixItems" in schema:
            raise self._cannot(place, "a tuple of fixed length", "use a model with named fields, or a list")
        options = cast("list[dict[str, Any]]", schema.get("anyOf") or schema.get("oneOf") or [])
        if options:
            found["anyOf"] = [self.of(option, place) for option in options]
        if found.get("type") == "array":
            found["items"] = self.of(found.get("items", {}), (*place, "items"))
        if found.get("type") == "object":
            return self._object(found, schema, place)
        if not found.keys() & {"type", "anyOf", "enum"}:
            raise self._cannot(place, "a value of any type", "give the field a type")
        return found

    def _object(
        self, found: dict[str, Any], schema: dict[str, Any], place: tuple[str, ...]
    ) -> dict[str, Any]:
        if "properties" not in found or schema.get("additionalProperties"):
            raise self._cannot(place, "an open map", "use a list of models with a key and a value")
        properties = cast("dict[str, dict[str, Any]]", found["properties"])
        found["properties"] = {name: self.of(part, (*place, name)) for name, part in properties.items()}
        return {**found, "required": list(properties), "additionalProperties": False}

    def _behind(self, schema: dict[str, Any], place: tuple[str, ...]) -> dict[str, Any]:
        """The definition in place of the reference; a description beside the reference wins over its own."""
        name = str(schema["$ref"]).rsplit("/", 1)[-1]
        if name in self.opened:
            raise self._cannot(place, "a model that contains itself", "give it a fixed depth")
        inside = _Strictness(self.name, self.definitions, (*self.opened, name))
        found = inside.of(self.definitions[name], place)
        return {**found, "description": schema["description"]} if "description" in schema else found

    def _cannot(self, place: tuple[str, ...], what: str, hint: str) -> InvalidInput:
        where = ".".join((self.name, *place))
        return InvalidInput(f"Strict decoding cannot follow {where!r}: it is {what}.", f"{hint}.")
