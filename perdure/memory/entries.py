"""Transcript entries in PostgreSQL: appended once, read by walking from a head back to the first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from perdure.contracts.digests import digest_of
from perdure.contracts.errors import InvalidInput
from perdure.contracts.transcript import Entry
from perdure.memory.artifacts import Artifacts
from perdure.memory.batches import keeping, packed
from perdure.memory.stored_json import damaged, from_json, to_json
from perdure.memory.transcripts import Chain, Transcripts, Weighed

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    import asyncpg

    from perdure.contracts.transcript import EntryKind
    from perdure.contracts.workspace import Checkpoint

COLUMNS = "task_id, digest, v, parent, depth, step, kind, body, at"

INSERT = f"""
INSERT INTO entries ({COLUMNS})
SELECT $1, u.digest, u.v, u.parent, u.depth, u.step, u.kind, u.body::json, u.at
FROM unnest($2::text[], $3::int[], $4::text[], $5::int[], $6::int[], $7::text[], $8::text[], $9::text[])
     AS u (digest, v, parent, depth, step, kind, body, at)
"""
"""Inserts the columns of ``EntryRows`` as parameters 1 to 9; a condition and ON CONFLICT may follow."""

APPEND = f"WITH batch AS ({keeping(10)}) {INSERT} ON CONFLICT DO NOTHING"

WALK = f"""
WITH RECURSIVE chain AS (
    SELECT {COLUMNS} FROM entries WHERE task_id = $1 AND digest = $2
    UNION ALL
    SELECT e.task_id, e.digest, e.v, e.parent, e.depth, e.step, e.kind, e.body, e.at
    FROM chain c JOIN entries e ON e.task_id = $1 AND e.digest = c.parent
    WHERE c.depth > $3 + 1
)
SELECT {COLUMNS} FROM chain
"""
"""From a head towards the first entry, down to a depth above $3; newest first."""

DEPTH = "SELECT depth FROM entries WHERE task_id = $1 AND digest = $2"

STEPS = """
WITH RECURSIVE chain AS (
    SELECT parent, step, kind FROM entries WHERE task_id = $1 AND digest = $2
    UNION ALL
    SELECT e.parent, e.step, e.kind FROM chain c JOIN entries e ON e.task_id = $1 AND e.digest = c.parent
)
SELECT DISTINCT step FROM chain WHERE kind = ANY ($3::text[])
"""

DEEPER_THAN_ANY = 2**31 - 2
"""As $3: the walk ends with the head."""


@dataclass(frozen=True)
class EntryRows:
    """Sealed entries of one task, as parameters of ``INSERT`` and as the transcripts remember them."""

    task_id: str
    weighed: tuple[Weighed, ...]
    columns: tuple[list[Any], ...]

    @classmethod
    def of(cls, task_id: str, entries: Sequence[Entry]) -> EntryRows:
        """Refuses entries of another task and entries that are not sealed."""
        bodies: list[str] = []
        weighed: list[Weighed] = []
        for entry in entries:
            stored = _as_stored(task_id, entry)
            bodies.append(to_json(stored.body))
            weighed.append(Weighed(stored, len(bodies[-1])))
        kept = [each.entry for each in weighed]
        columns: tuple[list[Any], ...] = (
            [entry.digest for entry in kept],
            [entry.v for entry in kept],
            [entry.parent for entry in kept],
            [entry.depth for entry in kept],
            [entry.step for entry in kept],
            [entry.kind.value for entry in kept],
            bodies,
            [entry.at for entry in kept],
        )
        return cls(task_id, tuple(weighed), columns)

    def batch(self, key: bytes, checkpoint: Checkpoint | None = None) -> tuple[str | None, str, int, bytes]:
        """The same entries as an artifact: the parameters of ``keeping``."""
        return packed(key, [each.entry for each in self.weighed], self.columns[6], checkpoint)

    @property
    def head(self) -> str:
        """Digest of the last entry; empty where there is none."""
        return self.weighed[-1].entry.digest if self.weighed else ""


class Entries(Artifacts):
    """The part of the record that holds transcripts."""

    _transcripts: Transcripts

    async def append(self, entries: Sequence[Entry]) -> str:
        """Store sealed entries of one task (those that are there already stay as they are); gives the last digest."""
        if not entries:
            raise InvalidInput("There is no entry to append.", "give at least one sealed entry")
        rows = EntryRows.of(entries[0].task_id, entries)
        key = await self._artifact_key(rows.task_id)
        await self._database.fetch(APPEND, rows.task_id, *rows.columns, *rows.batch(key))
        self._transcripts.recorded(rows.task_id, rows.weighed)
        return rows.head

    async def entries(self, task_id: str, head: str, *, above: int = -1) -> list[Entry]:
        """The chain that ends in ``head``, oldest first, as far as it is deeper than ``above``.

        Reads only what this process does not know yet.
        """
        known = self._transcripts.chain(task_id).between(above, head)
        if known is not None:
            return known
        recent = [] if above >= 0 else await self._transcripts.recent(task_id, head)
        whole = bool(recent) and not recent[0].entry.parent
        chain = self._transcripts.chain(task_id)
        if chain.first_depth > above + 1:
            chain = Chain()
        added = recent
        if not whole:
            missing = recent[0].entry.parent if recent else head
            added = [*await self._walk(task_id, missing, max(above, chain.tip_depth)), *recent]
        if added[-1].entry.depth <= above:
            return []
        before = chain.between(above, added[0].entry.parent) if added[0].entry.depth > above + 1 else []
        if before is None:
            # The head belongs to another branch, or the older entries were dropped: they are read as well.
            added = [*await self._walk(task_id, added[0].entry.parent, above), *added]
            before = []
        found = [*before, *(weighed.entry for weighed in added)]
        if any(entry.depth != depth for depth, entry in enumerate(found, above + 1)):
            raise damaged(f"the transcript of task {task_id!r} that ends in {head!r}")
        self._transcripts.remember(task_id, added)
        if above < 0 and not whole and not before:
            self._transcripts.restored(task_id, added)
        return found

    async def since(self, task_id: str, head: str, digest: str) -> list[Entry]:
        """The end of the chain that ends in ``head``, from this entry on; nothing where the chain does not have it."""
        known = self._transcripts.chain(task_id).entry(digest)
        if known is not None:
            depth = known.depth
        elif (row := await self._database.fetchrow(DEPTH, task_id, digest)) is not None:
            depth = int(row["depth"])
        else:
            return []
        found = await self.entries(task_id, head, above=depth - 1)
        return found if found and found[0].digest == digest else []

    async def steps(self, task_id: str, head: str, kinds: Collection[EntryKind]) -> set[int]:
        """The steps that have an entry of one of these kinds in the chain that ends in ``head``."""
        rows = await self._database.fetch(STEPS, task_id, head, [kind.value for kind in kinds])
        return {row["step"] for row in rows}

    async def entry(self, task_id: str, digest: str) -> Entry:
        """One entry."""
        known = self._transcripts.chain(task_id).entry(digest)
        return known or (await self._walk(task_id, digest, DEEPER_THAN_ANY))[0].entry

    async def _walk(self, task_id: str, head: str, above_depth: int) -> list[Weighed]:
        rows = await self._database.fetch(WALK, task_id, head, above_depth)
        if not rows:
            raise InvalidInput(
                f"The transcript of task {task_id!r} has no entry {head!r}.",
                "give a digest that the record returned for this task",
            )
        return [_read(row) for row in reversed(rows)]


def _as_stored(task_id: str, entry: Entry) -> Entry:
    """The entry with its body as JSON gives it back, so that an entry looks the same written and read."""
    if entry.task_id != task_id:
        raise InvalidInput(
            f"An entry of task {entry.task_id!r} was given among those of task {task_id!r}.",
            "append the entries of one task at a time",
        )
    data = entry.model_dump(mode="json")
    if entry.digest != digest_over(data):
        raise InvalidInput(
            f"An entry of kind {entry.kind.value!r} is not sealed: its digest is {entry.digest!r}.",
            "append what Entry.sealed() returns",
        )
    return entry.model_copy(update={"body": data["body"]})


def digest_over(data: Mapping[str, Any]) -> str:
    """The digest over version 1's fields, whatever fields a later version adds."""
    fields = ("v", "task_id", "parent", "depth", "step", "kind", "body", "at")
    return digest_of({name: data[name] for name in fields})


def _read(row: asyncpg.Record) -> Weighed:
    data: dict[str, Any] = {**row, "body": from_json(row["body"])}
    if row["digest"] != digest_over(data):
        raise damaged(f"entry {row['digest']!r} of task {row['task_id']!r}")
    return Weighed(Entry.model_validate(data), len(row["body"]))
