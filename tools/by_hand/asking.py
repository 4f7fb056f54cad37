"""What a tool that a person runs may ask a model: whatever the environment's key and address lead to."""

import contextlib
from collections.abc import AsyncGenerator, Mapping
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
    """The models that GROQ_API_KEY opens; None without a key."""
    key = environment.get("GROQ_API_KEY", "").strip()
    if not key:
        yield None
        return
    named = [part.strip() for part in environment.get("PERDURE_MODEL_ASSIST", "").split(",") if part.strip()]
    settings = ModelSettings(
        api_key=key,
        base_url=environment.get("GROQ_BASE_URL") or None,
        models={**DEFAULT_MODELS, **({Role.ASSIST: tuple(named)} if named else {})},
    )
    models = Models(settings)
    try:
        yield AskedByHand(RoleModels(models, settings))
    finally:
        await models.close()
