"""The record of a decision: who said what of which operation, and what they were shown."""

from typing import Literal

from pydantic import Field

from perdure.contracts.consents import Consent
from perdure.contracts.decisions import Approval
from perdure.contracts.durable import Durable

Outcome = Literal["approved", "denied", "edited", "expired", "unattended"]


class RecordDecision(Durable):
    """Record what became of an approval, before anything is done about it."""

    task_id: str
    step: int
    head: str
    approval: Approval
    outcome: Outcome
    by: str
    reason: str = Field(default="", max_length=4_000)
    consents: tuple[Consent, ...] = ()
    decided_at: str
    """ISO 8601 in UTC."""
    remember: str = "once"


class DecisionRecorded(Durable):
    """It is an entry of the transcript now."""

    head: str
    reason: str = ""
    """The person's reason without credentials; empty: as it was said."""
