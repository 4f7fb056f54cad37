"""The ledger of effects outside the workspace: what was meant, and the receipt once it is known to have happened.

The ledger is a memory of receipts, not the truth about the world: whoever intends an effect looks at the world first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from perdure.contracts.errors import InvalidInput
from perdure.contracts.names import PUSH
from perdure.memory.stored_json import from_json, versioned

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from perdure.memory.database import Database

INTEND = """
INSERT INTO effects (task_id, kind, target, key, intent, intended_at)
VALUES ($1, $2, $3, $4, $5::text::json, $6) ON CONFLICT DO NOTHING RETURNING key
"""
RECEIPT = "SELECT receipt FROM effects WHERE task_id = $1 AND kind = $2 AND target = $3 AND key = $4"
PUSHES = "SELECT target, intent FROM effects WHERE task_id = $1 AND kind = $2"
INTENT = "SELECT intent FROM effects WHERE task_id = $1 AND kind = $2 AND target = $3 AND key = $4"
RECEIVE = """
UPDATE effects SET receipt = coalesce(receipt, $5::text::json), received_at = coalesce(received_at, $6)
WHERE task_id = $1 AND kind = $2 AND target = $3 AND key = $4 RETURNING key
"""


class Effects:
    """The part of the record that holds effects."""

    _database: Database

    async def intend(
        self, *, task_id: str, kind: str, target: str, key: str, intent: Mapping[str, Any], at: datetime
    ) -> dict[str, Any] | None:
        """Record the intent (the first one stays); gives the receipt where the effect is known to have happened."""
        mine = await self._database.fetchrow(INTEND, task_id, kind, target, key, versioned(intent), at)
        if mine is not None:
            return None
        row = await self._database.fetchrow(RECEIPT, task_id, kind, target, key)
        return None if row is None or row["receipt"] is None else from_json(row["receipt"])

    async def intended(self, *, task_id: str, kind: str, target: str, key: str) -> dict[str, Any] | None:
        """The recorded intent, None where there is none."""
        row = await self._database.fetchrow(INTENT, task_id, kind, target, key)
        return None if row is None else from_json(row["intent"])

    async def pushes(self, task_id: str) -> dict[str, set[str]]:
        """Branch → commits that this task pushed, or meant to when it was stopped."""
        found: dict[str, set[str]] = {}
        for row in await self._database.fetch(PUSHES, task_id, PUSH):
            branch = str(row["target"]).rpartition(" ")[2]
            found.setdefault(branch, set()).add(str(from_json(row["intent"])["commit"]))
        return found

    async def receive(
        self, *, task_id: str, kind: str, target: str, key: str, receipt: Mapping[str, Any], at: datetime
    ) -> None:
        """Record that the effect happened; the first receipt stays."""
        row = await self._database.fetchrow(RECEIVE, task_id, kind, target, key, versioned(receipt), at)
        if row is None:
            raise InvalidInput(
                f"Task {task_id!r} never intended the effect {kind!r} on {target!r} under the key {key!r}.",
                "record the intent before acting",
            )
