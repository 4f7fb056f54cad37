"""Tell whom the operator named that an approval waits and nobody decides."""

import json
import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol

from temporalio import activity

from activities.heartbeat import heartbeating
from activities.record import scheduled_at
from perdure.contracts.escalating import Escalate, Escalated
from perdure.contracts.names import ESCALATION

AGAIN = (
    " It may have been told before: an earlier attempt failed, or was cut off before its receipt was kept."
)


class KeepsReceipts(Protocol):
    """The ledger of effects."""

    async def intend(
        self, *, task_id: str, kind: str, target: str, key: str, intent: Mapping[str, Any], at: datetime
    ) -> dict[str, Any] | None:
        """Record the intent; gives the receipt where the effect is known to have happened."""
        ...

    async def intended(self, *, task_id: str, kind: str, target: str, key: str) -> dict[str, Any] | None:
        """The first intent."""
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
        """Run the command, unless its receipt is there: at least once, and once more only where a receipt was lost.

        What may be told a second time says so, to who is told and to people.
        """
        approval = request.approval
        ledger = {"task_id": request.task_id, "kind": ESCALATION}
        ledger |= {"target": approval.id, "key": approval.operation_digest}
        if not self._announcer.program:
            return Escalated(announced=False, said="This worker has no PERDURE_ESCALATION_COMMAND.")
        async with heartbeating():
            attempt = uuid.uuid4().hex
            intent = {"title": approval.title, "expires_at": approval.expires_at, "attempt": attempt}
            receipt = await self._record.intend(**ledger, intent=intent, at=scheduled_at())
            if receipt is None:
                first = await self._record.intended(**ledger)
                # The first intent stays, so another's means that an earlier attempt began.
                again = first is None or first.get("attempt") != attempt
                await self._announcer.announce(message_of(request, again=again))
                receipt = {"program": self._announcer.program, "again": again}
                await self._record.receive(**ledger, receipt=receipt, at=scheduled_at())
        said = f"{self._announcer.program} was told." + (AGAIN if receipt.get("again") else "")
        return Escalated(announced=True, said=said)


def message_of(request: Escalate, *, again: bool) -> bytes:
    """What the command reads: one JSON object on one line; ``key`` is the same where it is told a second time."""
    approval = request.approval
    message = {
        "v": 1,
        "event": "approval_waits",
        "key": f"{approval.id}/escalation",
        "again": again,
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
