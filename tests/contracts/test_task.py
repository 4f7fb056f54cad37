"""What starts a task, what it may cost, and what it costs."""

from typing import Any

import pytest
from pydantic import ValidationError

from perdure.contracts.task import Budget, Cost, Mode, Safety, TaskRequest

NEEDED = {"request": "Fix it.", "repository": "/srv/code"}


def test_a_request_needs_two_fields_and_has_careful_defaults() -> None:
    assert TaskRequest.model_validate(NEEDED).model_dump(mode="json") == {
        "request": "Fix it.",
        "repository": "/srv/code",
        "base_branch": None,
        "mode": "change",
        "safety": "cautious",
        "budget": {"usd": None, "tokens": None, "minutes": None, "steps": None},
        "priority": 3,
        "user": "",
        "labels": {},
    }


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({"request": "  Fix it.\n"}, {"request": "Fix it."}),
        ({"request": "x" * 100_000}, {}),
        ({"repository": " https://host.example/a.git "}, {"repository": "https://host.example/a.git"}),
        ({"base_branch": "main"}, {"base_branch": "main"}),
        ({"mode": "answer"}, {"mode": Mode.ANSWER}),
        ({"safety": "autonomous"}, {"safety": Safety.AUTONOMOUS}),
        ({"priority": 5}, {"priority": 5}),
        ({"budget": {"usd": 0.5, "steps": 1}}, {"budget": Budget(usd=0.5, steps=1)}),
        ({"labels": {"team": "billing"}}, {"labels": {"team": "billing"}}),
    ],
)
def test_takes(given: dict[str, Any], kept: dict[str, Any]) -> None:
    request = TaskRequest.model_validate({**NEEDED, **given})
    assert {name: getattr(request, name) for name in kept} == kept


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"request": ""}, "request"),
        ({"request": " \n\t "}, "request"),
        ({"request": "x" * 100_001}, "request"),
        ({"request": None}, "request"),
        ({"request": ["Fix it."]}, "request"),
        ({"repository": ""}, "repository"),
        ({"repository": "x" * 2_001}, "repository"),
        ({"base_branch": ""}, "base_branch"),
        ({"base_branch": "x" * 251}, "base_branch"),
        ({"mode": "Change"}, "mode"),
        ({"safety": "none"}, "safety"),
        ({"priority": 0}, "priority"),
        ({"priority": 6}, "priority"),
        ({"priority": 2.5}, "priority"),
        ({"user": "x" * 65}, "user"),
        ({"labels": {"team": 7}}, "labels"),
        ({"labels": {"x" * 201: "a"}}, "labels"),
        ({"labels": {str(number): "a" for number in range(21)}}, "labels"),
        ({"budget": {"usd": 0}}, "budget"),
        ({"budget": {"usd": -1}}, "budget"),
        ({"budget": {"usd": "inf"}}, "budget"),
        ({"budget": {"minutes": "nan"}}, "budget"),
        ({"budget": {"minutes": float("inf")}}, "budget"),
        ({"budget": {"tokens": 1.5}}, "budget"),
        ({"budget": {"steps": 0}}, "budget"),
        ({"budget": {"step": 10}}, "budget"),
        ({"repo": "/srv/code"}, "repo"),
    ],
)
def test_refuses_and_names_the_field(given: dict[str, Any], field: str) -> None:
    with pytest.raises(ValidationError) as refused:
        TaskRequest.model_validate({**NEEDED, **given})
    assert {error["loc"][0] for error in refused.value.errors()} == {field}


@pytest.mark.parametrize("missing", ["request", "repository"])
def test_refuses_what_lacks_a_field(missing: str) -> None:
    given = {name: value for name, value in NEEDED.items() if name != missing}
    with pytest.raises(ValidationError, match=missing):
        TaskRequest.model_validate(given)


def test_a_request_is_the_same_after_a_journey_as_json() -> None:
    request = TaskRequest.model_validate(
        {**NEEDED, "request": "Préfix ☃", "mode": "plan", "safety": "standard", "budget": {"usd": 2}}
    )
    assert TaskRequest.model_validate_json(request.model_dump_json()) == request


def test_safety_is_never_raised_by_a_ceiling() -> None:
    levels = [Safety.CAUTIOUS, Safety.STANDARD, Safety.AUTONOMOUS]
    for position, level in enumerate(levels):
        for height, ceiling in enumerate(levels):
            assert level.capped(ceiling) is levels[min(position, height)]


def test_costs_add_up() -> None:
    first = Cost(usd=0.1, input_tokens=100, cached_tokens=40, output_tokens=10, model_calls=1, models=("b",))
    second = Cost(
        usd=0.2,
        input_tokens=7,
        output_tokens=3,
        model_calls=2,
        unpriced_calls=1,
        scripted=True,
        models=("a", "b"),
    )
    total = Cost(
        usd=0.3,
        input_tokens=107,
        cached_tokens=40,
        output_tokens=13,
        model_calls=3,
        unpriced_calls=1,
        scripted=True,
        models=("a", "b"),
    )
    assert first.plus(second) == second.plus(first) == total
    assert total.tokens == 120


def test_nothing_added_changes_no_cost() -> None:
    cost = Cost(usd=0.000000001, input_tokens=1, output_tokens=2, model_calls=1, models=("a",))
    assert cost.plus(Cost()) == Cost().plus(cost) == cost


def test_a_thousand_small_costs_are_their_sum() -> None:
    total = Cost()
    for _ in range(1_000):
        total = total.plus(Cost(usd=0.0001))
    assert total.usd == 0.1
