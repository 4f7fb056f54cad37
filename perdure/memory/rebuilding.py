"""Makes rows of a task and of its transcript again from what is primary: event histories and artifacts."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from perdure.contracts.errors import ConfigurationError
from perdure.contracts.keeping import Rebuilt, TaskFacts
from perdure.contracts.transcript import Entry
from perdure.memory.archive import ENTRIES
from perdure.memory.entries import INSERT, EntryRows, digest_over
from perdure.memory.stored_json import from_json, plain_text, versioned
from perdure.memory.tasks import OPEN

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from perdure.memory.database import Database
    from perdure.memory.record import Record

ROW = "SELECT workflow_id, request, repository, status, summary, opened_at, closed_at FROM tasks WHERE task_id = $1"
SET = """
UPDATE tasks SET workflow_id = $2, request = $3::text::json, repository = $4, status = $5, summary = $6,
    opened_at = $7, closed_at = $8
WHERE task_id = $1
"""
BRING_KEY_BACK = """
INSERT INTO artifact_keys (task_id, key) SELECT task_id, artifact_key FROM tasks WHERE task_id = $1
ON CONFLICT DO NOTHING
"""
HAS_KEY = "SELECT FROM artifact_keys WHERE task_id = $1"
REMOVE_ENTRIES = "DELETE FROM entries WHERE task_id = $1 AND digest = ANY ($2::text[])"
ADD_ENTRIES = f"{INSERT} ON CONFLICT DO NOTHING"
ADDED_AT_ONCE = 200


@dataclass
class _Compared:
    """The transcript as artifacts and as rows have it."""

    kept: dict[str, Entry]
    rows: dict[str, Entry]
    damaged: list[str] = field(default_factory=list[str])

    @property
    def missing(self) -> list[Entry]:
        """Entries whose rows are gone or damaged, parents first."""
        lacking = [entry for digest, entry in self.kept.items() if digest not in self.rows]
        return sorted(lacking, key=lambda entry: entry.depth)

    @property
    def known(self) -> dict[str, Entry]:
        """Every entry that is anywhere."""
        return {**self.rows, **self.kept}

    def chain(self, head: str) -> list[Entry] | None:
        """The entries up to this head, oldest first; None where one of them is nowhere."""
        known, found = self.known, list[Entry]()
        while head:
            entry = known.get(head)
            if entry is None:
                return None
            found.append(entry)
            head = entry.parent
        return found[::-1]


class Rebuilder:
    """Compares one task's rows with what its histories and artifacts say, and mends them."""

    def __init__(self, database: Database, record: Record) -> None:
        self._database = database
        self._record = record

    async def rebuild(
        self, facts: TaskFacts, *, source: str, dry_run: bool
    ) -> tuple[Rebuilt, Sequence[Entry]]:
        """What differed, and the transcript up to its newest head; with ``dry_run`` nothing is changed."""
        await self._require_key(facts.task_id, dry_run=dry_run)
        row = await self._compare_row(facts)
        compared = await self._compare_entries(facts.task_id)
        named = {entry.digest for head in facts.heads for entry in compared.chain(head) or ()}
        report = Rebuilt(
            task_id=facts.task_id,
            workflow_id=facts.workflow_id,
            source=source,
            dry_run=dry_run,
            row=row,
            entries=len(compared.kept),
            missing_rows=len(compared.missing) - len(compared.damaged),
            damaged_rows=len(compared.damaged),
            rows_alone=len([digest for digest in compared.rows if digest not in compared.kept]),
            unknown_rows=len([d for d in compared.rows if d not in compared.kept and d not in named]),
            lost=tuple(head for head in facts.heads if compared.chain(head) is None),
        )
        if not dry_run:
            await self._mend_row(facts, row)
            await self._mend_entries(facts.task_id, compared)
            await self._record.complete_batches(facts.task_id)
        chains = (compared.chain(head) for head in reversed(facts.heads))
        return report, next((chain for chain in chains if chain), list[Entry]())

    async def _require_key(self, task_id: str, *, dry_run: bool) -> None:
        if await self._database.fetchrow(HAS_KEY, task_id) is not None:
            return
        if await self._database.fetchrow(ROW, task_id) is None:
            raise ConfigurationError(
                f"The key of the artifacts of task {task_id!r} is gone, so none of them can be read.",
                "restore the table artifact_keys from a backup; it is as primary as the artifacts.",
            )
        if not dry_run:
            await self._database.fetch(BRING_KEY_BACK, task_id)

    async def _compare_row(self, facts: TaskFacts) -> str:
        if facts.request is None:
            return "none"
        row = await self._database.fetchrow(ROW, facts.task_id)
        if row is None:
            return "missing"
        there = {**row, "request": from_json(row["request"])}
        differing = [name for name, value in _columns(facts).items() if there[name] != value]
        return f"differs: {', '.join(differing)}" if differing else "same"

    async def _compare_entries(self, task_id: str) -> _Compared:
        kept = {
            entry.digest: entry async for _, entries in self._record.batches(task_id) for entry in entries
        }
        compared = _Compared(kept, {})
        for row in await self._database.fetch(ENTRIES, task_id):
            data: dict[str, Any] = {"task_id": task_id, **row, "body": json.loads(row["body"])}
            if digest_over(data) != row["digest"]:
                compared.damaged.append(row["digest"])
            else:
                compared.rows[row["digest"]] = Entry.model_validate(data)
        compared.damaged = [digest for digest in compared.damaged if digest in kept]
        return compared

    async def _mend_row(self, facts: TaskFacts, row: str) -> None:
        if facts.request is None or row == "same":
            return
        columns = _columns(facts)
        given = [columns[name] for name in ("workflow_id", "request", "repository", "status")]
        given[1] = versioned(facts.request.model_dump(mode="json"))
        if row == "missing":
            # The key that is given counts only where the task has none, which was refused before.
            await self._database.fetch(OPEN, facts.task_id, *given, b"", columns["opened_at"])
        await self._database.fetch(
            SET, facts.task_id, *given, columns["summary"], columns["opened_at"], columns["closed_at"]
        )

    async def _mend_entries(self, task_id: str, compared: _Compared) -> None:
        missing = compared.missing
        async with self._database.transaction() as connection:
            if compared.damaged:
                await connection.fetch(REMOVE_ENTRIES, task_id, compared.damaged)
            for begin in range(0, len(missing), ADDED_AT_ONCE):
                rows = EntryRows.of(task_id, missing[begin : begin + ADDED_AT_ONCE])
                await connection.fetch(ADD_ENTRIES, task_id, *rows.columns)


def _columns(facts: TaskFacts) -> Mapping[str, Any]:
    """The row as the histories say it; the request as JSON."""
    assert facts.request is not None
    return {
        "workflow_id": facts.workflow_id,
        "request": {"v": 1, **facts.request.model_dump(mode="json")},
        "repository": plain_text(facts.repository),
        "status": facts.status,
        "summary": plain_text(facts.summary),
        "opened_at": facts.opened_at,
        "closed_at": facts.closed_at,
    }
