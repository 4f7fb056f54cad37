"""Model access by role, as the steps of a task ask for it."""

import json
import math
from typing import TypeVar

from pydantic import BaseModel

from perdure.contracts.errors import ConfigurationError, ModelFault
from perdure.contracts.model import ModelReply, ModelRequest, Role, ToolSchema
from perdure.llm.model_settings import ModelSettings
from perdure.llm.models import Models
from perdure.llm.structured import ask_structured
from perdure.safety.secrets import Screens, holds_marker

Answered = TypeVar("Answered", bound=BaseModel)

ANSWER_TOKENS = 4_096
DEFAULT_WINDOW = 131_072
SMALLEST_CONTEXT = 1_024


class RoleModels:
    """The models of an installation; says at once when none can be asked."""

    def __init__(self, models: Models, settings: ModelSettings, screens: Screens | None = None) -> None:
        self._models = models
        self._screens = screens or Screens()
        self._settings = settings
        self._schema_tokens: dict[tuple[str, ...], int] = {}

    @property
    def scripted(self) -> bool:
        """Whether a script answers."""
        return self._models.scripted

    @property
    def can_be_asked(self) -> bool:
        """Whether there is a key or a script, and an address."""
        try:
            self._settings.key()
            self._settings.root_url()
        except ConfigurationError:
            return False
        return True

    def model_for(self, role: str) -> str:
        """The role's model; ConfigurationError names the variable where no model can be asked at all."""
        self._settings.key()
        self._settings.root_url()
        return self._models.model_for(Role(role))

    def context_tokens(self, role: Role, tools: tuple[ToolSchema, ...], *, model: str = "") -> int:
        """What the account or the model allows, less the answer and the tools' schemas, by estimate."""
        limit = self._models.token_limit(model or self._models.model_for(role)) or DEFAULT_WINDOW
        return max(limit - ANSWER_TOKENS - self._tokens_of(tools), SMALLEST_CONTEXT)

    def _tokens_of(self, tools: tuple[ToolSchema, ...]) -> int:
        names = tuple(tool.name for tool in tools)
        if names not in self._schema_tokens:
            characters = sum(len(json.dumps(tool.model_dump(mode="json"))) for tool in tools)
            self._schema_tokens[names] = math.ceil(characters / 4)
        return self._schema_tokens[names]

    async def complete(self, request: ModelRequest) -> ModelReply:
        """One free answer."""
        reply = await self._models.complete(request)
        # The arguments of its calls stay as they are: what is written must be what the model wrote.
        screen = self._screens.of(request.task_id)
        said = {"content": screen.text(reply.content), "reasoning": screen.text(reply.reasoning)}
        return reply.model_copy(update=said)

    async def structured(self, request: ModelRequest, answer: type[Answered]) -> tuple[Answered, ModelReply]:
        """One answer of the given shape."""
        given, reply = await ask_structured(self._models, request, answer)
        if request.role is Role.ASSIST:
            # A tool writes it, so it stays as it is; its question held no credential that it could repeat.
            if holds_marker(given.model_dump_json()):
                raise ModelFault(
                    "The answer repeats a mark that stands for a credential, which a file must not hold."
                )
            return given, reply
        return self._screens.of(request.task_id).model(given), reply
