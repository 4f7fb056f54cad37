"""Which calls the policy lets be run ahead in a throw-away view, before somebody is asked."""

import pytest

from perdure.contracts.calls import Effect
from perdure.contracts.policy import TaskRule
from perdure.contracts.task import Safety
from perdure.safety.policy import Policy
from tests.safety.test_policy import RULE, facts


@pytest.fixture(scope="module")
def shipped() -> Policy:
    """The policy without files of the installation."""
    return Policy.load()


@pytest.mark.parametrize(
    ("rule", "ahead"),
    [
        ('verdict = "ask"', False),
        ('verdict = "ask"\nahead = true', True),
        ("ahead = false", False),
        ("people = 2", True),
        ("ahead = true", True),
    ],
)
def test_a_call_is_run_ahead_where_all_that_asks_lets_it_be_and_nothing_forbids_it(
    shipped: Policy, rule: str, ahead: bool
) -> None:
    writing = facts(Effect.RUN_WRITING, command="make x")
    assert shipped.judge(writing).ahead
    text = RULE.format(
        conditions=f'effects = ["run_writing"]\n{rule}',
        matches='effect = "run_writing"',
        other='effect = "run"',
    )
    assert Policy.parse(text).judge(writing).ahead is ahead
    assert (
        Policy.parse(people={"ada": text})
        .judge(facts(Effect.RUN_WRITING, command="make x", user="ada"))
        .ahead
        is ahead
    )


def test_what_is_not_asked_about_or_is_not_a_program_is_never_run_ahead(shipped: Policy) -> None:
    for effect in set(Effect) - {Effect.RUN_WRITING, Effect.RUN}:
        assert not shipped.judge(facts(effect)).ahead, effect
    assert not shipped.judge(facts(Effect.RUN_WRITING, safety=Safety.AUTONOMOUS)).ahead
    asked = TaskRule(id="careful", verdict="ask", reason="This task looks closely.")
    assert not shipped.judge(facts(Effect.RUN_WRITING, policy=(asked,))).ahead
