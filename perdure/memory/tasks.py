"""Tasks: what was asked, when, and how it ended."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from perdure.contracts.policy import TaskRule
from perdure.contracts.task import TaskStatus
from perdure.memory.artifacts import KEY_BYTES, unknown_task
from perdure.memory.places import Holder
from perdure.memory.stored_json import from_json, plain_text, versioned

if TYPE_CHECKING:
    from collections import OrderedDict
    from collections.abc import Collection, Mapping
    from datetime import datetime

    from perdure.contracts.task import TaskRequest
    from perdure.memory.database import Database

OPEN = """
INSERT INTO tasks (task_id, workflow_id, request, repository, status, artifact_key, opened_at)
VALUES ($1, $2, $3::text::json, $4, $5, $6, $7) ON CONFLICT DO NOTHING
"""

# Read as text: PostgreSQL takes no field out of an object in which any text holds a NUL.
ASKED = "SELECT request::text AS request, repository FROM tasks WHERE task_id = $1"
KEPT = 1_000
"""Tasks whose asking is kept in memory."""

CLOSE = "UPDATE tasks SET status = $2, summary = $3, closed_at = $4 WHERE task_id = $1 RETURNING task_id"


STARTED = """
SELECT task_id, workflow_id, request::text AS request, repository, opened_at, closed_at IS NULL AS open FROM tasks
WHERE opened_at > $1 ORDER BY opened_at DESC LIMIT 5000
"""
OPEN_AMONG = "SELECT task_id, workflow_id FROM tasks WHERE task_id = ANY($1::text[]) AND closed_at IS NULL"


@dataclass(frozen=True)
class Started:
    """A task that was opened, and when; ``open`` until its end is recorded."""

    holder: Holder
    opened_at: datetime
    open: bool


@dataclass(frozen=True)
class Asked:
    """What a task was asked with."""

    user: str
    repository: str
    policy: tuple[TaskRule, ...] = ()


def _asked(request: Mapping[str, Any], repository: str) -> Asked:
    rules = (TaskRule.model_validate(rule) for rule in request.get("policy", ()))
    return Asked(request["user"], repository, tuple(rules))


class Tasks:
    """The part of the record that holds tasks."""

    _database: Database
    _asked: OrderedDict[str, Asked]

    async def asked(self, task_id: str) -> Asked:
        """What the task was asked with, which never changes; InvalidInput where there is no such task."""
        known = self._asked.get(task_id)
        if known is None:
            row = await self._database.fetchrow(ASKED, task_id)
            if row is None:
                raise unknown_task(task_id)
            known = self._asked[task_id] = _asked(from_json(row["request"]), row["repository"])
            if len(self._asked) > KEPT:
                self._asked.popitem(last=False)
        return known

    async def open_task(
        self, *, task_id: str, workflow_id: str, request: TaskRequest, repository: str, at: datetime
    ) -> None:
        """Record a task under a random key for its artifacts, a new one where it has none; one that is there stays."""
        await self._database.fetch(
            OPEN,
            task_id,
            workflow_id,
            versioned(request.model_dump(mode="json")),
            plain_text(repository),
            TaskStatus.PLANNING.value,
            secrets.token_bytes(KEY_BYTES),
            at,
        )

    async def started_since(self, moment: datetime) -> list[Started]:
        """Tasks that were opened since then, the newest first."""
        return [
            Started(
                Holder(
                    row["task_id"], row["workflow_id"], from_json(row["request"])["user"], row["repository"]
                ),
                row["opened_at"],
                row["open"],
            )
            for row in await self._database.fetch(STARTED, moment)
        ]

    async def open_among(self, task_ids: Collection[str]) -> list[Holder]:
        """Those of the tasks that are not closed."""
        rows = await self._database.fetch(OPEN_AMONG, list(task_ids))
        asked = [await self.asked(row["task_id"]) for row in rows]
        return [
            Holder(row["task_id"], row["workflow_id"], each.user, each.repository)
            for row, each in zip(rows, asked, strict=True)
        ]

    async def close_task(self, *, task_id: str, status: str, summary: str, at: datetime) -> None:
        """Record how the task ended; the last word counts, since a reset run may end otherwise."""
        row = await self._database.fetchrow(CLOSE, task_id, str(status), plain_text(summary), at)
        if row is None:
            raise unknown_task(task_id)
