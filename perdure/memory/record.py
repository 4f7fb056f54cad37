"""The record: everything of a task that outlives its processes, in PostgreSQL."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from perdure.memory.answers import Answers
from perdure.memory.approvals import Approvals
from perdure.memory.archive import Archive
from perdure.memory.database import Database
from perdure.memory.effects import Effects
from perdure.memory.forks import Forks
from perdure.memory.grants import Grants
from perdure.memory.installation_keys import installation_key
from perdure.memory.leases import Leases
from perdure.memory.migrate import migrate, packaged_migrations
from perdure.memory.tasks import Tasks
from perdure.memory.transcripts import KeepsRecent, Transcripts

TRANSCRIPT_CACHE_BYTES = 64 * 1024 * 1024

SharedMemory = Callable[[bytes], KeepsRecent]
"""Makes a memory that workers share, from the key that seals what it holds."""


class Record(Tasks, Forks, Answers, Leases, Archive, Effects, Approvals, Grants):
    """One pool of connections and what is kept through it. Raises ``StoreUnavailable`` while PostgreSQL does not answer."""

    def __init__(
        self,
        database: Database,
        *,
        transcript_cache_bytes: int = TRANSCRIPT_CACHE_BYTES,
        shared: KeepsRecent | None = None,
    ) -> None:
        self._database = database
        self._shared = shared
        self._transcripts = Transcripts(transcript_cache_bytes, shared)
        self._artifact_keys = OrderedDict()
        self._asked = OrderedDict()

    @classmethod
    async def connect(
        cls,
        database_url: str,
        *,
        pool_size: int = 10,
        transcript_cache_bytes: int = TRANSCRIPT_CACHE_BYTES,
        shared: SharedMemory | None = None,
    ) -> Record:
        """Connect and bring the database to this release's tables; the record closes the shared memory with itself."""
        database = await Database.connect(database_url, pool_size=pool_size)
        try:
            await migrate(database, packaged_migrations())
            memory = shared(await installation_key(database, "shared memory")) if shared is not None else None
        except BaseException:
            await database.close()
            raise
        return cls(database, transcript_cache_bytes=transcript_cache_bytes, shared=memory)

    @property
    def database(self) -> Database:
        """Its connections, for what is done to rows of many kinds at once."""
        return self._database

    async def close(self) -> None:
        """Close the connections."""
        if self._shared is not None:
            await self._shared.close()
        await self._database.close()
