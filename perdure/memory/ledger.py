"""The effects ledger of one task, bound to it and to the time of the step that writes."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from perdure.memory.record import Record


@dataclass(frozen=True)
class TaskLedger:
    """What tools with effects outside the workspace are handed."""

    record: Record
    task_id: str
    at: datetime

    async def intend(
        self, kind: str, target: str, key: str, intent: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        """Record the intent (the first stays); gives the receipt where the effect is known to have happened."""
        return await self.record.intend(
            task_id=self.task_id, kind=kind, target=target, key=key, intent=intent, at=self.at
        )

    async def intended(self, kind: str, target: str, key: str) -> dict[str, Any] | None:
        """The recorded intent, None where there is none."""
        return await self.record.intended(task_id=self.task_id, kind=kind, target=target, key=key)

    async def receive(self, kind: str, target: str, key: str, receipt: Mapping[str, Any]) -> None:
        """Record that the effect happened."""
        await self.record.receive(
            task_id=self.task_id, kind=kind, target=target, key=key, receipt=receipt, at=self.at
        )
