"""Which MCP servers there are: a JSON file that the operator wrote."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self, cast

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from perdure.contracts.calls import Effect
from perdure.contracts.errors import ConfigurationError

SERVER_NAME = TypeAdapter(Annotated[str, Field(pattern=r"^[a-zA-Z0-9][a-zA-Z0-9-]{0,23}$")])
EVERY_TOOL = "*"
MOST_BYTES = 1024 * 1024


class ServerSettings(BaseModel):
    """One server: a program that is started, or the address of one that runs."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: Literal["stdio", "http", "streamable-http", "streamableHttp", ""] = ""
    """As other programs write it; what is meant follows from ``command`` or ``url``."""
    command: str = ""
    args: tuple[str, ...] = ()
    env: dict[str, str] = {}
    cwd: Path | None = None
    url: str = Field(default="", pattern=r"^(https?://.+)?$")
    headers: dict[str, str] = {}
    disabled: bool = False
    timeout_s: float = Field(default=60.0, gt=0, le=600)
    """The longest a call may take."""
    memory_mb: int = Field(default=4096, ge=64, le=1_048_576)
    """What a program and all that it starts may hold at one time, in MiB; one that holds more is ended."""
    effects: dict[str, Literal[Effect.READ, Effect.NETWORK, Effect.PUBLISH]] = {}
    """What a tool may change, by its name at the server or ``*`` for all others; ``network`` where nothing is said."""

    @model_validator(mode="after")
    def _is_one_of_both(self) -> Self:
        if bool(self.command) == bool(self.url):
            raise ValueError("a server has either a command or a url")
        return self

    def effect_of(self, tool: str) -> Effect:
        """What the operator says that the tool may change; nothing that the server says of itself counts."""
        return self.effects.get(tool, self.effects.get(EVERY_TOOL, Effect.NETWORK))


def read_servers(file: Path | None) -> tuple[dict[str, ServerSettings], list[str]]:
    """The servers by name, and a sentence for each that is left out. No file: no servers.

    ConfigurationError where the file as a whole cannot be read.
    """
    if file is None:
        return {}, []
    found: dict[str, ServerSettings] = {}
    problems: list[str] = []
    for name, entry in _entries(file).items():
        try:
            one = ServerSettings.model_validate(entry)
            SERVER_NAME.validate_python(name)
        except ValidationError as error:
            # Never the value: it may be a secret.
            first = error.errors(include_url=False, include_input=False)[0]
            place = ".".join(map(str, first["loc"])) or "its entry"
            why = first["msg"].removeprefix("Value error, ")
            problems.append(f"The MCP server {name[:60]!r} is left out, because of {place}: {why}.")
        else:
            if not one.disabled:
                found[name] = one
    return found, problems


def _entries(file: Path) -> Mapping[str, Any]:
    hint = 'it is a JSON object of the form {"mcpServers": {"name": {"command": "…"}}}; see docs/tools.md.'
    try:
        with file.open("rb") as opened:
            written: object = json.loads(opened.read(MOST_BYTES))
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigurationError(
            f"The file of MCP servers {str(file)!r} cannot be used: {error}.", hint
        ) from error
    entries: object = (
        cast("dict[str, object]", written).get("mcpServers") if isinstance(written, dict) else None
    )
    if not isinstance(entries, dict):
        raise ConfigurationError(f"The file of MCP servers {str(file)!r} holds no object 'mcpServers'.", hint)
    return cast("dict[str, Any]", entries)
