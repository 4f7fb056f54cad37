"""Stored answers of models: what was paid for once is not asked for again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from perdure.contracts.errors import StoreUnavailable
from perdure.contracts.task import Cost
from perdure.memory.artifacts import Artifacts
from perdure.memory.batches import keeping
from perdure.memory.entries import INSERT, EntryRows
from perdure.memory.stored_json import from_json, versioned

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from perdure.contracts.transcript import Entry
    from perdure.memory.keys import AnswerKey
    from perdure.memory.transcripts import Transcripts

READ = "SELECT body FROM answers WHERE task_id = $1 AND run_id = $2 AND step = $3 AND purpose = $4"

WON = "EXISTS (SELECT 1 FROM won)"
COSTS = "SELECT body -> 'cost' AS cost FROM answers WHERE task_id = $1 AND body -> 'cost' IS NOT NULL"

STORE = f"""
WITH won AS (
    INSERT INTO answers (task_id, run_id, step, purpose, body)
    VALUES ($1, $10, $11, $12, $13::text::json) ON CONFLICT DO NOTHING RETURNING 1
), batch AS ({keeping(14, only_where=WON)}), added AS (
    {INSERT} WHERE {WON} ON CONFLICT DO NOTHING
)
SELECT {WON} AS won
"""


@dataclass(frozen=True)
class Stored:
    """An answer that was stored before. ``body`` is what was given to ``store_answer``, with ``v``."""

    body: dict[str, Any]


class Answers(Artifacts):
    """The part of the record that holds answers."""

    _transcripts: Transcripts

    async def answer(self, key: AnswerKey) -> Stored | None:
        """The answer stored under this key, if there is one."""
        row = await self._database.fetchrow(READ, key.task_id, key.run_id, key.step, key.purpose)
        return None if row is None else Stored(from_json(row["body"]))

    async def spent(self, task_id: str) -> Cost:
        """What every stored answer of the task cost, in all its runs: also in steps that a rewind took back."""
        total = Cost()
        for row in await self._database.fetch(COSTS, task_id):
            total = total.plus(Cost.model_validate_json(row["cost"]))
        return total

    async def store_answer(
        self, key: AnswerKey, body: Mapping[str, Any], entries: Sequence[Entry] = ()
    ) -> dict[str, Any]:
        """Store an answer with its entries, both or neither. The first one wins: gives the body that is stored."""
        rows = EntryRows.of(key.task_id, entries)
        text = versioned(body)
        batch = rows.batch(await self._artifact_key(key.task_id))
        row = await self._database.fetchrow(
            STORE, key.task_id, *rows.columns, key.run_id, key.step, key.purpose, text, *batch
        )
        if row is not None and row["won"]:
            self._transcripts.recorded(key.task_id, rows.weighed)
            return from_json(text)
        # The winner's row may be too new for the statement above to see, so it is read by another one.
        stored = await self.answer(key)
        if stored is None:
            raise StoreUnavailable(
                f"The answer to {key.purpose!r} of step {key.step} of task {key.task_id!r} was there and is gone.",
                "the step is tried again; do not delete rows of a running task",
            )
        return stored.body
