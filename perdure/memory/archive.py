"""The archive's index, and the hosts and workspaces that a sweep looks after."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from perdure.contracts.archive import HISTORY_MEDIA_TYPE, ArchivedRun, ClosedRun
from perdure.contracts.errors import ConfigurationError
from perdure.contracts.transcript import Entry
from perdure.memory.artifacts import Artifacts
from perdure.memory.batches import MEDIA_TYPE, keeping, packed, read_batch
from perdure.memory.stored_json import from_json, to_json

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Collection, Sequence
    from datetime import datetime

    import asyncpg

ARCHIVE = """
INSERT INTO archived_runs (
    task_id, run_id, workflow_id, kind, status, started_at, closed_at, events, bytes, artifact_id
)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING
"""
AMONG = "SELECT run_id FROM archived_runs WHERE run_id = ANY ($1::text[])"
RUNS = """
SELECT task_id, run_id, artifact_id, bytes FROM archived_runs
WHERE task_id = $1 OR workflow_id = $1 ORDER BY started_at, closed_at
"""
BATCHES = "SELECT id FROM artifacts WHERE task_id = $1 AND media_type = $2 ORDER BY stored_at, id"
ENTRIES = (
    "SELECT digest, v, parent, depth, step, kind, body, at FROM entries WHERE task_id = $1 ORDER BY depth"
)
KEEP = f"WITH batch AS ({keeping(2)}) SELECT"
BATCH_BYTES = 8 * 1024 * 1024

SEEN = """
INSERT INTO hosts (task_queue, host_id) VALUES ($1, $2)
ON CONFLICT (task_queue, host_id) DO UPDATE SET seen_at = now()
"""
HOSTS = "SELECT host_id FROM hosts WHERE task_queue = $1 ORDER BY host_id"

KNOWN = """
SELECT t.workflow_id, w.revision, coalesce(w.checkpoint->>'pack', '') <> '' OR t.status = 'forgotten' AS stored,
       greatest(t.closed_at, (SELECT max(closed_at) FROM archived_runs a WHERE a.task_id = t.task_id)) AS closed_at
FROM tasks t JOIN workspaces w USING (task_id) WHERE task_id = $1
"""
RELEASE = """
UPDATE workspaces SET revision = revision + 1, updated_at = now(),
    ready = ready AND host_id <> $3, built = built AND host_id <> $3
WHERE task_id = $1 AND revision = $2 RETURNING task_id
"""
ENDED_FROM_OUTSIDE = """
SELECT t.task_id, t.workflow_id, a.status, a.closed_at, w.revision
FROM tasks t LEFT JOIN workspaces w USING (task_id) JOIN LATERAL (
    SELECT status, closed_at FROM archived_runs a WHERE a.task_id = t.task_id ORDER BY closed_at DESC LIMIT 1
) a ON true
WHERE t.closed_at IS NULL AND a.status <> 'continued' ORDER BY t.task_id
"""
CLOSE = """
UPDATE tasks SET status = $2, closed_at = $3 WHERE task_id = $1 AND closed_at IS NULL
    AND (SELECT revision FROM workspaces w WHERE w.task_id = $1) IS NOT DISTINCT FROM $4::bigint
RETURNING task_id
"""


@dataclass(frozen=True)
class EndedTask:
    """A task whose last archived run ended without recording that; a reset may have begun another since."""

    task_id: str
    workflow_id: str
    status: str
    closed_at: datetime
    revision: int | None
    """Of its workspace, which whoever goes on with the task prepares anew."""


@dataclass(frozen=True)
class KnownTask:
    """What a sweep must know of a task that has files on a host."""

    workflow_id: str
    closed_at: datetime | None
    revision: int
    stored: bool
    """Whether its last checkpoint can be brought to any host."""


class Archive(Artifacts):
    """The part of the record that holds what outlives Temporal's retention."""

    async def archive_run(self, run: ClosedRun, history: bytes) -> ArchivedRun:
        """Store a history as an artifact of its task; the same again changes nothing."""
        await self.make_artifact_key(run.task_id)
        data = run.with_history(history)
        artifact = await self.put_artifact(run.task_id, f"history {run.run_id}", data, HISTORY_MEDIA_TYPE)
        await self._database.fetch(
            ARCHIVE,
            *(run.task_id, run.run_id, run.workflow_id, run.kind, run.status, run.started_at, run.closed_at),
            *(run.events, len(data), artifact.id),
        )
        return ArchivedRun(**run.model_dump(), artifact_id=artifact.id, bytes=len(data))

    async def archived_among(self, run_ids: Collection[str]) -> set[str]:
        """Those of these runs that are archived."""
        return {row["run_id"] for row in await self._database.fetch(AMONG, list(run_ids))}

    async def ended_from_outside(self) -> list[EndedTask]:
        """Tasks that the record has for open although their last archived run is closed, as one that was terminated."""
        return [EndedTask(**row) for row in await self._database.fetch(ENDED_FROM_OUTSIDE)]

    async def close_ended(self, task: EndedTask) -> bool:
        """Record that such a task is closed; False where somebody went on with it meanwhile."""
        row = await self._database.fetchrow(CLOSE, task.task_id, task.status, task.closed_at, task.revision)
        return row is not None

    async def batches(self, task_id: str) -> AsyncGenerator[tuple[str, Sequence[Entry]]]:
        """Every artifact of entries that the task has, with what it holds."""
        for row in await self._database.fetch(BATCHES, task_id, MEDIA_TYPE):
            yield row["id"], read_batch(task_id, await self.artifact(task_id, row["id"])).entries

    async def complete_batches(self, task_id: str) -> int:
        """Put entries that lie in rows alone, such as an older release wrote, into artifacts too; gives how many did."""
        kept = {entry.digest async for _, entries in self.batches(task_id) for entry in entries}
        rows = await self._database.fetch(ENTRIES, task_id)
        missing = [row for row in rows if row["digest"] not in kept]
        batch: list[asyncpg.Record] = []
        for row in missing:
            batch.append(row)
            if sum(len(each["body"]) for each in batch) > BATCH_BYTES:
                await self._keep(task_id, batch)
                batch = []
        await self._keep(task_id, batch)
        return len(missing)

    async def seen(self, task_queue: str, host_id: str) -> None:
        """A host works for the queue."""
        await self._database.fetch(SEEN, task_queue, host_id)

    async def hosts(self, task_queue: str) -> list[str]:
        """Ids of the hosts that ever worked for the queue."""
        return [row["host_id"] for row in await self._database.fetch(HOSTS, task_queue)]

    async def known_task(self, task_id: str) -> KnownTask | None:
        """What a sweep must know; None where the record has no such task or no workspace of it."""
        row = await self._database.fetchrow(KNOWN, task_id)
        return None if row is None else KnownTask(**row)

    @asynccontextmanager
    async def releasing(self, task_id: str, *, revision: int, host_id: str) -> AsyncGenerator[bool]:
        """Whether the workspace is as it was at that revision; until the body ends nobody prepares or claims it.

        Afterwards it is no longer ready where this host had it: whoever goes on with the task prepares it anew.
        """
        async with self._database.transaction() as connection:
            yield await connection.fetchrow(RELEASE, task_id, revision, host_id) is not None

    async def archived_runs(self, id: str) -> list[ArchivedRun]:
        """The archived runs of a task, by its id or by its workflow's (then of every task that had it), oldest first."""
        found: list[ArchivedRun] = []
        for row in await self._database.fetch(RUNS, id):
            stored = await self.artifact(row["task_id"], row["artifact_id"])
            header = ClosedRun.model_validate_json(stored.partition(b"\n")[0])
            found.append(
                ArchivedRun(**header.model_dump(), artifact_id=row["artifact_id"], bytes=row["bytes"])
            )
        return found

    async def require_archive(self) -> None:
        """ConfigurationError where the database has no archive: it is empty, or of an older release."""
        row = await self._database.fetchrow("SELECT to_regclass('archived_runs') IS NOT NULL AS there")
        if row is None or not row["there"]:
            raise ConfigurationError(
                f"The database {self._database.name!r} holds no archive.",
                "name the database that the workers use; they make the archive when they start.",
            )

    async def _keep(self, task_id: str, rows: Sequence[asyncpg.Record]) -> None:
        if not rows:
            return
        entries = [
            Entry.model_validate({"task_id": task_id, **row, "body": from_json(row["body"])}) for row in rows
        ]
        batch = packed(await self._artifact_key(task_id), entries, [to_json(each.body) for each in entries])
        await self._database.fetch(KEEP, task_id, *batch)
