"""The guards of the loop: what is spent, what an extension adds, and what repeats."""

import pytest

from perdure.contracts.calls import CallSummary, Effect, Verdict
from perdure.contracts.steps import Limits
from perdure.contracts.task import Cost
from workflows.budget import MOST_CARRIED, LoopGuard, Spending

LIMITS = Limits(usd=5.0, tokens=1_000, minutes=10.0, steps=20)


def spending(*, usd: float = 0.0, tokens: int = 0, steps: int = 0) -> Spending:
    """What a task has used of the limits."""
    return Spending(limits=LIMITS, cost=Cost(usd=usd, input_tokens=tokens), steps=steps)


@pytest.mark.parametrize(
    ("spent", "worked_s", "reached"),
    [
        (spending(), 0.0, []),
        (spending(usd=4.999, tokens=999, steps=19), 599.0, []),
        (spending(usd=5.0), 0.0, ["usd (5 of 5)"]),
        (spending(tokens=1_200), 0.0, ["tokens (1,200 of 1,000)"]),
        (spending(), 600.0, ["minutes (10 of 10)"]),
        (spending(steps=20), 0.0, ["steps (20 of 20)"]),
        (spending(usd=6.25, steps=25), 0.0, ["usd (6.25 of 5)", "steps (25 of 20)"]),
    ],
)
def test_says_which_limits_are_reached(spent: Spending, worked_s: float, reached: list[str]) -> None:
    assert spent.exhausted(worked_s) == reached


def test_an_extension_sets_new_totals() -> None:
    spent = spending(steps=20)
    spent.extend({"steps": 80.0, "usd": 7.5}, LIMITS, 0.0)
    assert spent.limits == LIMITS.model_copy(update={"steps": 80, "usd": 7.5})
    assert type(spent.limits.steps) is int
    assert spent.exhausted(0.0) == []


def test_an_extension_without_totals_gives_what_is_reached_once_more() -> None:
    spent = spending(usd=1.0, tokens=1_200, steps=20)
    spent.extend(None, LIMITS, 60.0)
    assert spent.limits == LIMITS.model_copy(update={"tokens": 2_200, "steps": 40})
    spent.steps = 40
    spent.extend({}, LIMITS, 60.0)
    assert spent.limits.steps == 60


def test_an_extension_of_another_limit_leaves_the_reached_one_reached() -> None:
    spent = spending(steps=20)
    spent.extend({"usd": 50.0}, LIMITS, 0.0)
    assert spent.exhausted(0.0) == ["steps (20 of 20)"]


def call(tool: str, arguments: str) -> CallSummary:
    """A call with these arguments."""
    return CallSummary(
        index=0, tool=tool, title=f"{tool} {arguments}", effect=Effect.READ, verdict=Verdict.ALLOW,
        arguments_digest=arguments,
    )  # fmt: skip


def test_equal_calls_on_equal_files_are_counted() -> None:
    guard = LoopGuard()
    read, other = call("read_file", "a.py"), call("read_file", "b.py")
    assert guard.count([read], "tree") == (1, "read_file a.py")
    assert guard.count([other, read], "tree") == (2, "read_file a.py")
    assert guard.count([read, other], "tree") == (3, "read_file a.py")


@pytest.mark.parametrize(
    ("tool", "arguments", "tree"),
    [("read_file", "a.py", "changed"), ("read_file", "b.py", "tree"), ("git_diff", "a.py", "tree")],
)
def test_other_files_arguments_or_tools_are_no_repetition(tool: str, arguments: str, tree: str) -> None:
    guard = LoopGuard()
    for _ in range(5):
        guard.count([call("read_file", "a.py")], "tree")
    assert guard.count([call(tool, arguments)], tree)[0] == 1


def test_what_a_person_allowed_again_is_counted_from_the_start() -> None:
    guard = LoopGuard()
    read, other = call("read_file", "a.py"), call("read_file", "b.py")
    for _ in range(3):
        guard.count([read, other], "tree")
    guard.forget([read], "tree")
    assert guard.count([read], "tree")[0] == 1
    assert guard.count([other], "tree")[0] == 4


def test_no_calls_are_no_repetition() -> None:
    assert LoopGuard().count([], "tree") == (0, "")


def test_another_run_is_given_the_counts_on_its_files_and_of_very_many_the_newest() -> None:
    guard = LoopGuard()
    guard.seen = {"read:a:other": 2, **{f"read:{number}:tree": 1 for number in range(MOST_CARRIED + 3)}}
    assert guard.on("tree") == {f"read:{number}:tree": 1 for number in range(3, MOST_CARRIED + 3)}
    assert guard.on("other") == {"read:a:other": 2}
