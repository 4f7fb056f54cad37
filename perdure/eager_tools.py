"""The tools that a task is offered from its beginning, as the settings say. Entry points alone import it."""

from collections.abc import Collection

from activities.decide import OffersTools
from activities.offered_tools import offered_names
from perdure.contracts.calls import Author, Effect, Verdict
from perdure.contracts.errors import ConfigurationError
from perdure.contracts.judging import CallFacts, Standing
from perdure.contracts.model import ToolSchema
from perdure.contracts.names import MOST_OFFERED_TOOLS
from perdure.contracts.task import Mode, Safety
from perdure.safety.policy import Policy
from perdure.settings import Settings, variable_of
from tools.registry import Registry


def eager_tools_of(settings: Settings, known: Collection[str]) -> dict[Mode, tuple[str, ...]]:
    """The names by mode; ConfigurationError for names that are no tools, and for too many of them."""
    eager = {
        Mode.CHANGE: settings.eager_tools_change,
        Mode.PLAN: settings.eager_tools_plan,
        Mode.ANSWER: settings.eager_tools_answer,
    }
    for mode, names in eager.items():
        variable = variable_of(f"eager_tools_{mode.value}")
        unknown = [name for name in names if name not in known]
        if unknown:
            raise ConfigurationError(
                f"{variable} names {unknown[0]!r}, which is no tool.",
                "run `python -m tools list` to see what there is.",
            )
        if len(names) > MOST_OFFERED_TOOLS:
            raise ConfigurationError(
                f"{variable} names {len(names)} tools; a model is offered at most {MOST_OFFERED_TOOLS} at once.",
                "leave some out: the model finds the others by find_tools.",
            )
    return eager


def tools_offered(settings: Settings, registry: Registry, policy: Policy) -> OffersTools:
    """Gives the schemas of what a task may use of the eager tools and of those that it found since."""
    eager = eager_tools_of(settings, registry.names)

    def offered(mode: Mode, safety: Safety, loaded: tuple[str, ...]) -> tuple[ToolSchema, ...]:
        standing = Standing(mode=mode, safety=safety, author=Author.MODEL)
        verdicts = {each: policy.judge(CallFacts("", each, standing)).verdict for each in Effect}
        return registry.schemas(
            denied=[effect for effect, verdict in verdicts.items() if verdict is Verdict.DENY],
            names=("find_tools", *offered_names(eager[mode], loaded)),
        )

    return offered
