"""Finds artifacts that nothing refers to, and forgets tasks.

Nothing is taken of a task that is open, or whose histories are not all archived: what it refers to stands in a history
that is not here. Of the others everything stays that is named anywhere: in the archived histories, the transcript (also of
steps that were taken back), the results of calls, the workspace, and by artifacts that are named themselves. An id is
recognised by its form wherever it stands, so a mistake would keep too much and never too little.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from perdure.contracts.archive import HISTORY_MEDIA_TYPE, history_in
from perdure.contracts.errors import InvalidInput
from perdure.memory.batches import MEDIA_TYPE

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping
    from datetime import datetime

    from perdure.memory.database import Database
    from perdure.memory.record import Record

FORGOTTEN = "forgotten"
"""Status of a task of which nothing but this word is left, so that its files go from the hosts."""
ID = re.compile(rb"[0-9a-f]{64}")
PLAIN = b"json/plain"
"""How payloads are marked that can be searched for ids."""
SCANNED_ALWAYS = frozenset({MEDIA_TYPE, HISTORY_MEDIA_TYPE})
FIRST_LINE_BYTES = 1024 * 1024

TASKS = """
SELECT a.task_id, bool_or(k.task_id IS NOT NULL) AS key, bool_or(t.task_id IS NOT NULL) AS row,
       bool_or(t.closed_at IS NOT NULL) AS closed
FROM artifacts a LEFT JOIN artifact_keys k USING (task_id) LEFT JOIN tasks t USING (task_id)
GROUP BY a.task_id HAVING min(a.stored_at) < $1 ORDER BY a.task_id
"""
ARTIFACTS = """
SELECT id, media_type, octet_length(body) AS size, stored_at < $2 AS old FROM artifacts WHERE task_id = $1
"""
TEXTS = """
SELECT body::text AS text FROM entries WHERE task_id = $1
UNION ALL SELECT body::text FROM answers WHERE task_id = $1
UNION ALL SELECT result::text || checkpoint::text FROM calls WHERE task_id = $1
UNION ALL SELECT checkpoint::text FROM workspaces WHERE task_id = $1 AND checkpoint IS NOT NULL
UNION ALL SELECT intent::text || coalesce(receipt::text, '') FROM effects WHERE task_id = $1
UNION ALL SELECT asked::text || coalesce(decided::text, '') FROM approvals WHERE task_id = $1
"""
REMOVE = """
DELETE FROM artifacts a WHERE task_id = $1 AND id = ANY ($2::text[]) AND stored_at < $3
RETURNING octet_length(body) AS size
"""
"""Judged anew while it is removed: bytes that were stored again meanwhile stay."""
FORGET = (
    "DELETE FROM archived_runs WHERE task_id = $1",
    "DELETE FROM entries WHERE task_id = $1",
    "DELETE FROM answers WHERE task_id = $1",
    "DELETE FROM calls WHERE task_id = $1",
    "DELETE FROM effects WHERE task_id = $1",
    "DELETE FROM approvals WHERE task_id = $1",
    "DELETE FROM grants WHERE task_id = $1",
    "DELETE FROM artifact_keys WHERE task_id = $1",
)
LEAVE_A_MARK = """
UPDATE tasks SET request = '{}', repository = '', summary = '', artifact_key = '', status = $2,
    closed_at = coalesce(closed_at, now())
WHERE task_id = $1
"""
FORGET_ARTIFACTS = (
    "WITH gone AS (DELETE FROM artifacts WHERE task_id = $1 RETURNING 1) SELECT count(*) AS number FROM gone"
)


@dataclass(frozen=True)
class Found:
    """What is garbage of one task, or why it was not looked at."""

    task_id: str
    ids: tuple[str, ...] = ()
    bytes: int = 0
    open: bool = False
    because: str = ""


class Collector:
    """Looks at tasks one by one."""

    def __init__(self, database: Database, record: Record) -> None:
        self._database = database
        self._record = record

    async def find(self, before: datetime) -> AsyncGenerator[Found]:
        """Of each task, what nothing refers to and what was stored before that time."""
        for row in await self._database.fetch(TASKS, before):
            if not row["key"]:
                yield await self._without_key(row["task_id"], before)
            elif not row["row"]:
                because = "it has artifacts and no row: `python starter.py rebuild` makes it again"
                yield Found(row["task_id"], because=because)
            elif not row["closed"]:
                yield Found(row["task_id"], open=True)
            else:
                yield await self._of_closed(row["task_id"], before)

    async def remove(self, found: Found, before: datetime) -> tuple[int, int]:
        """How many artifacts went, and how many bytes."""
        rows = await self._database.fetch(REMOVE, found.task_id, list(found.ids), before)
        return len(rows), sum(row["size"] for row in rows)

    async def forget(self, task_id: str) -> int:
        """Remove everything of a closed task but a mark; gives the number of its artifacts."""
        async with self._database.transaction() as connection:
            for statement in FORGET:
                await connection.fetch(statement, task_id)
            await connection.fetch(LEAVE_A_MARK, task_id, FORGOTTEN)
            row = await connection.fetchrow(FORGET_ARTIFACTS, task_id)
        return 0 if row is None else row["number"]

    async def _without_key(self, task_id: str, before: datetime) -> Found:
        """Bytes that nobody can read any more, since the task was forgotten."""
        rows = await self._database.fetch(ARTIFACTS, task_id, before)
        old = [row for row in rows if row["old"]]
        return Found(task_id, tuple(row["id"] for row in old), sum(row["size"] for row in old))

    async def _of_closed(self, task_id: str, before: datetime) -> Found:
        runs = await self._record.archived_runs(task_id)
        if not runs or runs[-1].status == "continued":
            return Found(task_id, open=True)
        rows = {row["id"]: row for row in await self._database.fetch(ARTIFACTS, task_id, before)}
        try:
            named = await self._named(task_id, {id: row["media_type"] for id, row in rows.items()})
        except InvalidInput as error:
            return Found(task_id, because=error.message)
        free = [row for id, row in rows.items() if id not in named and row["old"]]
        return Found(task_id, tuple(row["id"] for row in free), sum(row["size"] for row in free))

    async def _named(self, task_id: str, kinds: Mapping[str, str]) -> set[str]:
        """Everything that is reachable, of the artifacts whose media types are given."""
        texts = await self._database.fetch(TEXTS, task_id)
        named = {id for row in texts for id in _ids(row["text"].encode("utf-8", "replace"))}
        reached = {id for id, kind in kinds.items() if id in named or kind in SCANNED_ALWAYS}
        waiting = list(reached)
        while waiting:
            id = waiting.pop()
            data = await self._record.artifact(task_id, id)
            if kinds[id] == HISTORY_MEDIA_TYPE:
                _refuse_encrypted(task_id, data)
            # A checkpoint names others in its first line, entries and histories do so anywhere.
            part = data if kinds[id] in SCANNED_ALWAYS else data.partition(b"\n")[0][:FIRST_LINE_BYTES]
            fresh = [each for each in _ids(part) if each in kinds and each not in reached]
            reached.update(fresh)
            waiting += fresh
        return reached


def _ids(data: bytes) -> set[str]:
    return {found.decode() for found in ID.findall(data)}


def _refuse_encrypted(task_id: str, stored: bytes) -> None:
    """What a history names cannot be seen where its payloads are encrypted."""
    if PLAIN not in history_in(stored)[1]:
        raise InvalidInput(
            f"The archived history of task {task_id!r} is encrypted, so what it names is not known."
        )
