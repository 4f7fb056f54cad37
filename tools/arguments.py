"""Checks the arguments a model sent and says, field by field, what is wrong with them."""

import json
from collections.abc import Mapping
from typing import Any, TypeVar, cast

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from perdure.contracts.errors import ToolRejected
from tools.json_schemas import expected, parameters_of

A = TypeVar("A", bound=BaseModel)
SHOWN_CHARACTERS = 80


def checked(tool: str, arguments: type[A], given: Mapping[str, Any]) -> A:
    """The arguments as the tool's model; ToolRejected names each bad field and what is expected of it."""
    # Models write null for a field they mean to leave out.
    optional = {name for name, field in arguments.model_fields.items() if not field.is_required()}
    kept = {name: value for name, value in given.items() if not (value is None and name in optional)}
    try:
        return arguments.model_validate(kept)
    except ValidationError as error:
        schema = parameters_of(arguments)
        lines = [f"- {_complaint(problem, schema)}" for problem in error.errors(include_url=False)[:10]]
        raise ToolRejected(
            f"{tool!r} was not run, because its arguments are wrong:\n" + "\n".join(lines) + "\n",
            f"Call {tool!r} again with these fields mended; all other fields can stay as they were.",
        ) from error


def _complaint(problem: ErrorDetails, schema: dict[str, Any]) -> str:
    place = problem["loc"]
    name = repr(".".join(str(part) for part in place) or "arguments")
    around = _schema_at(schema, place[:-1])
    if problem["type"] == "extra_forbidden":
        return f"{name} is no field of it; the fields are: {', '.join(around.get('properties', {}))}."
    wanted = expected(_schema_at(schema, place))
    if problem["type"] == "missing":
        described = str(_schema_at(schema, place).get("description", "")).rstrip(".")
        return f"{name} is missing; expected {wanted}" + (f": {described}." if described else ".")
    if problem["type"] == "value_error":
        return f"{name}: {problem['msg'].removeprefix('Value error, ')}"
    if _is_quoted_json(problem["input"], wanted):
        return f"{name} is JSON inside a text; expected {wanted}, sent as JSON itself and not as a text."
    return f"{name} is {_shown(problem['input'])}; expected {wanted}."


def _schema_at(schema: dict[str, Any], place: tuple[int | str, ...]) -> dict[str, Any]:
    for part in place:
        inner = (
            schema.get("items", {}) if isinstance(part, int) else schema.get("properties", {}).get(part, {})
        )
        schema = cast("dict[str, Any]", inner)
    return schema


def _is_quoted_json(value: object, wanted: str) -> bool:
    if not isinstance(value, str) or wanted == "text" or len(value) > 1_000_000:
        return False
    try:
        inner: object = json.loads(value)
    except (ValueError, RecursionError):
        return False
    return isinstance(inner, list | dict)


def _shown(value: object) -> str:
    # Not repr of the whole: an integer of thousands of digits takes long to print and Python refuses to.
    if isinstance(value, int) and value.bit_length() > 64:
        return "a number that is too large"
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    shown = repr(text) if isinstance(value, str) else text
    return shown if len(shown) <= SHOWN_CHARACTERS else shown[:SHOWN_CHARACTERS] + "…"
