"""A call before the policy: what cannot run is denied with the model's words, the rest is judged."""

from collections.abc import Iterator

import pytest

from activities.judge import MAX_TITLE, judged
from activities.redaction import redacting
from perdure.contracts.calls import (
    Assurance,
    Author,
    CallSummary,
    Effect,
    SandboxLevel,
    ToolCall,
    Verdict,
)
from perdure.contracts.errors import ToolRejected
from perdure.contracts.judging import CallFacts, Judgement, Named, Standing
from perdure.contracts.task import Mode, Safety
from perdure.safety.secrets import Screens


@pytest.fixture(autouse=True)
def door() -> Iterator[None]:
    """What the door sets for each activity."""
    with redacting(Screens().worker):
        yield


NAMED = Named(paths=("a",))
STANDING = Standing(Mode.PLAN, Safety.STANDARD, Author.MODEL, untrusted=True, user="ada")
CALL = ToolCall(index=2, call_id="c", tool="write_file", arguments={"path": "a"})


class Judge:
    """One tool, one verdict."""

    def __init__(self, verdict: Verdict, *, title: str = "write_file a", known: bool = True) -> None:
        self.verdict, self.title, self.known = verdict, title, known

    def summarize(self, call: ToolCall) -> tuple[str, Effect, str, float, Named]:
        if not self.known:
            raise ToolRejected(f"There is no tool {call.tool!r}.", "Call one of: read_file.")
        return self.title, Effect.WRITE, "digest", 12.0, NAMED

    def rules_digest(self, standing: Standing) -> str:
        return "rules"

    def judge(self, facts: CallFacts) -> Judgement:
        assert facts == CallFacts("write_file", Effect.WRITE, STANDING, NAMED)
        return Judgement(
            self.verdict, "two: Two people.", ("two", "one"), 2, Assurance.SIGNED, SandboxLevel.B
        )


def summary_of(judge: Judge, call: ToolCall = CALL) -> CallSummary:
    """The call in a task that plans, at the middle level."""
    return judged(call, judge, STANDING)


@pytest.mark.parametrize("verdict", list(Verdict))
def test_a_call_gets_the_policys_word(verdict: Verdict) -> None:
    assert summary_of(Judge(verdict)) == CallSummary(
        index=2,
        tool="write_file",
        title="write_file a",
        effect=Effect.WRITE,
        verdict=verdict,
        reason="" if verdict is Verdict.ALLOW else "two: Two people.",
        arguments_digest="digest",
        timeout_s=12.0,
        rules=() if verdict is Verdict.ALLOW else ("two", "one"),
        people=2,
        assurance=Assurance.SIGNED,
        least_sandbox=SandboxLevel.B,
        untrusted=True,
    )


def test_an_unknown_tool_is_denied_in_the_words_that_help() -> None:
    summary = summary_of(Judge(Verdict.ALLOW, known=False))
    assert (summary.verdict, summary.effect) == (Verdict.DENY, Effect.READ)
    assert summary.reason == "There is no tool 'write_file'. hint: Call one of: read_file."
    assert summary.title == "write_file (cannot run)"


def test_arguments_that_cannot_be_read_are_denied_before_anything_is_asked() -> None:
    broken = CALL.model_copy(update={"problem": "it ends in the middle of a text"})
    summary = summary_of(Judge(Verdict.ALLOW), broken)
    assert summary.verdict is Verdict.DENY
    assert "it ends in the middle of a text" in summary.reason


def test_the_same_mistake_has_the_same_digest_and_another_one_another() -> None:
    first, same, other = (
        summary_of(Judge(Verdict.ALLOW), CALL.model_copy(update={"problem": problem}))
        for problem in ("no JSON", "no JSON", "too long")
    )
    assert first.arguments_digest == same.arguments_digest != other.arguments_digest


def test_long_words_stay_within_the_history() -> None:
    call = ToolCall(index=0, call_id="c", tool="x" * 5_000, problem="y" * 5_000)
    summary = summary_of(Judge(Verdict.ALLOW), call)
    assert (len(summary.tool), len(summary.reason)) == (64, 2_000)
    assert len(summary_of(Judge(Verdict.ALLOW, title="t" * 500)).title) == MAX_TITLE
