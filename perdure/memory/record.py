"""The record: everything of a task that outlives its processes, in PostgreSQL."""

from __future__ import annotations

from collections import OrderedDict

from perdure.memory.answers import Answers
from perdure.memory.approvals import Approvals
from perdure.memory.artifacts import Artifacts
from perdure.memory.database import Database
from perdure.memory.effects import Effects
from perdure.memory.entries import Entries
from perdure.memory.leases import Leases
from perdure.memory.migrate import migrate, packaged_migrations
from perdure.memory.tasks import Tasks
from perdure.memory.transcripts import Transcripts

TRANSCRIPT_CACHE_BYTES = 64 * 1024 * 1024


class Record(Tasks, Entries, Artifacts, Answers, Leases, Effects, Approvals):
    """One pool of connections and what is kept through it. Raises ``StoreUnavailable`` while PostgreSQL does not answer."""

    def __init__(self, database: Database, *, transcript_cache_bytes: int = TRANSCRIPT_CACHE_BYTES) -> None:
        self._database = database
        self._transcripts = Transcripts(transcript_cache_bytes)
        self._artifact_keys = OrderedDict()

    @classmethod
    async def connect(
        cls,
        database_url: str,
        *,
        pool_size: int = 10,
        transcript_cache_bytes: int = TRANSCRIPT_CACHE_BYTES,
    ) -> Record:
        """Connect and bring the database to this release's tables."""
        database = await Database.connect(database_url, pool_size=pool_size)
        try:
            await migrate(database, packaged_migrations())
        except BaseException:
            await database.close()
            raise
        return cls(database, transcript_cache_bytes=transcript_cache_bytes)

    async def close(self) -> None:
        """Close the connections."""
        await self._database.close()
