"""What a server says of its tools, made safe to show to a model: short, without references, hidden characters or tricks.

What the server itself checks again may be left out here: a shortened schema only tells the model less.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from perdure.contracts.envelopes import Envelope, Trust, enveloped
from perdure.contracts.errors import ConfigurationError
from perdure.safety.display import escape_hidden

SCHEMA_CHARACTERS = 6_000
DESCRIPTION_CHARACTERS = 1_000
FIELD_CHARACTERS = 300
FIELDS_CHARACTERS = 3_000
MOST_FIELDS = 60
MOST_CHOICES = 50
CHOICE_CHARACTERS = 100
DEPTHS = (6, 3, 2, 1)
"""How deep a schema is told; a flatter one is tried where the deeper is too long."""
FIELD_NAME = re.compile(r"[a-zA-Z0-9_.-]{1,64}")
TYPES = frozenset({"string", "number", "integer", "boolean", "array", "object", "null"})
NUMBERS = ("minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems")


def shown_description(
    text: str | None, server: str, *, fields: Sequence[str], marker: Callable[[str], str]
) -> str:
    """The description as the model reads it, bounded, in an envelope that says whose words they are."""
    words = " ".join((text or "")[: 4 * DESCRIPTION_CHARACTERS].split())
    content = shortened(words, DESCRIPTION_CHARACTERS)
    listed = shortened("; ".join(fields), FIELDS_CHARACTERS)
    content += f"\nIts fields: {listed}" if listed else ""
    around = Envelope(marker=marker(content), origin=f"the MCP server {server!r}", trust=Trust.FOREIGN)
    return enveloped(content, around)


def taken_descriptions(schema: dict[str, Any], place: str = "") -> list[str]:
    """What the schema says in words, which is taken out of it: a line for each field that has any."""
    taken: list[str] = []
    words = schema.pop("description", "")
    if words:
        taken.append(f"{place or 'all'}: {words}")
    inner: list[tuple[str, object]] = list(schema.get("properties", {}).items())
    inner += [("[]", schema.get("items"))]
    inner += [("", each) for each in schema.get("anyOf", [])]
    for name, node in inner:
        if isinstance(node, dict):
            below = ".".join(part for part in (place, name) if part)
            taken += taken_descriptions(cast("dict[str, Any]", node), below)
    return taken


def shortened(text: str, limit: int) -> str:
    """The text with every hidden character escaped, at most so long."""
    shown = escape_hidden(text[:limit])
    return shown if len(text) <= limit and len(shown) <= limit else shown[: limit - 1] + "…"


def shown_schema(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema of a tool's arguments as the model reads it; ConfigurationError for one that cannot be told."""
    definitions = {
        f"#/{place}/{name}": definition
        for place in ("$defs", "definitions")
        if isinstance(schema.get(place), dict)
        for name, definition in schema[place].items()
    }
    for depth in DEPTHS:
        plain: dict[str, Any] = _plain(schema, definitions, depth, ())
        # Providers take nothing but an object here.
        plain = {"type": "object", "properties": {}, **_without(plain, "anyOf", "enum", "description")}
        if plain["type"] != "object":
            raise ConfigurationError("its arguments are no object.", "the server has to be mended.")
        if len(json.dumps(plain, ensure_ascii=False)) <= SCHEMA_CHARACTERS:
            return plain
    raise ConfigurationError(
        f"the description of its arguments is longer than {SCHEMA_CHARACTERS} characters even when shortened."
    )


def _plain(node: object, definitions: Mapping[str, Any], depth: int, seen: tuple[str, ...]) -> dict[str, Any]:
    """The node with what a model needs of it: references put in place, as deep as allowed; anything beyond is free."""
    if not isinstance(node, dict):
        return {}
    fields = cast("dict[str, Any]", node)
    reference = fields.get("$ref")
    if isinstance(reference, str):
        target = definitions.get(reference)
        # What refers to itself, or to elsewhere, is told no further.
        if reference in seen or not isinstance(target, dict) or len(seen) > 20:
            return _words(fields)
        own = {name: value for name, value in fields.items() if name != "$ref"}
        return _plain({**cast("dict[str, Any]", target), **own}, definitions, depth, (*seen, reference))
    plain = _words(fields)
    kind = fields.get("type")
    kinds = cast("list[object]", kind) if isinstance(kind, list) else [kind]
    if kinds and all(isinstance(each, str) and each in TYPES for each in kinds):
        plain["type"] = kind
    plain |= {name: fields[name] for name in NUMBERS if isinstance(fields.get(name), int | float)}
    choices = fields.get("enum", [fields["const"]] if "const" in fields else None)
    if isinstance(choices, list) and _are_short(cast("list[object]", choices)):
        plain["enum"] = choices
    if depth > 0:
        plain |= _inner(fields, definitions, depth - 1, seen)
    return plain


def _inner(
    fields: dict[str, Any], definitions: Mapping[str, Any], depth: int, seen: tuple[str, ...]
) -> dict[str, Any]:
    plain: dict[str, Any] = {}
    properties = fields.get("properties")
    if isinstance(properties, dict):
        plain |= _properties(
            cast("dict[str, Any]", properties), fields.get("required"), definitions, depth, seen
        )
    if isinstance(fields.get("items"), dict):
        plain["items"] = _plain(fields["items"], definitions, depth, seen)
    for name in ("anyOf", "oneOf"):
        options = fields.get(name)
        if isinstance(options, list) and 0 < len(cast("list[object]", options)) <= 10:
            plain["anyOf"] = [
                _plain(each, definitions, depth, seen) for each in cast("list[object]", options)
            ]
    return plain


def _properties(
    properties: dict[str, Any],
    required: object,
    definitions: Mapping[str, Any],
    depth: int,
    seen: tuple[str, ...],
) -> dict[str, Any]:
    needed = (
        [each for each in cast("list[object]", required) if each in properties]
        if isinstance(required, list)
        else []
    )
    # Those that are needed first, so that none of them falls to the limit.
    names = sorted(properties, key=lambda name: name not in needed)[:MOST_FIELDS]
    odd = [name for name in needed if not FIELD_NAME.fullmatch(str(name)) or name not in names]
    if odd:
        raise ConfigurationError(f"it needs a field {str(odd[0])[:60]!r}, which models cannot send.")
    kept = {
        name: _plain(properties[name], definitions, depth, seen)
        for name in names
        if FIELD_NAME.fullmatch(name)
    }
    return {"properties": kept, "required": needed} if needed else {"properties": kept}


def _words(fields: Mapping[str, Any]) -> dict[str, Any]:
    described = fields.get("description")
    words = " ".join(described[: 4 * FIELD_CHARACTERS].split()) if isinstance(described, str) else ""
    return {"description": shortened(words, FIELD_CHARACTERS)} if words else {}


def _are_short(choices: list[object]) -> bool:
    """Whether these can be shown as they are; a choice that was changed for showing could not be sent back."""
    return 0 < len(choices) <= MOST_CHOICES and all(
        each is None
        or isinstance(each, bool | int | float)
        or (isinstance(each, str) and shortened(each, CHOICE_CHARACTERS) == each)
        for each in choices
    )


def _without(schema: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in schema.items() if name not in names}
