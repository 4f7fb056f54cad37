"""What people were asked and what they decided, for the audit; the workflow's history is the truth about both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from perdure.contracts.decisions import Approval
from perdure.memory.stored_json import from_json, versioned

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    import asyncpg

    from perdure.memory.database import Database

RECORD = """
INSERT INTO approvals (task_id, approval_id, operation_digest, asked, asked_at, decided, decided_at)
VALUES ($1, $2, $3, $4::text::json, $5::timestamptz, $6::text::json, $7::timestamptz)
ON CONFLICT (task_id, approval_id) DO NOTHING
"""
READ = """
SELECT asked, asked_at, decided, decided_at FROM approvals WHERE task_id = $1
ORDER BY asked_at, (asked ->> 'step')::integer, (asked ->> 'call')::integer, decided_at, approval_id
"""


@dataclass(frozen=True)
class ApprovalRecord:
    """One approval: what was asked, and what became of it."""

    approval: Approval
    asked_at: datetime
    decided: dict[str, Any]
    decided_at: datetime


class Approvals:
    """The part of the record that holds approvals."""

    _database: Database

    async def record_approval(
        self,
        *,
        task_id: str,
        approval: Approval,
        asked_at: datetime,
        decided: Mapping[str, Any],
        decided_at: datetime,
    ) -> None:
        """Record what was asked and what was decided; what is recorded already stays as it is."""
        await self._database.fetch(
            RECORD,
            *(task_id, approval.id, approval.operation_digest, versioned(approval.model_dump(mode="json"))),
            *(asked_at, versioned(decided), decided_at),
        )

    async def approvals(self, task_id: str) -> list[ApprovalRecord]:
        """The task's approvals in the order in which they were asked."""
        return [_read(row) for row in await self._database.fetch(READ, task_id)]


def _read(row: asyncpg.Record) -> ApprovalRecord:
    return ApprovalRecord(
        approval=Approval.model_validate_json(row["asked"]),
        asked_at=row["asked_at"],
        decided=from_json(row["decided"]),
        decided_at=row["decided_at"],
    )
