"""The desk where people decide: what may be said, once, and of what is pending. Waiting needs a server: see others."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from perdure.client.signing import SigningKey
from perdure.contracts.calls import Assurance, Effect
from perdure.contracts.consents import Approver, Consent
from perdure.contracts.decisions import Approval, Decide, Pending, Question, QuestionKind, Receipt
from tests.workflows.conftest import Call, script_of
from workflows.consenting import check_name, check_time
from workflows.desk import Desk

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
USED = {"usd": 1.5, "tokens": 900.0, "minutes": 10.0, "steps": 20.0}
ORIGINAL: Call = ("execute_command", {"command": "echo original >> made.txt", "writes": True})
OTHER: Call = ("execute_command", {"command": "echo other >> made.txt", "writes": True})


def approval(id: str = "a1", effect: Effect = Effect.RUN_WRITING) -> Approval:
    """An approval that waits."""
    return Approval(
        id=id, operation_digest="d" * 64, run_id="run-1", step=3, call=0, tool="execute_command", effect=effect,
        title="execute_command: make", preview="make", asked_at="", expires_at="",
    )  # fmt: skip


def question(id: str = "q1") -> Question:
    """A question that waits."""
    return Question(
        id=id, kind=QuestionKind.BUDGET, text="Go on?", choices=("extend", "wrap_up", "stop"), asked_at=""
    )


@pytest.fixture
def desk() -> Desk:
    """Two approvals and a question wait."""
    waiting = [approval(), approval("push", Effect.PUBLISH)]
    return Desk(
        approvals={each.id: each for each in waiting},
        questions={"q1": question()},
        limits_in_use=dict(USED),
        clock=lambda: NOW,
    )


def decision(id: str = "a1", verdict: str = "approve", **more: Any) -> dict[str, Any]:
    """A decision as it comes from outside."""
    return {"approval_id": id, "verdict": verdict, **more}


def answer(choice: str, id: str = "q1", **more: Any) -> dict[str, Any]:
    """An answer as it comes from outside."""
    return {"question_id": id, "choice": choice, **more}


def decided(desk: Desk, value: Any) -> Receipt:
    """Check and take a decision, as an update does."""
    desk.check_decision(value)
    return desk.decide(value)


def answered(desk: Desk, value: Any) -> Receipt:
    """The same with an answer."""
    desk.check_answer(value)
    return desk.answer(value)


def test_a_decision_is_taken_and_no_longer_waits(desk: Desk) -> None:
    receipt = decided(desk, decision(reason="it is safe", by="Ada"))
    assert receipt == Receipt(
        id="a1", recorded="approve", message="Recorded: approve 'execute_command: make'."
    )
    assert list(desk.approvals) == ["push"]
    assert desk.decisions["a1"] == Decide(approval_id="a1", verdict="approve", reason="it is safe", by="Ada")


def test_the_same_word_twice_counts_once(desk: Desk) -> None:
    decided(desk, decision(verdict="deny", reason="no", by="Ada"))
    assert decided(desk, decision(verdict="deny", reason="never", by="Bob")).recorded == "deny"
    assert desk.decisions["a1"].reason == "no"
    answered(desk, answer("stop"))
    assert answered(desk, answer("stop")).recorded == "stop"


@pytest.mark.parametrize(
    ("first", "then"),
    [
        (decision(), decision(verdict="deny")),
        (decision(verdict="deny"), decision()),
        (decision(verdict="edit", arguments={"command": "ls"}), decision()),
        (decision(verdict="edit", arguments={"command": "ls"}), decision(verdict="edit", arguments={})),
    ],
)
def test_a_decision_is_final(desk: Desk, first: dict[str, Any], then: dict[str, Any]) -> None:
    decided(desk, first)
    with pytest.raises(ApplicationError, match=f"already decided: {first['verdict']}") as refused:
        desk.check_decision(then)
    assert (refused.value.type, refused.value.non_retryable) == ("Refused", True)
    assert desk.decisions["a1"].verdict == first["verdict"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (decision("a2"), "No approval 'a2' is pending"),
        (decision("A1"), "pending now: a1, push"),
        (decision(verdict="edit"), "'arguments'"),
        (decision(arguments={"command": "ls"}), "takes no 'arguments'"),
        (decision(verdict="deny", arguments={}), "takes no 'arguments'"),
        (decision("push", remember="task"), "cannot be remembered"),
        (decision(remember="repository"), "not offered"),
        (decision(verdict="yes"), "field 'verdict'"),
        ({"verdict": "approve"}, "field 'approval_id' is missing"),
        (decision(digest="d"), "field 'digest' is unknown"),
        ("a1", "must be a JSON object, not str"),
        (None, "must be a JSON object"),
    ],
)
def test_a_decision_that_cannot_be_taken_is_refused_with_a_sentence(
    desk: Desk, given: object, said: str
) -> None:
    with pytest.raises(ApplicationError) as refused:
        desk.check_decision(given)
    assert said in refused.value.message
    assert " hint: " in refused.value.message
    assert (desk.decisions, len(desk.approvals)) == ({}, 2)


def test_a_word_in_time_is_taken_and_a_late_one_is_not() -> None:
    until = NOW + timedelta(seconds=1)
    check_time(approval(), until, NOW)
    check_time(approval(), None, until)
    check_time(None, until, until)
    with pytest.raises(ApplicationError, match="'a1' has expired") as refused:
        check_time(approval(), until, until)
    assert "it counts as denied" in refused.value.message


def test_what_stays_in_the_workspace_may_be_remembered_for_the_task(desk: Desk) -> None:
    assert desk.check_decision(decision(remember="task")).remember == "task"
    assert desk.check_decision(decision("push", remember="once")).remember == "once"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (answer("extend", id="q2"), "The question 'q2' is not pending"),
        (answer("continue"), "choose one of: extend, wrap_up, stop"),
        (answer("extend", budget={"usd": 1.5}), "1.5 are already used"),
        (answer("extend", budget={"step": 90}), "the limits are: minutes, steps, tokens, usd"),
        (answer("extend", budget={"usd": "inf"}), "no number"),
        (answer("extend", budget={"steps": "nan"}), "no number"),
        (answer("extend", budget={"tokens": 1000, "steps": 19}), "limit of steps is 19"),
        (answer("extend", budget={"steps": "many"}), "'budget.steps'"),
        (answer(""), "'choice'"),
    ],
)
def test_an_answer_that_cannot_be_taken_is_refused_with_a_sentence(
    desk: Desk, given: object, said: str
) -> None:
    with pytest.raises(ApplicationError) as refused:
        desk.check_answer(given)
    assert said in refused.value.message
    assert (desk.answers, list(desk.questions)) == ({}, ["q1"])


def test_an_answer_is_taken_and_final(desk: Desk) -> None:
    more = answer("extend", budget={"steps": 80}, text="go on", by="Ada")
    assert answered(desk, more) == Receipt(id="q1", recorded="extend", message="Recorded: extend.")
    assert desk.questions == {}
    for other in (answer("stop"), answer("extend", budget={"steps": 90})):
        with pytest.raises(ApplicationError, match="already answered: extend"):
            desk.check_answer(other)
    assert desk.answers["q1"].budget == {"steps": 80.0}


def test_a_signal_decides_like_an_update(desk: Desk) -> None:
    desk.signalled({"approval_id": "a1", "reason": "no", "by": "Ada"}, "deny")
    assert desk.decisions["a1"] == Decide(approval_id="a1", verdict="deny", reason="no", by="Ada")
    assert desk.remarks == []


def test_a_reset_withdraws_what_waits_and_what_was_only_just_said(desk: Desk) -> None:
    desk.decisions["old"] = Decide(approval_id="old", verdict="approve")
    decided(desk, decision())
    answered(desk, answer("stop"))
    desk.void()
    assert desk.pending() == Pending()
    assert list(desk.decisions) == ["old"]
    assert (desk.answers, desk.resets) == ({}, 1)
    with pytest.raises(ApplicationError, match="No approval 'a1' is pending"):
        desk.check_decision(decision())


async def test_an_edit_is_not_remembered_for_what_the_model_asks_again(benches: Any) -> None:
    async with benches(script_of([[ORIGINAL], [ORIGINAL], [OTHER], [OTHER]])) as bench:
        handle = await bench.start()
        first = await bench.approval(handle)
        await bench.decide(
            handle, first, "edit", arguments={"command": "echo edited >> made.txt", "writes": True}
        )
        edited = await bench.approval(handle, but=first.id)
        await bench.decide(handle, edited, "approve", remember="task")
        again = await bench.approval(handle, but=edited.id)
        assert "echo original" in again.preview
        assert "not remembered" in (await bench.card(handle))
        await bench.decide(handle, again, "deny")
        other = await bench.approval(handle, but=again.id)
        assert "echo other" in other.preview
        await bench.decide(handle, other, "approve", remember="task")
        # The second time it is not asked: the next that waits is the push.
        assert (await bench.approval(handle, but=other.id)).effect is Effect.PUBLISH
        ran = [line["ok"] for line in await bench.calls(handle)]
        assert ran.count(True) >= 3


TWO_PEOPLE = {"people": 2, "user": "Carol", "task_id": "task"}


def asking(**more: Any) -> Desk:
    """One approval waits that demands more than a name."""
    return Desk(approvals={"a1": approval().model_copy(update=more)}, clock=lambda: NOW)


def test_two_different_people_must_approve_and_neither_is_who_asked() -> None:
    desk = asking(**TWO_PEOPLE)
    for nobody in ("Carol", " carol "):
        with pytest.raises(ApplicationError, match="who asked for the task"):
            desk.check_decision(decision(by=nobody))
    assert "1 more person must approve" in decided(desk, decision(by="Ada")).message
    assert "approved so far: Ada (claimed)" in decided(desk, decision(by="ADA ")).message
    assert desk.pending().approvals[0].consents == (Consent(by="Ada", at=NOW.isoformat()),)
    assert decided(desk, decision(by="Bob")).message == "Recorded: approve 'execute_command: make'."
    assert [each.by for each in desk.consents["a1"]] == ["Ada", "Bob"]
    assert desk.pending() == Pending()


def test_one_denial_denies_what_others_approved() -> None:
    desk = asking(**TWO_PEOPLE)
    decided(desk, decision(by="Ada"))
    assert decided(desk, decision(verdict="deny", by="Bob")).recorded == "deny"
    assert desk.decisions["a1"].verdict == "deny"


def test_what_takes_more_than_a_name_is_not_remembered() -> None:
    for more in (TWO_PEOPLE, {"assurance": Assurance.SIGNED}):
        with pytest.raises(ApplicationError, match=r"decided each time|a name alone does not count"):
            asking(**more).check_decision(decision(by="Ada", remember="task"))


@pytest.mark.parametrize("number", [float("nan"), float("-inf")])
def test_an_edit_with_a_number_that_json_does_not_have_is_refused_in_words(desk: Desk, number: float) -> None:
    with pytest.raises(ApplicationError, match="The edited arguments are no plain JSON"):
        desk.check_decision(decision(verdict="edit", arguments={"limit": number}, by="Ada"))


@pytest.mark.parametrize("signature", ["é", "=", "not base64", "QUJD"])
def test_a_signature_that_is_none_is_refused_in_words(desk: Desk, signature: str) -> None:
    desk.signers["a1"] = (Approver(name="Ada", keys=("A" * 43 + "=",)),)
    with pytest.raises(ApplicationError, match="by no key that is registered"):
        desk.check_decision(decision(by="Ada", signature=signature))


def test_where_a_signature_is_demanded_only_a_registered_key_counts(tmp_path: Path) -> None:
    key, stranger = (SigningKey.create(tmp_path / name) for name in ("ada.pem", "eve.pem"))
    desk = asking(assurance=Assurance.SIGNED, task_id="task")
    desk.signers["a1"] = (Approver(name="ada", keys=(key.public,)),)
    waiting = desk.approvals["a1"]
    by_ada = Decide(approval_id="a1", verdict="approve", by="Ada")
    with pytest.raises(ApplicationError, match="a name alone does not count"):
        desk.check_decision(by_ada.model_dump())
    for forged in (
        stranger.signed(by_ada, waiting, task_id="task"),
        key.signed(by_ada, waiting, task_id="another task"),
        key.signed(by_ada, waiting.model_copy(update={"run_id": "an earlier run"}), task_id="task"),
        key.signed(by_ada, waiting, task_id="task").model_copy(update={"by": "Eve"}),
        key.signed(by_ada.model_copy(update={"verdict": "deny"}), waiting, task_id="task").model_copy(
            update={"verdict": "approve"}
        ),
    ):
        with pytest.raises(ApplicationError, match="registered for"):
            desk.check_decision(forged.model_dump())
    decided(desk, key.signed(by_ada, waiting, task_id="task").model_dump())
    (consent,) = desk.consents["a1"]
    assert (consent.by, consent.assurance, consent.key) == ("Ada", Assurance.SIGNED, key.fingerprint)


def test_what_is_not_shown_whole_takes_the_digest_and_another_digest_is_refused() -> None:
    desk = asking(hidden=1_200)
    with pytest.raises(ApplicationError, match="leaves out 1,200 characters"):
        desk.check_decision(decision(by="Ada"))
    for other in ("e" * 64, "d" * 11, "d" * 12 + "e"):
        with pytest.raises(ApplicationError, match="another operation"):
            desk.check_decision(decision(by="Ada", operation_digest=other))
    assert decided(desk, decision(by="Ada", operation_digest="D" * 12)).recorded == "approve"


@pytest.mark.parametrize("name", ["", "  ", "deadline", "unattended", "A\u202eda"])
def test_nobody_decides_without_a_name_of_their_own(desk: Desk, name: str) -> None:
    with pytest.raises(ApplicationError, match=r"'by'|stands for nobody in particular"):
        check_name(Decide.model_validate(decision(by=name)))
