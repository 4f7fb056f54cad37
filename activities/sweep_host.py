"""Remove the files of tasks that closed some time ago from this host; from their artifacts they come back."""

import asyncio
import logging
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal, Protocol

from temporalio import activity
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from activities.heartbeat import heartbeating
from perdure.contracts.errors import StoreUnavailable
from perdure.contracts.sweeping import HostSwept, SweepHost

logger = logging.getLogger("perdure.activities")


Outcome = Literal["removed", "kept", "only_here", "unknown"]


class KnownTask(Protocol):
    """What the record knows of a task."""

    @property
    def workflow_id(self) -> str:
        """Its workflow."""
        ...

    @property
    def closed_at(self) -> datetime | None:
        """When it ended last, as far as that was recorded."""
        ...

    @property
    def revision(self) -> int:
        """Of its workspace; it grows with whatever happens to it."""
        ...

    @property
    def stored(self) -> bool:
        """Whether its last checkpoint can be brought to any host."""
        ...


class ReleasesWorkspaces(Protocol):
    """The record's part."""

    async def known_task(self, task_id: str) -> KnownTask | None:
        """What is known; None where the record has no such task or no workspace of it."""
        ...

    def releasing(self, task_id: str, *, revision: int, host_id: str) -> AbstractAsyncContextManager[bool]:
        """Whether the workspace is still as it was at that revision; nobody prepares or claims it meanwhile."""
        ...


class RemovesWorkspaces(Protocol):
    """The workspaces of this host."""

    async def tasks(self) -> list[str]:
        """Ids of the tasks that have files here."""
        ...

    def set_aside(self, task_id: str) -> Path | None:
        """Take a task's folder away, which is done at once; what it holds is removed by ``empty``."""
        ...

    async def empty(self, folder: Path) -> None:
        """Remove what was set aside."""
        ...


class SweepHostDoor:
    """Sweeps this host."""

    def __init__(
        self, host_id: str, client: Client, record: ReleasesWorkspaces, workspaces: RemovesWorkspaces
    ) -> None:
        self._host_id = host_id
        self._client = client
        self._record = record
        self._workspaces = workspaces

    @activity.defn(name="sweep_host")
    async def sweep_host(self, request: SweepHost) -> HostSwept:
        """Look at every task that has files here; those of open tasks, and of tasks nobody knows, stay."""
        counts: dict[Outcome, int] = {"removed": 0, "kept": 0, "only_here": 0, "unknown": 0}
        async with heartbeating():
            for task_id in await self._workspaces.tasks():
                what = await self._look(task_id, timedelta(seconds=request.keep_workspaces_s))
                counts[what] += 1
                if what == "removed":
                    logger.info(
                        "files of a closed task were removed", extra={"task": task_id, "host": self._host_id}
                    )
        meter = activity.metric_meter()
        meter.create_counter(
            "perdure_removed_workspaces", "Workspaces of closed tasks that were removed"
        ).add(counts["removed"])
        return HostSwept.model_validate({"host_id": self._host_id, **counts})

    async def _look(self, task_id: str, keep: timedelta) -> Outcome:
        known = await self._record.known_task(task_id)
        if known is None:
            return "unknown"
        ended_at = await self._ended_at(task_id, known)
        if ended_at is None or datetime.now(UTC) - ended_at < keep:
            return "kept"
        if not known.stored:
            return "only_here"
        return "removed" if await self._remove(task_id, known.revision) else "kept"

    async def _ended_at(self, task_id: str, known: KnownTask) -> datetime | None:
        """When the task ended; None while it is open, or where nobody can say."""
        handle = self._client.get_workflow_handle(known.workflow_id)
        try:
            described = await handle.describe()
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return known.closed_at
            raise StoreUnavailable(
                f"The Temporal server does not answer: {error.message}.", "the sweep goes on by itself."
            ) from error
        if described.raw_info.first_run_id != task_id:
            # The id was used again, which is possible only once the task before had ended.
            return known.closed_at or described.start_time
        return None if described.status is WorkflowExecutionStatus.RUNNING else described.close_time

    async def _remove(self, task_id: str, revision: int) -> bool:
        """Take the folder away while nobody can prepare the task anew; who does so afterwards finds none and brings it."""
        aside = None
        async with self._record.releasing(task_id, revision=revision, host_id=self._host_id) as unchanged:
            if unchanged:
                aside = await asyncio.to_thread(self._workspaces.set_aside, task_id)
        if aside is not None:
            await self._workspaces.empty(aside)
        return aside is not None
