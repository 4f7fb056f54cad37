"""What a tool that a person runs may ask a model: whatever the environment's key and address lead to."""

import contextlib
from collections.abc import AsyncGenerator, Mapping
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from perdure.contracts.errors import (
    ConfigurationError,
    ContextTooLarge,
    ModelFault,
    ModelUnavailable,
    ToolRejected,
)
from perdure.contracts.model import Message, ModelRequest, Role
from perdure.contracts.task import Cost
from perdure.llm.catalogue import DEFAULT_MODELS
from perdure.llm.model_settings import ModelSettings
from perdure.llm.models import Models
from perdure.llm.role_models import RoleModels
from perdure.llm.scripted.server import ScriptedServer

Answered = TypeVar("Answered", bound=BaseModel)


class AskedByHand:
    """Asks without a store: nothing is asked again, because nothing is tried again."""

    def __init__(self, models: RoleModels) -> None:
        self._models = models
        self.cost = Cost()

    @property
    def room_characters(self) -> int:
        """How long a question may be."""
        return self._models.context_tokens(Role.ASSIST, ()) * 4

    async def __call__(self, *, instructions: str, material: str, answer: type[Answered]) -> Answered:
        """The answer; ToolRejected where none can be had."""
        messages = (Message(role="system", content=instructions), Message(role="user", content=material))
        request = ModelRequest(role=Role.ASSIST, messages=messages, temperature=0.0)
        try:
            given, reply = await self._models.structured(request, answer)
        except (ModelFault, ConfigurationError, ContextTooLarge, ModelUnavailable) as error:
            raise ToolRejected(f"The model gave no answer: {error.message}", error.hint) from error
        self.cost = self.cost.plus(reply.cost)
        return given


@contextlib.asynccontextmanager
async def models_by_hand(environment: Mapping[str, str]) -> AsyncGenerator[AskedByHand | None]:
    """The models that GROQ_API_KEY opens, else what PERDURE_MODEL_SCRIPT answers; None where neither is set."""
    key = environment.get("GROQ_API_KEY", "").strip()
    script = environment.get("PERDURE_MODEL_SCRIPT", "").strip()
    if not key and not script:
        yield None
        return
    async with contextlib.AsyncExitStack() as closing:
        url = environment.get("GROQ_BASE_URL") or None
        if not key and url is None:
            server = await ScriptedServer().start(Path(script).expanduser())
            closing.push_async_callback(server.stop)
            url = server.url
        models, settings = _models(environment, key, url)
        closing.push_async_callback(models.close)
        yield AskedByHand(RoleModels(models, settings))


def _models(environment: Mapping[str, str], key: str, url: str | None) -> tuple[Models, ModelSettings]:
    named = [part.strip() for part in environment.get("PERDURE_MODEL_ASSIST", "").split(",") if part.strip()]
    settings = ModelSettings(
        api_key=key or None,
        base_url=url,
        scripted=not key,
        models={**DEFAULT_MODELS, **({Role.ASSIST: tuple(named)} if named else {})},
    )
    return Models(settings), settings
