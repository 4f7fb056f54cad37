"""What a decision needs to count: a name, the digest of what was looked at, enough people, and signatures that hold."""

from collections.abc import Sequence
from datetime import datetime

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from perdure.contracts.calls import Assurance
    from perdure.contracts.consents import (
        Approver,
        Consent,
        SignedWords,
        arguments_digest,
        counted_people,
        same_person,
        signing_key,
        unusable_name,
    )
    from perdure.contracts.decisions import MAX_EDITED_ARGUMENTS_BYTES, Approval, Decide
    from perdure.contracts.digests import canonical_json
    from perdure.contracts.remembering import memory_problem
    from workflows.request import refused

#: Patch id: histories of before took a signal without a name.
NAMED = "who-decides-has-a-name"
#: Patch id: histories of before took a signal that came after the deadline and was heard together with it.
IN_TIME = "late-signals-decide-nothing"
SHORTEST_DIGEST = 12

Signers = Sequence[Approver]
"""Who may sign an approval."""


def check_name(decision: Decide) -> None:
    """ApplicationError where nobody says who decides."""
    if problem := unusable_name(decision.by):
        raise refused(problem, "send the same with your name in 'by'.")


def check_time(
    approval: Approval | None, until: datetime | None, now: datetime, *, replayed: bool = False
) -> None:
    """ApplicationError where the decision comes after the deadline: what nobody decided by then is denied.

    A word and the deadline can reach a worker at once, when none was there before, and words are heard first.
    ``replayed``: a replay checks this as well, which it does of signals alone.
    """
    if approval is None or until is None or now < until:
        return
    if not replayed or workflow.patched(IN_TIME):
        raise refused(
            f"The approval {approval.id!r} has expired: its deadline was {approval.expires_at}, and nobody had decided.",
            "it counts as denied; steer the task, so that it asks again.",
        )


def check_edit(decision: Decide) -> None:
    """ApplicationError where an edit lacks its arguments, or something else has some."""
    if decision.verdict == "edit" and decision.arguments is None:
        raise refused("An edit needs the field 'arguments'.", "give the call's new arguments as an object.")
    if decision.verdict != "edit" and decision.arguments is not None:
        raise refused(
            f"The verdict {decision.verdict!r} takes no 'arguments'.", "send 'edit' to change the call first."
        )
    try:
        size = len(canonical_json(decision.arguments or {}))
    except ValueError as error:
        raise refused(
            f"The edited arguments are no plain JSON: {error}.",
            "send numbers without NaN and infinity.",
        ) from error
    if size > MAX_EDITED_ARGUMENTS_BYTES:
        raise refused(
            f"The edited arguments are {size:,} bytes; at most {MAX_EDITED_ARGUMENTS_BYTES:,} are taken.",
            "deny the call and steer the model instead.",
        )


def check_memory(approval: Approval, decision: Decide) -> None:
    """ApplicationError where the decision cannot be kept for as long as it says."""
    if problem := memory_problem(approval, decision.remember):
        raise refused(*problem)
    if decision.remember != "once" and (approval.people > 1 or approval.assurance is not Assurance.CLAIMED):
        raise refused(
            "What takes more than one name to approve is decided each time, so it cannot be remembered.",
            "use 'once'.",
        )


def check_consent(approval: Approval, decision: Decide, signers: Signers) -> None:
    """ApplicationError with a sentence where the decision cannot count for this approval."""
    said = decision.operation_digest.lower()
    if said and not (len(said) >= SHORTEST_DIGEST and approval.operation_digest.startswith(said)):
        raise refused(
            f"The approval {approval.id!r} is for another operation than the one that was looked at.",
            "look at what is asked now, and decide about that.",
        )
    if decision.signature and not _key_of(approval, decision, signers):
        raise refused(
            f"The signature is by no key that is registered for {decision.by.strip()!r} and this call, or it is for "
            "another decision.",
            "sign this very decision: `python starter.py approve ID --key FILE`.",
        )
    if decision.verdict == "approve":
        _check_approval(approval, decision)


def _check_approval(approval: Approval, decision: Decide) -> None:
    signed = bool(decision.signature)
    if approval.hidden and not signed and not decision.operation_digest:
        raise refused(
            f"The preview leaves out {approval.hidden:,} characters, so approving it takes the operation's digest.",
            f"`python starter.py show --approval {approval.id}` shows all of it with its digest; send that as "
            "'operation_digest'.",
        )
    if approval.assurance is not Assurance.CLAIMED and not signed:
        raise refused(
            "Here a name alone does not count: the policy demands an approval that is signed by a registered key.",
            f"`python starter.py approve {approval.id} --key FILE`.",
        )
    if approval.people > 1 and approval.user and same_person(decision.by) == same_person(approval.user):
        raise refused(
            f"{approval.people} people must approve this, and who asked for the task ({approval.user}) is none of them.",
            "let others decide.",
        )


def consent_of(approval: Approval, decision: Decide, signers: Signers, at: datetime) -> Consent:
    """The decision, which was checked, as one person's yes."""
    key = _key_of(approval, decision, signers) if decision.signature else ""
    return Consent(
        by=decision.by.strip(),
        assurance=Assurance.SIGNED if key else Assurance.CLAIMED,
        at=at.isoformat(timespec="seconds"),
        key=key,
        signature=decision.signature if key else "",
        remember=decision.remember,
    )


def people_missing(approval: Approval) -> int:
    """How many more must approve."""
    there = counted_people(
        approval.consents, least=approval.assurance, requester=approval.user, people=approval.people
    )
    return max(approval.people - there, 0)


def progress(approval: Approval) -> str:
    """Who approved so far and how many are missing; empty where one person is enough."""
    if approval.people < 2:
        return ""
    names = ", ".join(f"{each.by} ({each.assurance.value})" for each in approval.consents) or "nobody"
    missing = people_missing(approval)
    return f"approved so far: {names}; {missing} more {'person' if missing == 1 else 'people'} must approve"


def _key_of(approval: Approval, decision: Decide, signers: Signers) -> str:
    words = SignedWords(
        task_id=approval.task_id,
        run_id=approval.run_id,
        approval_id=approval.id,
        operation_digest=approval.operation_digest,
        verdict=decision.verdict,
        remember=decision.remember,
        arguments_digest=arguments_digest(decision.arguments),
        by=decision.by.strip(),
    )
    return signing_key(words, decision.signature, signers)
