"""What is checked of an approval right before the effect: the operation, the time, the people and their keys."""

import dataclasses
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from temporalio.testing import ActivityEnvironment

from activities.approval_checks import CHANGED, why_void
from perdure.client.signing import SigningKey
from perdure.contracts.calls import Assurance, CallSummary, Effect, Verdict
from perdure.contracts.consents import Approver, Consent, SignedWords
from perdure.contracts.outcomes import Operation
from perdure.contracts.steps import ApprovedCall

NOW = datetime.now(UTC)
OPERATION = Operation("d" * 64, "make", "preview")
APPROVED = ApprovedCall(
    index=0,
    approved_digest="d" * 64,
    approved_by="Ada",
    approval_id="a1",
    consents=(Consent(by="Ada", at=NOW.isoformat()),),
    use_by=(NOW + timedelta(hours=1)).isoformat(),
)


def summary(**more: Any) -> CallSummary:
    """What the policy says of the call now."""
    return CallSummary(
        index=0, tool="make", title="make", effect=Effect.RUN_WRITING, verdict=Verdict.ASK, arguments_digest="", **more
    )  # fmt: skip


def why(
    approved: ApprovedCall = APPROVED,
    judged: CallSummary | None = None,
    *,
    signers: tuple[Approver, ...] = (),
    requester: str = "Carol",
    server_time: datetime = NOW,
) -> str:
    """Why the approval is void."""
    environment = ActivityEnvironment()
    environment.info = dataclasses.replace(environment.info, started_time=server_time)
    return environment.run(
        lambda: why_void(
            approved,
            OPERATION,
            judged or summary(),
            task_id="task",
            run_id="run",
            requester=requester,
            signers=signers,
        )
    )


def test_what_was_approved_may_run() -> None:
    assert why() == ""


def test_another_operation_was_not_approved() -> None:
    assert why(APPROVED.model_copy(update={"approved_digest": "e" * 64})) == CHANGED
    assert why(APPROVED.model_copy(update={"approved_digest": ""})) == CHANGED


def test_an_approval_is_over_by_this_machines_time_or_the_servers() -> None:
    assert "was good until" in why(
        APPROVED.model_copy(update={"use_by": (NOW - timedelta(minutes=1)).isoformat()})
    )
    assert "was good until" in why(server_time=NOW + timedelta(hours=2)), "this machine's clock was set back"


def test_a_policy_that_became_stricter_is_heeded() -> None:
    assert (
        why(judged=summary(people=2)) == "2 approval(s) that are at least claimed are needed and 1 hold now"
    )
    both = APPROVED.model_copy(
        update={"consents": (*APPROVED.consents, Consent(by="Bob", at=NOW.isoformat()))}
    )
    assert why(both, summary(people=2)) == ""
    assert "and 1 hold now" in why(both, summary(people=2), requester="bob")
    assert "and 0 hold now" in why(judged=summary(assurance=Assurance.SIGNED))


@pytest.mark.parametrize(
    ("change", "holds"),
    [
        ({}, True),
        ({"by": "Eve"}, False),
        ({"remember": "task"}, False),
        ({"key": "0" * 16}, False),
        ({"signature": "A" * 88}, False),
        ({"assurance": Assurance.CLAIMED}, False),
    ],
)
def test_a_signature_is_checked_again_with_the_keys_that_are_registered_now(
    tmp_path: Path, change: dict[str, Any], holds: bool
) -> None:
    key = SigningKey.create(tmp_path / "ada.pem")
    words = SignedWords(
        task_id="task", run_id="run", approval_id="a1", operation_digest="d" * 64, verdict="approve", remember="once",
        arguments_digest="", by="Ada",
    )  # fmt: skip
    consent = Consent(
        by="Ada", assurance=Assurance.SIGNED, at="", key=key.fingerprint, signature=key.sign(words)
    ).model_copy(update=change)
    approved = APPROVED.model_copy(update={"consents": (consent,)})
    ada = (Approver(name="Ada", keys=(key.public,)),)
    demanded = summary(assurance=Assurance.SIGNED)
    assert (why(approved, demanded, signers=ada) == "") is holds
    assert why(approved, demanded, signers=()) != "", "the key was taken out of the register"
    if consent.assurance is Assurance.SIGNED:
        # Where a name would be enough, a signature that does not hold is no name either.
        assert (why(approved, signers=ada) == "") is holds
