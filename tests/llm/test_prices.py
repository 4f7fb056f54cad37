"""Prices: published, the installation's own, and unknown ones, which are never zero."""

import asyncio

import pytest

from perdure.contracts.model import ModelRequest, Role
from perdure.contracts.task import Cost
from perdure.llm.catalogue import DEFAULT_MODELS
from perdure.llm.model_settings import ModelSettings
from perdure.llm.models import Models
from perdure.llm.prices import Price, Prices
from tests.llm.conftest import Unlabelled

_LARGE = "openai/gpt-oss-120b"


async def test_every_default_model_has_a_published_price() -> None:
    prices = Prices()
    for model in {model for chain in DEFAULT_MODELS.values() for model in chain}:
        price = await prices.of(model)
        assert price is not None
        assert price.cached is not None
        assert 0 < price.cached < price.input < price.output


async def test_the_installations_own_price_wins() -> None:
    own = Price(input=9.0, output=10.0)
    assert await Prices({_LARGE: own}).of(_LARGE) is own


async def test_an_unknown_model_has_no_price() -> None:
    assert await Prices().of("nobody/has-heard-of-it") is None


async def test_a_price_is_looked_up_once_without_holding_up_the_loop() -> None:
    prices = Prices()
    await prices.of(_LARGE)
    loop = asyncio.get_running_loop()
    started = loop.time()
    for _ in range(1_000):
        await prices.of(_LARGE)
    assert loop.time() - started < 0.5


def test_cached_tokens_are_part_of_the_input() -> None:
    price = Price(input=1.0, output=4.0, cached=0.5)
    usd = price.usd(input_tokens=1_000_000, cached_tokens=400_000, output_tokens=500_000)
    assert usd == pytest.approx(0.6 + 0.2 + 2.0)


def test_without_a_cached_rate_cached_tokens_cost_the_same() -> None:
    assert (
        Price(input=2.0, output=0.0).usd(input_tokens=500_000, cached_tokens=500_000, output_tokens=0) == 1.0
    )


def test_more_cached_than_input_tokens_never_give_money_back() -> None:
    assert (
        Price(input=2.0, output=0.0, cached=0.0).usd(input_tokens=10, cached_tokens=99, output_tokens=0)
        == 0.0
    )


async def _cost(url: str, ask: ModelRequest, model: str, own: dict[str, Price] | None = None) -> Cost:
    models = Models(
        ModelSettings(api_key="k", base_url=url, models={Role.DECIDE: (model,)}, prices=own or {})
    )
    try:
        reply = await models.complete(ask)
    finally:
        await models.close()
    assert not reply.scripted
    return reply.cost


async def test_an_answer_costs_what_its_tokens_cost(unlabelled: Unlabelled, ask: ModelRequest) -> None:
    details = {"cached_tokens": 400_000}
    url = await unlabelled(
        {"prompt_tokens": 1_000_000, "completion_tokens": 100_000, "prompt_tokens_details": details}
    )
    assert await _cost(url, ask, "own", {"own": Price(input=1.0, output=2.0, cached=0.5)}) == Cost(
        usd=1.0,
        input_tokens=1_000_000,
        cached_tokens=400_000,
        output_tokens=100_000,
        model_calls=1,
        models=("own",),
    )


async def test_a_published_price_is_used_where_there_is_no_own(
    unlabelled: Unlabelled, ask: ModelRequest
) -> None:
    cost = await _cost(await unlabelled({"prompt_tokens": 1000, "completion_tokens": 10}), ask, _LARGE)
    assert cost.usd > 0
    assert cost.unpriced_calls == 0


async def test_an_answer_without_a_known_price_is_unpriced_and_not_free(
    unlabelled: Unlabelled, ask: ModelRequest
) -> None:
    cost = await _cost(
        await unlabelled({"prompt_tokens": 1000, "completion_tokens": 10}), ask, "nobody/knows"
    )
    assert (cost.usd, cost.unpriced_calls, cost.tokens) == (0.0, 1, 1010)


async def test_an_answer_that_does_not_count_its_tokens_is_unpriced(
    unlabelled: Unlabelled, ask: ModelRequest
) -> None:
    cost = await _cost(await unlabelled(None), ask, _LARGE)
    assert (cost.usd, cost.unpriced_calls, cost.tokens) == (0.0, 1, 0)
