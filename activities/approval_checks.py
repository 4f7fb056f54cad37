"""What is checked of an approval in the activity that acts on it, right before the effect."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Protocol

from temporalio import activity

from perdure.contracts.calls import Assurance, CallSummary
from perdure.contracts.consents import Approver, Consent, SignedWords, counted_people, signing_key
from perdure.contracts.outcomes import Operation
from perdure.contracts.steps import ApprovedCall

CHANGED = "the files, the branch, the policy or the call changed after the approval"


class KnowsApprovers(Protocol):
    """Who is registered to sign."""

    def signers(self, *, rules: tuple[str, ...], requester: str) -> Sequence[Approver]:
        """Who may sign for a call that these rules speak of, in a task of this user, as it is registered now."""
        ...


class NobodyRegistered:
    """An installation without registered approvers."""

    def signers(self, *, rules: tuple[str, ...], requester: str) -> Sequence[Approver]:
        """None."""
        return ()


def why_void(
    approved: ApprovedCall,
    operation: Operation,
    summary: CallSummary,
    *,
    task_id: str,
    run_id: str,
    requester: str,
    signers: Sequence[Approver],
) -> str:
    """Why nobody has approved this operation as it stands now; empty where it may run."""
    if operation.digest != approved.approved_digest:
        return CHANGED
    if approved.use_by and _now() > datetime.fromisoformat(approved.use_by):
        return f"the approval was good until {approved.use_by}"
    if summary.people < 2 and summary.assurance is Assurance.CLAIMED and not _signed(approved.consents):
        return ""
    standing = [
        each
        for each in approved.consents
        if each.assurance is Assurance.CLAIMED
        or _key_of(each, approved, task_id=task_id, run_id=run_id, signers=signers) == each.key
    ]
    there = counted_people(standing, least=summary.assurance, requester=requester, people=summary.people)
    if there < summary.people:
        return f"{summary.people} approval(s) that are at least {summary.assurance.value} are needed and {there} hold now"
    return ""


def _signed(consents: Sequence[Consent]) -> bool:
    return any(each.assurance is not Assurance.CLAIMED for each in consents)


def _key_of(
    consent: Consent, approved: ApprovedCall, *, task_id: str, run_id: str, signers: Sequence[Approver]
) -> str:
    words = SignedWords(
        task_id=task_id,
        run_id=run_id,
        approval_id=approved.approval_id,
        operation_digest=approved.approved_digest,
        verdict="approve",
        remember=consent.remember,
        arguments_digest="",
        by=consent.by,
    )
    # A key that was taken out of the register since then signs no more.
    return signing_key(words, consent.signature, signers) or "none"


def _now() -> datetime:
    """This machine's time or the server's, whichever is later: a clock that is set back makes nothing valid again."""
    started = activity.info().started_time
    return max(datetime.now(UTC), started)
