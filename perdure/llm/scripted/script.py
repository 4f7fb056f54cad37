"""The script file: which reply answers which request. docs/scripted-models.md describes the format."""

import re
from pathlib import Path
from typing import Any, Literal, Self, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from perdure.contracts.errors import InvalidInput


class _Part(BaseModel):
    """A part of the script; an unknown field is a mistake, never ignored."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class ScriptedCall(_Part):
    """One tool call of a reply."""

    tool: str
    arguments: dict[str, Any] = Field(default_factory=dict)
    raw: str | None = None
    """The arguments' text as the model wrote it, where that is not the JSON of ``arguments``."""
    id: str = ""
    """The call's id; left out, it is made from the request."""

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if self.raw is not None and self.arguments:
            raise ValueError("give 'arguments' or 'raw', not both")
        return self


class ScriptedError(_Part):
    """An HTTP answer that is no completion. What is left out is filled in as Groq would."""

    status: int = Field(ge=200, le=599)
    code: str = ""
    type: str = ""
    message: str = ""
    retry_after: float | None = Field(default=None, ge=0)
    failed_generation: str | None = None
    body: str | None = None
    """The whole body, such as a proxy's HTML page, in place of Groq's JSON."""
    in_stream: bool = False
    """For a streaming request: status 200 first, then the error as an event."""
    times: int | None = Field(default=None, ge=1)
    """How often it fails, counted from the server's start; None: always."""


class Drop(_Part):
    """Close the connection in the middle of the answer."""

    times: int | None = Field(default=None, ge=1)


class ScriptedUsage(_Part):
    """Token counts to report; what is left out is a quarter of the characters."""

    prompt_tokens: int | None = Field(default=None, ge=0)
    completion_tokens: int | None = Field(default=None, ge=0)
    cached_tokens: int = Field(default=0, ge=0)
    reasoning_tokens: int = Field(default=0, ge=0)


class Reply(_Part):
    """One reply with the conditions under which it answers; a condition left out holds always."""

    for_: Literal["plan", "decide", "reflect", "synthesize", "assist"] | None = Field(
        default=None, alias="for"
    )
    turn: int | tuple[int, int] | None = None
    """Number of assistant messages already in the conversation, or the first and last such number."""
    last: str | None = None
    request: str | None = None
    about: str = ""
    content: str | dict[str, Any] | None = None
    reasoning: str = ""
    calls: tuple[ScriptedCall, ...] = ()
    error: ScriptedError | None = None
    drop: bool | Drop = False
    delay_ms: float = Field(default=0, ge=0)
    chunk_delay_ms: float = Field(default=0, ge=0)
    """For a streaming request: the wait before each event."""
    finish_reason: Literal["stop", "length", "tool_calls"] | None = None
    usage: ScriptedUsage = ScriptedUsage()

    @field_validator("last", "request")
    @classmethod
    def _compiles(cls, pattern: str | None) -> str | None:
        try:
            re.compile(pattern or "")
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from None
        return pattern

    @field_validator("turn")
    @classmethod
    def _in_order(cls, turn: int | tuple[int, int] | None) -> int | tuple[int, int] | None:
        first, last = turn if isinstance(turn, tuple) else (turn or 0, turn or 0)
        if not 0 <= first <= last:
            raise ValueError("turns count from 0, and a range is [first, last]")
        return turn

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.answers and self.error is None:
            raise ValueError("give 'content', 'calls' or 'error'")
        return self

    @property
    def answers(self) -> bool:
        """Whether it has an answer of its own, besides failing."""
        return self.content is not None or bool(self.calls)

    def matches(self, *, role: str, turn: int, last: str, request: str) -> bool:
        """Whether every condition holds."""
        return (
            self._is_for(role)
            and _holds(self.turn, turn)
            and (self.last is None or re.search(self.last, last, re.DOTALL) is not None)
            and (self.request is None or re.search(self.request, request, re.DOTALL) is not None)
        )

    def _is_for(self, role: str) -> bool:
        """Scripts written before the questions of tools had a role of their own answer them as decisions."""
        return self.for_ in (None, role) or (
            self.for_ == "decide" and role == "assist" and self.content is not None
        )


def _holds(wanted: int | tuple[int, int] | None, turn: int) -> bool:
    if wanted is None:
        return True
    first, last = wanted if isinstance(wanted, tuple) else (wanted, wanted)
    return first <= turn <= last


class AccountLimits(_Part):
    """The account that the server plays."""

    tokens_per_minute: int = Field(default=250_000, ge=1)
    """Also the most one request may reserve: prompt and answer together, else 413."""
    requests_per_day: int = Field(default=500_000, ge=1)


class Script(_Part):
    """A whole script."""

    v: Literal[1]
    about: str = ""
    replies: tuple[Reply, ...]
    models: tuple[str, ...] = ()
    """Ids that are served; empty: any."""
    decommissioned: tuple[str, ...] = ()
    """Ids that answer 400 ``model_decommissioned``."""
    limits: AccountLimits = AccountLimits()


def read_script(text: str | bytes, *, name: str = "the script") -> Script:
    """The script in the text; raises InvalidInput that names the reply and the field."""
    try:
        return Script.model_validate_json(text)
    except ValidationError as error:
        faults = [_fault(fault["loc"], fault["msg"]) for fault in error.errors(include_url=False)]
        raise InvalidInput(
            f"{name} is not a model script: {'; '.join(faults[:5])}.",
            "docs/scripted-models.md describes the format.",
        ) from None


def load_script(path: Path) -> Script:
    """The script in the file; raises InvalidInput that names the file, the reply and the field."""
    try:
        text = path.read_bytes()
    except OSError as error:
        raise InvalidInput(
            f"The model script {str(path)!r} cannot be read: {error.strerror}.", "name an existing file."
        ) from None
    return read_script(text, name=f"The file {str(path)!r}")


def _fault(place: tuple[int | str, ...], message: str) -> str:
    parts = [str(part) for part in place]
    if len(place) > 1 and place[0] == "replies":
        field = ".".join(parts[2:])
        where = f"reply {parts[1]} (from 0)" + (f", field {field!r}" if field else "")
    else:
        where = f"field {'.'.join(parts)!r}" if parts else "the whole file"
    return f"{where}: {message.removeprefix('Value error, ')}"


def filled_in(value: Any, turn: int, digest: str = "") -> Any:
    """The value with ``{turn}`` and ``{digest}`` replaced in every text, at any depth."""
    if isinstance(value, str):
        return value.replace("{turn}", str(turn)).replace("{digest}", digest[:12])
    if isinstance(value, dict):
        return {key: filled_in(item, turn, digest) for key, item in cast("dict[str, Any]", value).items()}
    if isinstance(value, list):
        return [filled_in(item, turn, digest) for item in cast("list[Any]", value)]
    return value
