"""The card in the Web UI: all that a person needs, and nothing foreign that passes for a part of it."""

import json
import re

import pytest

from perdure.contracts.calls import Effect
from perdure.contracts.decisions import AnswerQuestion, Approval, Decide, Pending, Question, QuestionKind
from perdure.contracts.plan import Plan, Subtask
from perdure.contracts.steps import Limits
from perdure.contracts.task import Cost
from workflows.card import LINE_SHOWN, MAX_SUBTASKS_SHOWN, Picture, code, draw, folded, plain

SPOOF = "fine\n\n### Waiting for your approval `000000000000`\n\n```json\n{}\n```\n<!-- <b>*x*</b>"
APPROVAL = Approval(
    id="6e4830fe73a4", operation_digest="d" * 64, step=3, call=0, tool="git_push", effect=Effect.PUBLISH,
    title="git_push perdure/fix to origin", preview="Pushes 1 commit.", asked_at="2026-11-23T12:00:00+00:00",
    expires_at="2026-11-30T12:00:00+00:00",
)  # fmt: skip
QUESTION = Question(
    id="q0123456789a", kind=QuestionKind.BUDGET, text="The budget is reached: steps (20 of 20). Go on?",
    choices=("extend", "wrap_up", "stop"), silence="stop", asked_at="", expires_at="2026-11-30T12:00:00+00:00",
)  # fmt: skip
PLAN = Plan(
    goal="Round correctly.", subtasks=(Subtask(title="Find it"), Subtask(title="Fix it")), tools=(), risks=(),
    estimated_steps=2,
)  # fmt: skip
LIMITS = Limits(usd=5.0, tokens=2_000_000, minutes=60.0, steps=20)


def pasted(card: str) -> list[object]:
    """The JSON blocks to paste."""
    return [json.loads(text) for text in re.findall(r"^```json\n(.*?)^```$", card, re.MULTILINE | re.DOTALL)]


def headings(card: str) -> list[str]:
    """Lines that Markdown takes for headings, outside code blocks."""
    without_code = re.sub(r"^(`{3,}).*?^\1$", "", card, flags=re.MULTILINE | re.DOTALL)
    return re.findall(r"^ {0,3}#.*", without_code, re.MULTILINE)


def test_says_what_it_does_what_is_planned_and_what_it_cost() -> None:
    card = draw(
        Picture(
            request="Round to the nearest cent.",
            doing="deciding step 3",
            status="working",
            step=3,
            branch="perdure/fix",
            models=("m1",),
            plan=PLAN,
            finished={0},
            limits=LIMITS,
            cost=Cost(usd=0.5, input_tokens=1_200, unpriced_calls=2),
        )
    )
    assert card.splitlines() == [
        "**Round to the nearest cent\\.**",
        "",
        "**working** · step 3 · deciding step 3 · branch `perdure/fix`",
        "",
        "**Plan:** Round correctly\\.",
        "",
        "- ✓ Find it",
        "- ○ Fix it",
        "",
        "0.5000 of 5 USD · 1,200 of 2,000,000 tokens · 3 of 20 steps · 2 call(s) without a known price · m1",
    ]


def test_the_json_of_an_approval_is_what_the_update_takes() -> None:
    card = draw(Picture(pending=Pending(approvals=(APPROVAL,))))
    (value,) = pasted(card)
    decision = Decide.model_validate(value)
    assert (decision.approval_id, decision.verdict) == (APPROVAL.id, "approve")
    for shown in (
        "`6e4830fe73a4`",
        "git_push perdure/fix to origin",
        "Pushes 1 commit.",
        "2026-11-30 12:00 UTC",
    ):
        assert shown in card


def test_the_json_of_a_question_is_what_the_update_takes() -> None:
    card = draw(Picture(pending=Pending(questions=(QUESTION,)), reminders=2))
    (value,) = pasted(card)
    assert AnswerQuestion.model_validate(value).choice == "extend"
    assert "`extend`, `wrap_up`, `stop`" in card
    assert "counts as `stop`" in card
    assert "Reminded 2 time(s)." in card


def test_a_preview_is_shown_whole() -> None:
    command = "\n".join(f"rm file-{number}" for number in range(200))
    approval = APPROVAL.model_copy(update={"preview": f"```sh\n{command}\n```\n- may change files"})
    card = draw(Picture(pending=Pending(approvals=(approval,))))
    assert "rm file-199" in card
    assert "- may change files" in card
    assert len(pasted(card)) == 1


def test_what_is_quoted_keeps_its_sign_on_every_folded_line() -> None:
    quoted = "x" * (LINE_SHOWN - 2) + "⟨3 characters left out⟩" + "y" * LINE_SHOWN
    shown = folded(f"```\n│ {quoted}\n⟨ours⟩\n```").splitlines()[1:-3]
    assert [line[:2] for line in shown[:-1]] == ["│ "] * (len(shown) - 1)
    assert shown[-1] == "⟨ours⟩"
    assert "".join(line.removeprefix("│ ").removesuffix(" ↩") for line in shown[:-1]) == quoted


def test_long_lines_of_code_are_folded_and_nothing_is_lost() -> None:
    line = "".join(chr(ord("a") + number % 26) for number in range(500))
    shown = folded(f"before {line}\n````sh\n{line}\n```\nshort\n````\nafter {line}")
    block = shown.split("````sh\n")[1].split("\n````")[0]
    assert max(len(each) for each in block.splitlines()) <= LINE_SHOWN + 2
    assert block.replace(" ↩\n", "").splitlines()[0] == line
    assert f"before {line}" in shown
    assert f"after {line}" in shown
    assert folded("```\nshort\n```") == "```\nshort\n```"


def test_foreign_words_cannot_pass_for_a_part_of_the_card() -> None:
    plan = PLAN.model_copy(update={"goal": SPOOF, "subtasks": (Subtask(title=SPOOF),)})
    question = QUESTION.model_copy(update={"text": SPOOF})
    card = draw(
        Picture(
            request=SPOOF,
            doing=SPOOF,
            plan=plan,
            remarks=[SPOOF],
            branch="a`b",
            pending=Pending(questions=(question,)),
        )
    )
    assert headings(card) == ["### A question for you `q0123456789a`"]
    assert pasted(card) == [{"question_id": "q0123456789a", "choice": "extend", "by": "your name"}]
    assert "<!--" not in re.sub(r"\\.", "", card)
    assert "``a`b``" not in card
    assert "`` a`b ``" in card
    without_question = draw(Picture(request=SPOOF, doing=SPOOF, plan=plan, remarks=[SPOOF]))
    assert headings(without_question) == []
    assert pasted(without_question) == []


@pytest.mark.parametrize(
    "text", ["plain words", "a*b_c", "`code`", "1. list", "<b>", "[x](y)", "a\nb\tc", "# x"]
)
def test_escaped_words_read_as_themselves(text: str) -> None:
    assert re.sub(r"\\(.)", r"\1", plain(text)) == " ".join(text.split())


@pytest.mark.parametrize("text", ["a", "a`b", "``", "`a", "a\nb"])
def test_code_is_one_span(text: str) -> None:
    shown = code(text)
    fence = re.match(r"`+", shown)
    assert fence
    inner = shown[len(fence[0]) : -len(fence[0])]
    assert fence[0] not in re.findall(r"`+", inner)
    assert inner.strip() == " ".join(text.split())


def test_a_long_plan_says_how_much_is_hidden() -> None:
    subtasks = tuple(Subtask(title=f"task {number}") for number in range(MAX_SUBTASKS_SHOWN + 3))
    card = draw(Picture(plan=PLAN.model_copy(update={"subtasks": subtasks})))
    assert "- … and 3 more" in card
    assert f"task {MAX_SUBTASKS_SHOWN}" not in card


@pytest.mark.parametrize(
    ("picture", "shown"),
    [
        (Picture(paused=True, status="working"), "**paused**"),
        (Picture(scripted=True), "not from a language model"),
        (Picture(remarks=["No approval 'x' is pending."]), "> **Not taken:** No approval 'x' is pending\\."),
    ],
)
def test_says_what_is_unusual(picture: Picture, shown: str) -> None:
    assert shown in draw(picture)
