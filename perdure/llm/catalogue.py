"""What is known of models by name: which ids are gone and what took their place, and which parameters each takes."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from perdure.contracts.model import Role

DEFAULT_MODELS: Mapping[Role, tuple[str, ...]] = MappingProxyType(
    dict.fromkeys(Role, ("openai/gpt-oss-120b", "openai/gpt-oss-20b"))
)
"""Model and fallback of each role where the installation names none; checked against the served ids at start."""

DEFAULT_REASONING_EFFORT: Mapping[Role, str] = MappingProxyType(
    {
        Role.PLAN: "medium",
        Role.DECIDE: "medium",
        Role.REFLECT: "low",
        Role.SYNTHESIZE: "low",
        Role.ASSIST: "medium",
    }
)

REPLACEMENTS: Mapping[str, str] = MappingProxyType(
    {
        "groq/compound": "openai/gpt-oss-120b",
        "groq/compound-mini": "openai/gpt-oss-20b",
        "llama-3.1-70b-versatile": "openai/gpt-oss-120b",
        "llama-3.1-8b-instant": "openai/gpt-oss-20b",
        "llama-3.3-70b-versatile": "openai/gpt-oss-120b",
        "meta-llama/llama-4-maverick-17b-128e-instruct": "openai/gpt-oss-120b",
        "meta-llama/llama-4-scout-17b-16e-instruct": "openai/gpt-oss-120b",
        "mixtral-8x7b-32768": "openai/gpt-oss-120b",
        "moonshotai/kimi-k2-instruct": "openai/gpt-oss-120b",
        "moonshotai/kimi-k2-instruct-0905": "openai/gpt-oss-120b",
        "qwen/qwen3-32b": "openai/gpt-oss-120b",
    }
)
"""Ids that Groq shut down → what answers in their place."""


@dataclass(frozen=True)
class Abilities:
    """What a model's requests may carry."""

    strict_answers: bool = False
    """Whether it decodes a JSON schema strictly; the others follow it as well as they can."""
    efforts: frozenset[str] = frozenset()
    """Values it takes for ``reasoning_effort``; none means the parameter is left out."""
    reasons: bool = False
    """Whether earlier reasoning is sent back to it."""
    parallel_calls: bool = True
    """Whether it can ask for several tools in one answer."""
    reasoning_format: str = ""
    """Value for ``reasoning_format``, where one is needed to get the reasoning apart from the content."""


_UNKNOWN = Abilities()
_BY_PREFIX: tuple[tuple[str, Abilities], ...] = (
    (
        "openai/gpt-oss-",
        Abilities(
            strict_answers=True,
            efforts=frozenset({"low", "medium", "high"}),
            reasons=True,
            parallel_calls=False,
        ),
    ),
    (
        "qwen/qwen3.8",
        Abilities(
            efforts=frozenset({"none", "default", "low", "medium", "high"}),
            reasons=True,
            reasoning_format="parsed",
        ),
    ),
    ("qwen/", Abilities(efforts=frozenset({"none", "default"}), reasons=True, reasoning_format="parsed")),
)


def abilities_of(model: str) -> Abilities:
    """What is known of the model; an unknown one gets the parameters that every model takes."""
    return next((abilities for prefix, abilities in _BY_PREFIX if model.startswith(prefix)), _UNKNOWN)
