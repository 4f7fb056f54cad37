"""Remembered decisions of people: kept, looked for by the shape of a call, revoked, and void after a rewind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from perdure.contracts.grants import Grant, GrantState, ListedGrant
from perdure.memory.stored_json import from_json, versioned

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    import asyncpg

    from perdure.memory.database import Database

MOST_LISTED = 300

# A rewind takes the same row, so that either it sees the grant, or the grant sees the rewind.
TASK = "SELECT rewound_at FROM tasks WHERE task_id = $1 FOR UPDATE"
KEEP = """
INSERT INTO grants (grant_id, scope, task_id, repository, shape, entry, given, given_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7::text::json, $8, $9) ON CONFLICT DO NOTHING
"""
STANDING = "revoked_at IS NULL AND void_at IS NULL AND (expires_at IS NULL OR expires_at > now())"
FOR_CALL = f"""
SELECT given FROM grants WHERE shape = $2 AND {STANDING} AND (
    (scope = 'task' AND task_id = $1)
    OR (scope = 'repository' AND repository = (SELECT repository FROM tasks WHERE task_id = $1))
) ORDER BY given_at, grant_id
"""
REWIND = "UPDATE tasks SET rewound_at = greatest(coalesce(rewound_at, $2), $2) WHERE task_id = $1"
OF_TASK = "SELECT grant_id, entry FROM grants WHERE task_id = $1 AND void_at IS NULL"
VOID = "UPDATE grants SET void_at = $2 WHERE grant_id = ANY ($1::text[]) AND void_at IS NULL"
LISTED = f"""
SELECT g.given, g.revoked, g.revoked_at, CASE
    WHEN g.revoked_at IS NOT NULL THEN 'revoked'
    WHEN g.void_at IS NOT NULL THEN 'void'
    WHEN g.expires_at <= now() THEN 'expired'
    WHEN g.scope = 'task' AND t.closed_at IS NOT NULL THEN 'ended'
    ELSE 'active' END AS state
FROM grants g LEFT JOIN tasks t ON t.task_id = g.task_id
WHERE ($1::text IS NULL OR g.repository = $1) AND ($2::text[] IS NULL OR g.grant_id = ANY ($2::text[]))
    AND ($3 OR ({STANDING} AND NOT (g.scope = 'task' AND t.closed_at IS NOT NULL)))
ORDER BY g.given_at DESC, g.grant_id LIMIT $4
"""
REVOKE = """
UPDATE grants SET revoked_at = $2, revoked = $3::text::json
WHERE grant_id = ANY ($1::text[]) AND revoked_at IS NULL
"""


class Grants:
    """The part of the record that holds remembered decisions."""

    _database: Database

    async def keep_grant(self, grant: Grant, *, asked_at: datetime) -> bool:
        """Keep it once; False where its task was taken back after the step that keeps it was asked for."""
        async with self._database.transaction() as connection:
            row = await connection.fetchrow(TASK, grant.task_id)
            if row is None or (row["rewound_at"] is not None and row["rewound_at"] > asked_at):
                return False
            await connection.fetch(
                KEEP,
                *(grant.id, grant.scope.value, grant.task_id, grant.repository, grant.shape, grant.entry),
                *(versioned(grant.model_dump(mode="json")), grant.given_at, grant.expires_at),
            )
        return True

    async def grants_for(self, task_id: str, shape: str) -> list[Grant]:
        """What stands for calls of this shape in this task, the oldest first."""
        rows = await self._database.fetch(FOR_CALL, task_id, shape)
        return [Grant.model_validate(_given(row)) for row in rows]

    async def rewound(self, task_id: str, *, at: datetime) -> None:
        """Record that the task begins or is taken back: whatever an earlier run still does counts no more."""
        await self._database.fetch(REWIND, task_id, at)

    async def grants_of(self, task_id: str) -> list[tuple[str, str]]:
        """Id and entry of each grant that the task gave and that is not void."""
        return [(row["grant_id"], row["entry"]) for row in await self._database.fetch(OF_TASK, task_id)]

    async def void_grants(self, ids: Sequence[str], *, at: datetime) -> None:
        """Let these count no more: their task was taken back to before them."""
        await self._database.fetch(VOID, list(ids), at)

    async def listed_grants(
        self, *, repository: str | None = None, ids: Sequence[str] | None = None, everything: bool = False
    ) -> list[ListedGrant]:
        """The newest first, at most ``MOST_LISTED``; without ``everything`` those that count."""
        rows = await self._database.fetch(
            LISTED, repository, None if ids is None else list(ids), everything, MOST_LISTED
        )
        return [_listed(row) for row in rows]

    async def revoke_grants(self, ids: Sequence[str], *, by: str, reason: str, at: datetime) -> None:
        """Let these count no more, from now on; what was revoked before stays as it was."""
        await self._database.fetch(REVOKE, list(ids), at, versioned({"by": by, "reason": reason}))


def _given(row: asyncpg.Record) -> dict[str, Any]:
    return {name: value for name, value in from_json(row["given"]).items() if name != "v"}


def _listed(row: asyncpg.Record) -> ListedGrant:
    revoked = {} if row["revoked"] is None else from_json(row["revoked"])
    state: GrantState = row["state"]
    return ListedGrant.model_validate(
        {
            **_given(row),
            "state": state,
            "revoked_at": row["revoked_at"],
            "revoked_by": revoked.get("by", ""),
            "revoked_because": revoked.get("reason", ""),
        }
    )
