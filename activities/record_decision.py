"""Record what became of an approval: in the transcript and in the table of approvals, before anything is done about it."""

from datetime import datetime
from typing import Any, Protocol

from temporalio import activity

from activities.heartbeat import heartbeating
from activities.record import AppendsEntries, next_entry
from activities.redaction import redaction
from perdure.contracts.decision_records import DecisionRecorded, RecordDecision
from perdure.contracts.decisions import Approval
from perdure.contracts.transcript import EntryKind


class RecordsApprovals(AppendsEntries, Protocol):
    """The record's part."""

    async def record_approval(
        self,
        *,
        task_id: str,
        approval: Approval,
        asked_at: datetime,
        decided: dict[str, Any],
        decided_at: datetime,
    ) -> None:
        """Keep what was asked and decided; what is recorded already stays as it is."""
        ...


class RecordDecisionDoor:
    """Records decisions."""

    def __init__(self, record: RecordsApprovals) -> None:
        self._record = record

    @activity.defn(name="record_decision")
    async def record_decision(self, step: RecordDecision) -> DecisionRecorded:
        """The transcript's new head, whose entry tells who decided what, when, how sure that is, and what was shown."""
        decided: dict[str, Any] = {
            "outcome": step.outcome,
            "by": step.by,
            "reason": redaction().text(step.reason),
            "remember": step.remember,
            "consents": [each.model_dump(mode="json") for each in step.consents],
            "decided_at": step.decided_at,
        }
        # The preview's words are in the history, and here by their hash.
        asked = step.approval.model_dump(mode="json", exclude={"preview", "consents"})
        async with heartbeating():
            parent = await self._record.entry(step.task_id, step.head)
            entry = next_entry(
                parent,
                task_id=step.task_id,
                step=step.step,
                kind=EntryKind.APPROVAL,
                body={"approval": asked, **decided},
            )
            await self._record.append([entry])
            await self._record.record_approval(
                task_id=step.task_id,
                approval=step.approval,
                asked_at=datetime.fromisoformat(step.approval.asked_at),
                decided=decided,
                decided_at=datetime.fromisoformat(step.decided_at),
            )
        return DecisionRecorded(head=entry.digest, reason=decided["reason"])
