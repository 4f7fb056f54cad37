"""One exchange with a language model, in the field's common message shape."""

from enum import StrEnum
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from perdure.contracts.envelopes import Envelope
from perdure.contracts.task import Cost


class Role(StrEnum):
    """What a model call is for; configuration maps each to a model."""

    PLAN = "plan"
    DECIDE = "decide"
    REFLECT = "reflect"
    SYNTHESIZE = "synthesize"
    ASSIST = "assist"
    """What tools ask for their calls."""


class RequestedCall(BaseModel):
    """A tool call on the wire: ``arguments`` is the raw text the model wrote."""

    model_config = ConfigDict(frozen=True)

    id: str
    name: str
    arguments: str


class Message(BaseModel):
    """One message of a conversation."""

    model_config = ConfigDict(frozen=True)

    role: Literal["system", "user", "assistant", "tool"]
    content: str = ""
    reasoning: str = ""
    calls: tuple[RequestedCall, ...] = ()
    tool_call_id: str = ""
    envelope: Envelope | None = None
    """Around the content, where nobody vouches for it; the request is sent with its lines."""


class ToolSchema(BaseModel):
    """What the model is told of one tool; ``parameters`` is a JSON schema."""

    model_config = ConfigDict(frozen=True)

    name: str
    description: str
    parameters: dict[str, Any]
    foreign: bool = False
    """Whether the words are of somebody else, such as an MCP server. Models are not told so by a field."""


class AnswerSchema(BaseModel):
    """A JSON schema that the answer must follow (strict decoding where the model can)."""

    model_config = ConfigDict(frozen=True)

    name: str
    schema_: dict[str, Any] = Field(alias="schema")


class ModelRequest(BaseModel):
    """What is asked. ``tools`` and ``answer_schema`` exclude each other (Groq refuses both in one request)."""

    model_config = ConfigDict(frozen=True)

    role: Role
    messages: tuple[Message, ...]
    tools: tuple[ToolSchema, ...] = ()
    answer_schema: AnswerSchema | None = None
    max_output_tokens: int = 4_096
    temperature: float = 0.2
    task_id: str = ""
    model: str = ""
    """The model that is asked first, before those of the role; empty: none."""


class ModelReply(BaseModel):
    """What came back. ``cost`` covers every request that was needed, corrective ones included."""

    model_config = ConfigDict(frozen=True)

    model: str
    scripted: bool
    content: str = ""
    reasoning: str = ""
    calls: tuple[RequestedCall, ...] = ()
    finish_reason: str = "stop"
    request_id: str = ""
    latency_s: float = 0.0
    cost: Cost = Cost()
    warnings: tuple[str, ...] = ()
