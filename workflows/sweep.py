"""``Sweep``: archives closed runs and tidies the hosts. A schedule of Temporal's starts it; people may start it too."""

from datetime import timedelta
from typing import Any, TypeVar

from temporalio import workflow
from temporalio.common import RawValue, RetryPolicy
from temporalio.exceptions import ActivityError, TimeoutError

with workflow.unsafe.imports_passed_through():
    from pydantic import BaseModel

    from perdure.contracts.names import SWEEP
    from perdure.contracts.sweeping import (
        ArchiveRuns,
        ClosedRuns,
        FindClosedRuns,
        FindHosts,
        HostSwept,
        LiveHosts,
        RemoveSweeps,
        RunsArchived,
        Sweep,
        SweepHost,
        SweepsRemoved,
        Swept,
    )
    from workflows.request import NO_INPUT, read_input

Result = TypeVar("Result", bound=BaseModel)

ROUNDS = 50
"""Searches of one sweep; the next sweep goes on."""
OVERLAP = timedelta(hours=1)
"""A run may show up in the server's list some time after it closed."""
WHOLE_EVERY = timedelta(days=1)
"""So often a sweep looks at everything, since the archive may be a restored backup."""
LIMIT = timedelta(minutes=30)
RETRY = RetryPolicy(initial_interval=timedelta(seconds=0.2), maximum_interval=timedelta(seconds=30))


@workflow.defn(name=SWEEP)
class SweepRun:
    """One sweep."""

    @workflow.run
    async def run(self, request: RawValue = NO_INPUT) -> dict[str, Any]:
        """``Swept`` as JSON."""
        self._terms = read_input(request, Sweep, what=SWEEP)
        before = self._before()
        swept = await self._archive(before)
        swept = await self._tidy(swept)
        await self._do(
            "remove_sweeps", RemoveSweeps(task_queue=self._queue), SweepsRemoved, "remove old sweeps"
        )
        return swept.model_dump(mode="json")

    @property
    def _queue(self) -> str:
        return workflow.info().task_queue

    def _before(self) -> Swept:
        """What the last sweep of the schedule left."""
        if not workflow.has_last_completion_result():
            return Swept()
        return workflow.get_last_completion_result(Swept) or Swept()

    async def _archive(self, before: Swept) -> Swept:
        now = workflow.now()
        whole = before.until is None or before.whole_at is None or now - before.whole_at >= WHOLE_EVERY
        since = None if whole or before.until is None else before.until - OVERLAP
        archived, gone, failed, more = 0, 0, list[str](), True
        for _ in range(ROUNDS):
            if not more:
                break
            asked = FindClosedRuns(task_queue=self._queue, since=since)
            found = await self._do("find_closed_runs", asked, ClosedRuns, "look for closed runs")
            if not found.runs:
                more = False
                break
            summary = f"archive {len(found.runs)} runs"
            done = await self._do("archive_runs", ArchiveRuns(runs=found.runs), RunsArchived, summary)
            archived, gone, failed = archived + done.archived, gone + done.gone, [*failed, *done.failed]
            # Those that fail are found again and again: the next sweep tries them once more.
            more = found.more and not done.failed
        complete = not more and not failed
        return Swept(
            archived=archived,
            gone=gone,
            failed=tuple(failed[:20]),
            until=now if complete else before.until,
            whole_at=now if complete and whole else before.whole_at,
        )

    async def _tidy(self, swept: Swept) -> Swept:
        asked = FindHosts(task_queue=self._queue)
        hosts = await self._do("find_hosts", asked, LiveHosts, "look for hosts that answer")
        results: list[HostSwept] = []
        silent: list[str] = []
        for queue in hosts.queues:
            order = SweepHost(keep_workspaces_s=self._terms.keep_workspaces_s)
            try:
                summary = f"remove files of closed tasks from {queue}"
                results.append(await self._do("sweep_host", order, HostSwept, summary, queue=queue))
            except ActivityError as error:
                if not isinstance(error.cause, TimeoutError):
                    raise
                silent.append(queue)
        return swept.model_copy(update={"hosts": tuple(results), "silent": tuple(silent)})

    async def _do(
        self, name: str, asked: BaseModel, result: type[Result], summary: str, *, queue: str | None = None
    ) -> Result:
        answer = timedelta(seconds=self._terms.host_answer_s) if queue is not None else None
        # A host that is silent is swept by a later sweep, so it is not tried for long.
        attempts = RetryPolicy(maximum_attempts=3) if queue is not None else RETRY
        done: Any = await workflow.execute_activity(
            name,
            asked,
            task_queue=queue,
            result_type=result,
            start_to_close_timeout=LIMIT,
            heartbeat_timeout=timedelta(seconds=self._terms.heartbeat_s),
            schedule_to_start_timeout=answer,
            retry_policy=attempts,
            summary=summary[:200],
        )
        return done
