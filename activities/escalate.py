"""Tell whom the operator named that an approval waits and nobody decides."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol

from temporalio import activity

from activities.heartbeat import heartbeating
from activities.record import scheduled_at
from perdure.contracts.escalating import Escalate, Escalated
from perdure.contracts.names import ESCALATION


class KeepsReceipts(Protocol):
    """The ledger of effects."""

    async def intend(
        self, *, task_id: str, kind: str, target: str, key: str, intent: Mapping[str, Any], at: datetime
    ) -> dict[str, Any] | None:
        """Record the intent; gives the receipt where the effect is known to have happened."""
        ...

    async def receive(
        self, *, task_id: str, kind: str, target: str, key: str, receipt: Mapping[str, Any], at: datetime
    ) -> None:
        """Record that it happened."""
        ...


class Announces(Protocol):
    """The operator's command."""

    @property
    def program(self) -> str:
        """Its name; empty where none is set."""
        ...

    async def announce(self, message: bytes) -> None:
        """Run it once."""
        ...


class EscalateDoor:
    """Escalates approvals."""

    def __init__(self, record: KeepsReceipts, announcer: Announces) -> None:
        self._record = record
        self._announcer = announcer

    @activity.defn(name="escalate")
    async def escalate(self, request: Escalate) -> Escalated:
        """Run the command, unless its receipt is there: at least once, and once more only where a receipt was lost."""
        approval = request.approval
        ledger = {"task_id": request.task_id, "kind": ESCALATION}
        ledger |= {"target": approval.id, "key": approval.operation_digest}
        if not self._announcer.program:
            return Escalated(announced=False, said="This worker has no PERDURE_ESCALATION_COMMAND.")
        async with heartbeating():
            intent = {"title": approval.title, "expires_at": approval.expires_at}
            if await self._record.intend(**ledger, intent=intent, at=scheduled_at()) is None:
                await self._announcer.announce(message_of(request))
                receipt = {"program": self._announcer.program}
                await self._record.receive(**ledger, receipt=receipt, at=scheduled_at())
        return Escalated(announced=True, said=f"{self._announcer.program} was told.")


def message_of(request: Escalate) -> bytes:
    """What the command reads: one JSON object on one line; ``key`` is the same where it is told a second time."""
    approval = request.approval
    message = {
        "v": 1,
        "event": "approval_waits",
        "key": f"{approval.id}/escalation",
        "task": {
            "id": request.workflow_id,
            "task_id": request.task_id,
            "request": request.request,
            "repository": approval.repository,
            "user": approval.user,
        },
        "approval": approval.model_dump(mode="json"),
        "reminders": request.reminders,
        "approve": f"python starter.py approve {approval.id}",
        "deny": f"python starter.py deny {approval.id}",
    }
    return json.dumps(message, ensure_ascii=True).encode() + b"\n"
