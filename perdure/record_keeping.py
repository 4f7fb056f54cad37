"""What the command line does with the database itself. Entry points alone import it; it loads nothing until it is used."""

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from perdure.client import PerdureClient, TaskHandle
    from perdure.client.archived import ArchivedTask, ReadsArchive
    from perdure.contracts.keeping import Forgotten, Garbage, Rebuilt
    from perdure.contracts.transcript import Entry
    from perdure.memory.record import Record
    from perdure.settings import Settings

MOST_SENTENCES = 50


class RecordKeeping(ABC):
    """The part of an installation that needs no worker, and mostly no Temporal server."""

    @abstractmethod
    def settings(self) -> "Settings":
        """Which database, among others."""

    @asynccontextmanager
    async def archive(self) -> AsyncGenerator["ReadsArchive"]:
        """The archive, read from the database."""
        from perdure.installation import record_of

        async with record_of(self.settings()) as record:
            await record.require_archive()
            yield record

    async def rebuild(self, id: str, *, dry_run: bool) -> "Rebuilt":
        """Make a task's rows again from its histories and artifacts, and say what differed."""
        from perdure.client.conversion import data_converter
        from perdure.client.task_facts import facts_of
        from perdure.installation import record_of
        from perdure.memory.rebuilding import Rebuilder

        settings = self.settings()
        async with record_of(settings) as record:
            await record.require_archive()
            async with self._task(record, id) as (task, source):
                facts = await facts_of(
                    task.raw_events(), data_converter, task_id=task.task_id, workflow_id=task.id
                )
            rebuilder = Rebuilder(record.database, record)
            report, newest = await rebuilder.rebuild(facts, source=source, dry_run=dry_run)
            redis = await self._short_term(settings, record, newest, dry_run=dry_run)
        vectors = "Chroma holds nothing that is made of tasks."
        return report.model_copy(update={"short_term": redis, "vectors": vectors})

    async def collect_garbage(self, *, older_than: timedelta, dry_run: bool) -> "Garbage":
        """Remove artifacts that nothing refers to and that were stored so long ago; with ``dry_run`` only count them."""
        from perdure.contracts.keeping import Garbage
        from perdure.installation import record_of
        from perdure.memory.garbage import Collector

        before = datetime.now(UTC) - older_than
        tasks, artifacts, size, open, left = 0, 0, 0, 0, list[str]()
        async with record_of(self.settings()) as record:
            await record.require_archive()
            collector = Collector(record.database, record)
            async for found in collector.find(before):
                tasks, open = tasks + 1, open + found.open
                if found.because:
                    left.append(f"{found.task_id}: {found.because}")
                gone = (len(found.ids), found.bytes)
                if found.ids and not dry_run:
                    gone = await collector.remove(found, before)
                artifacts, size = artifacts + gone[0], size + gone[1]
        return Garbage(
            dry_run=dry_run,
            tasks=tasks,
            artifacts=artifacts,
            bytes=size,
            open=open,
            left=tuple(left[:MOST_SENTENCES]),
        )

    async def forget(self, id: str) -> "Forgotten":
        """Remove a closed task from Temporal and from the database, its archive included; nobody can bring it back."""
        from perdure.client.archived import ArchivedTask
        from perdure.client.conversion import data_converter
        from perdure.client.errors import TaskNotFound
        from perdure.contracts.keeping import Forgotten
        from perdure.installation import record_of
        from perdure.memory.garbage import Collector

        async with record_of(self.settings()) as record, self._client() as client:
            await record.require_archive()
            runs = 0
            try:
                live = await client.task(id)
                task_id, workflow_id, runs = live.task_id, live.id, await live.delete()
            except TaskNotFound:
                archived = await ArchivedTask.find(record, id, data_converter)
                task_id, workflow_id = archived.task_id, archived.id
            artifacts = await Collector(record.database, record).forget(task_id)
        return Forgotten(task_id=task_id, workflow_id=workflow_id, runs=runs, artifacts=artifacts)

    @asynccontextmanager
    async def _client(self) -> AsyncGenerator["PerdureClient"]:
        from perdure.client import PerdureClient

        settings = self.settings()
        async with PerdureClient.connect(
            home=settings.home,
            task_queue=settings.task_queue,
            environment=settings.temporal_environment,
            quiet=True,
        ) as client:
            yield client

    @asynccontextmanager
    async def _task(
        self, record: "Record", id: str
    ) -> AsyncGenerator[tuple["TaskHandle | ArchivedTask", str]]:
        """The task with the place where its history is: Temporal, or the archive where that forgot it or is away."""
        from perdure.client.archived import ArchivedTask
        from perdure.client.conversion import data_converter
        from perdure.client.errors import ServerUnreachable, TaskNotFound

        async with AsyncExitStack() as opened:
            try:
                client = await opened.enter_async_context(self._client())
                found: TaskHandle | ArchivedTask = await client.task(id)
                source = "Temporal"
            except (ServerUnreachable, TaskNotFound):
                found, source = await ArchivedTask.find(record, id, data_converter), "archive"
            yield found, source

    async def _short_term(
        self, settings: "Settings", record: "Record", newest: Sequence["Entry"], *, dry_run: bool
    ) -> str:
        from perdure.installation import store_url_of
        from perdure.memory.entries import EntryRows
        from perdure.memory.installation_keys import installation_key
        from perdure.memory.short_term import ShortTerm

        url = store_url_of(settings, "valkey")
        if not url or not newest:
            return "No Redis is known." if not url else "There is no transcript to keep in Redis."
        if dry_run:
            return f"Redis would hold the newest of {len(newest)} entries."
        key = await installation_key(record.database, "shared memory")
        shared = ShortTerm(url, key=key, ttl_s=settings.short_term_ttl_s, count=lambda _: None)
        try:
            rows = EntryRows.of(newest[0].task_id, newest)
            shared.keep(rows.task_id, rows.weighed, instead=True)
            await shared.written()
            found = await shared.recent(rows.task_id, rows.head)
        finally:
            await shared.close()
        return f"Redis holds the newest {len(found)} of {len(newest)} entries."
