"""Makes tools of what a server offers."""

import copy
import json
import re
from collections.abc import Sequence
from hashlib import sha256
from typing import Any, cast
from urllib.parse import urlsplit

from mcp_types import Tool as Offered
from pydantic import BaseModel, ConfigDict, model_validator

from perdure.contracts.digests import digest_of
from perdure.contracts.errors import ConfigurationError
from perdure.contracts.judging import Named
from perdure.contracts.names import MCP_CATEGORY
from perdure.safety.display import fenced_and_left_out, inline_code
from tools.json_schemas import expected
from tools.mcp_servers.calling import Caller
from tools.mcp_servers.connection import START_S, Connection
from tools.mcp_servers.known_tools import KnownTools
from tools.mcp_servers.schemas import shown_description, shown_schema, taken_descriptions
from tools.titles import one_line
from tools.tool_schemas import OUTPUT_CHARACTERS, Preview, Tool, ToolContext, ToolOutput, Touches

NAME_CHARACTERS = 64
KINDS: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "array": list,
    "object": dict,
    "null": type(None),
}


class ServerArguments(BaseModel):
    """Whatever the server's schema asks for. What it says only deeper down is checked by the server alone."""

    model_config = ConfigDict(frozen=True, extra="allow")


def tool_name(server: str, tool: str) -> str:
    """``<server>__<tool>`` as models' providers take it; a name that had to be changed ends with a digest of it."""
    plain = f"{server}__{re.sub(r'[^a-zA-Z0-9_-]', '_', tool)}"
    if plain == f"{server}__{tool}" and len(plain) <= NAME_CHARACTERS:
        return plain
    return f"{plain[: NAME_CHARACTERS - 9]}_{sha256(tool.encode('utf-8', 'replace')).hexdigest()[:8]}"


def tools_of(
    connection: Connection, offered: Sequence[Offered], known: KnownTools
) -> tuple[list[Tool[Any]], list[str]]:
    """The server's tools, and a sentence for each that is left out, such as one that was described otherwise before."""
    made: list[Tool[Any]] = []
    problems: list[str] = []
    for each in offered:
        try:
            one = _tool(connection, each, known)
            known.check(connection.name, each)
            made.append(one)
        except (ConfigurationError, RecursionError) as error:
            shown = one_line(each.name, 60)
            problems.append(f"The tool {shown!r} of the MCP server {connection.name!r} is left out: {error}")
    return made, problems


def _tool(connection: Connection, offered: Offered, known: KnownTools) -> Tool[Any]:
    name = tool_name(connection.name, offered.name)
    effect = connection.settings.effect_of(offered.name)
    caller = Caller(connection, offered, effect, name)
    limit_s = connection.settings.timeout_s + 3 * START_S
    host = urlsplit(connection.settings.url).hostname
    hosts = (host,) if host else ()

    def title_of(given: ServerArguments) -> str:
        return f"{name} {json.dumps(_sent(given), ensure_ascii=False)}"

    async def run(given: ServerArguments, context: ToolContext) -> ToolOutput:
        return await caller.call(_sent(given), context)

    async def preview(given: ServerArguments, context: ToolContext) -> Preview:
        return _preview(connection, offered, given, title_of(given))

    return Tool(
        name=name,
        category=MCP_CATEGORY,
        arguments=_arguments_of(offered, connection.name, known),
        effects=(effect,),
        effect_of=lambda _: effect,
        timeout_s=limit_s,
        timeout_of=lambda _: limit_s,
        output_limit=OUTPUT_CHARACTERS,
        title_of=title_of,
        touches_of=lambda _: Touches(),
        named_of=lambda _: Named(hosts=hosts),
        run=run,
        preview_of=preview,
        ahead_of=lambda _: False,
    )


def _sent(given: ServerArguments) -> dict[str, Any]:
    return given.model_dump(mode="json")


def _preview(connection: Connection, offered: Offered, given: ServerArguments, title: str) -> Preview:
    settings = connection.settings
    # No more of the address than its host, and no arguments of the program: both may hold secrets.
    place = settings.command or re.sub(r"^(https?://)(?:[^/@]*@)?([^/?#]*).*$", r"\1\2", settings.url)
    sent = json.dumps(_sent(given), ensure_ascii=False, indent=2)
    shown, left_out = fenced_and_left_out(sent, 3_000, language="json")
    markdown = "\n".join(
        [
            f"Calls {inline_code(offered.name, 200)} of the MCP server {inline_code(connection.name, 80)} "
            f"({inline_code(place, 200)}), which runs outside of the sandbox, with:",
            shown,
            "What it does, here or elsewhere, is known to the server alone, and no checkpoint takes it back.",
        ]
    )
    # A server that offers something else under the same name was not looked at.
    offer = digest_of({"v": 1, "description": offered.description, "schema": offered.input_schema})
    facts = {"server": connection.name, "tool": offered.name, "at": place, "offer": offer}
    return Preview(title=one_line(title), markdown=markdown, facts=facts, left_out=left_out)


def _arguments_of(offered: Offered, server: str, known: KnownTools) -> type[ServerArguments]:
    """A model of the arguments whose schema is what the model reads, and which checks as much as is sure."""
    schema = shown_schema(offered.input_schema)
    # What the server says of its fields stands with the rest of its words, in one envelope.
    described = taken_descriptions(schema)
    closed = offered.input_schema.get("additionalProperties") is False

    class Given(ServerArguments):
        @model_validator(mode="before")
        @classmethod
        def check(cls, given: object) -> object:
            return _checked(given, schema, closed=closed)

        @classmethod
        def model_json_schema(cls, *arguments: Any, **options: Any) -> dict[str, Any]:
            return copy.deepcopy(schema)

    Given.__doc__ = shown_description(
        offered.description or offered.title, server, fields=described, marker=known.marker
    )
    return Given


def _checked(given: object, schema: dict[str, Any], *, closed: bool) -> object:
    if not isinstance(given, dict):
        return given
    fields = cast("dict[str, Any]", given)
    properties: dict[str, Any] = schema["properties"]
    required: list[str] = schema.get("required", [])
    # Models write null for a field they mean to leave out.
    kept = {
        name: value
        for name, value in fields.items()
        if not (
            value is None
            and name in properties
            and name not in required
            and not _fits(value, properties[name])
        )
    }
    wrong = [
        f"{name!r} is missing; expected {expected(properties[name])}" for name in required if name not in kept
    ]
    wrong += [f"{name!r} is no field of it" for name in kept if closed and name not in properties]
    wrong += [
        f"{name!r} is of another kind; expected {expected(properties[name])}"
        for name, value in kept.items()
        if name in properties and not _fits(value, properties[name])
    ]
    if wrong:
        fields_there = ", ".join(properties) or "none"
        raise ValueError(f"{'; '.join(wrong[:10])}; the fields are: {fields_there}.")
    return kept


def _fits(value: object, schema: dict[str, Any]) -> bool:
    """Whether the value's kind is one that the schema names; unknown kinds fit."""
    named = schema.get("type")
    kinds = [named] if isinstance(named, str) else cast("list[str]", named or [])
    if not kinds:
        return True
    if isinstance(value, bool):
        return "boolean" in kinds
    return any(isinstance(value, KINDS[kind]) for kind in kinds)
