"""Models by role, as the steps ask for them."""

import pytest
from pydantic import BaseModel

from perdure.contracts.errors import ConfigurationError
from perdure.contracts.model import ModelRequest, Role, ToolSchema
from perdure.llm.model_settings import ModelSettings
from perdure.llm.models import Models
from perdure.llm.role_models import ANSWER_TOKENS, DEFAULT_WINDOW, SMALLEST_CONTEXT, RoleModels
from tests.llm.conftest import Connect, Serve

CHAINS = {role: (f"model-that-{role.value}s", "fallback") for role in Role}


def schema(name: str, *, words: int) -> ToolSchema:
    """A tool with this much to say."""
    return ToolSchema(name=name, description="word " * words, parameters={"type": "object"})


def role_models(settings: ModelSettings) -> RoleModels:
    """Models that are never asked."""
    return RoleModels(Models(settings), settings)


@pytest.mark.parametrize("role", list(Role))
def test_each_role_has_its_own_model(role: Role) -> None:
    models = role_models(ModelSettings(api_key="key-for-tests", models=CHAINS))
    assert models.model_for(role.value) == f"model-that-{role.value}s"
    assert not models.scripted


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        (ModelSettings(), "GROQ_API_KEY"),
        (ModelSettings(scripted=True), "GROQ_BASE_URL"),
        (ModelSettings(api_key="“typographic”"), "GROQ_API_KEY"),
        (ModelSettings(api_key="key", base_url="somewhere"), "GROQ_BASE_URL"),
    ],
)
def test_a_task_learns_before_its_first_step_that_no_model_can_be_asked(
    settings: ModelSettings, named: str
) -> None:
    with pytest.raises(ConfigurationError, match=named):
        role_models(settings).model_for("decide")


def test_a_script_needs_no_key() -> None:
    models = role_models(ModelSettings(scripted=True, base_url="http://127.0.0.1:9"))
    assert models.scripted
    assert models.model_for("plan")


def test_a_context_leaves_room_for_the_answer_and_the_tools() -> None:
    models = role_models(ModelSettings(api_key="key-for-tests"))
    whole = models.context_tokens(Role.DECIDE, ())
    assert whole == DEFAULT_WINDOW - ANSWER_TOKENS
    small, large = (schema("small", words=10),), (schema("large", words=4_000),)
    assert models.context_tokens(Role.DECIDE, small) < whole
    # Five characters a word, four a token.
    assert whole - models.context_tokens(Role.DECIDE, large) == pytest.approx(5_000, rel=0.02)
    both = models.context_tokens(Role.DECIDE, (*small, *large))
    assert whole - both == pytest.approx(
        2 * whole - models.context_tokens(Role.DECIDE, small) - models.context_tokens(Role.DECIDE, large),
        abs=1,
    )


def test_a_context_is_never_too_small_to_ask_anything() -> None:
    models = role_models(ModelSettings(api_key="key-for-tests"))
    assert models.context_tokens(Role.DECIDE, (schema("vast", words=200_000),)) == SMALLEST_CONTEXT


async def test_a_window_that_the_server_named_is_kept(serve: Serve, connect: Connect) -> None:
    server = await serve({"content": "Yes."})
    models = connect(server, models=dict.fromkeys(Role, ("openai/gpt-oss-20b",)))
    await models.check()
    limit = models.token_limit("openai/gpt-oss-20b")
    assert limit
    asked = RoleModels(models, ModelSettings(api_key="key-for-tests", base_url=server.url))
    assert asked.context_tokens(Role.PLAN, ()) == max(limit - ANSWER_TOKENS, SMALLEST_CONTEXT)


class Plan(BaseModel):
    """A plan of one word."""

    goal: str


async def test_asks_freely_and_for_a_shape(serve: Serve, connect: Connect, ask: ModelRequest) -> None:
    server = await serve(
        {"for": "decide", "content": "I look first."}, {"for": "plan", "content": {"goal": "Round."}}
    )
    models = RoleModels(connect(server), ModelSettings(scripted=True, base_url=server.url))
    assert (await models.complete(ask)).content == "I look first."
    plan, reply = await models.structured(ask.model_copy(update={"role": Role.PLAN}), Plan)
    assert plan == Plan(goal="Round.")
    assert reply.scripted
