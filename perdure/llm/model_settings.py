"""What the room needs to know of the installation."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from perdure.contracts.errors import ConfigurationError
from perdure.contracts.model import Role
from perdure.llm.catalogue import DEFAULT_MODELS, DEFAULT_REASONING_EFFORT
from perdure.llm.prices import Price

GROQ_URL = "https://api.groq.com"


@dataclass(frozen=True)
class ModelSettings:
    """Which models answer, where, and at what price. Handed in by the entry point; nothing here reads the environment."""

    api_key: str | None = field(default=None, repr=False)
    base_url: str | None = None
    """Host root, without ``/openai/v1``; None means Groq's own."""
    models: Mapping[Role, tuple[str, ...]] = field(default_factory=lambda: DEFAULT_MODELS)
    """For each role the model and its fallbacks, best first."""
    timeout_s: float = 120.0
    """For one request, from the first byte sent to the last byte read."""
    prices: Mapping[str, Price] = field(default_factory=dict[str, Price])
    """Prices that replace or complete the published ones."""
    reasoning_effort: Mapping[Role, str] = field(default_factory=lambda: DEFAULT_REASONING_EFFORT)
    scripted: bool = False
    """True when ``base_url`` is a scripted model server: nothing it answers counts as a language model's."""

    def root_url(self) -> str:
        """The host root to talk to; raises ConfigurationError for a URL that cannot be one."""
        if self.base_url is None:
            if self.scripted:
                raise ConfigurationError(
                    "Scripted models are switched on, but GROQ_BASE_URL names no scripted model server.",
                    "set PERDURE_MODEL_SCRIPT, or start `python -m perdure.llm.scripted --script FILE` and set GROQ_BASE_URL "
                    "to the address it prints.",
                )
            return GROQ_URL
        root = self.base_url.strip().rstrip("/")
        # The SDK adds /openai/v1 itself, and other SDKs expect it in the setting: doubled it can only be a 404.
        root = root.removesuffix("/openai/v1")
        parts = urlsplit(root)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ConfigurationError(
                f"GROQ_BASE_URL {self.base_url!r} is not the root of an HTTP server.",
                f"set it to something like {GROQ_URL!r}, or leave it out.",
            )
        return root

    def key(self) -> str:
        """The API key; raises ConfigurationError where neither a key nor a scripted server is configured."""
        key = (self.api_key or "").strip()
        if key and not (key.isascii() and key.isprintable() and " " not in key):
            # It travels in a header; the library's own error for this would show the key.
            raise ConfigurationError(
                "GROQ_API_KEY holds characters that no key has, such as blanks or typographic quotes.",
                "copy the key again, without quotes around it.",
            )
        if key:
            return key
        if self.scripted:
            return "scripted"
        raise ConfigurationError(
            "No model can be asked: neither GROQ_API_KEY nor PERDURE_MODEL_SCRIPT is set.",
            "set GROQ_API_KEY to a key from console.groq.com, or PERDURE_MODEL_SCRIPT to a script file "
            "(docs/scripted-models.md) to run without a language model.",
        )
