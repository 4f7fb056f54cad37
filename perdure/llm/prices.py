"""What a model call costs: published prices, the installation's own, and "unknown" kept apart from zero."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

_PROVIDER = "groq"
_MILLION = 1_000_000


@dataclass(frozen=True)
class Price:
    """US dollars for a million tokens."""

    input: float
    output: float
    cached: float | None = None
    """For input tokens read from the provider's prompt cache; None: the same as ``input``."""

    def usd(self, *, input_tokens: int, cached_tokens: int, output_tokens: int) -> float:
        """Price of one call; ``cached_tokens`` are part of ``input_tokens``."""
        cached = min(cached_tokens, input_tokens)
        rate = self.input if self.cached is None else self.cached
        total = (input_tokens - cached) * self.input + cached * rate + output_tokens * self.output
        return total / _MILLION


class Prices:
    """Price by model id. The published list is loaded once, when the first unknown id is asked for."""

    def __init__(self, own: Mapping[str, Price] | None = None) -> None:
        self._known: dict[str, Price | None] = dict(own or {})

    async def of(self, model: str) -> Price | None:
        """The model's price, or None where nobody publishes one."""
        if model not in self._known:
            # Loading the list takes most of a second of work, which must not hold up the event loop.
            self._known[model] = await asyncio.to_thread(_published, model)
        return self._known[model]


def _published(model: str) -> Price | None:
    # The list costs 0.6 s and some memory; programs that never pay for a model do without.
    from genai_prices import Usage, calc_price

    def rate(usage: Usage) -> float:
        return float(calc_price(usage, model, provider_id=_PROVIDER).total_price)

    try:
        return Price(
            input=rate(Usage(input_tokens=_MILLION)),
            output=rate(Usage(output_tokens=_MILLION)),
            cached=rate(Usage(input_tokens=_MILLION, cache_read_tokens=_MILLION)),
        )
    except LookupError:
        return None
