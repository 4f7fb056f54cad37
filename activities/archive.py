"""Archive the event histories of closed runs before the server forgets them."""

import json
import logging
from collections.abc import AsyncGenerator, Callable, Collection, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from temporalio import activity
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.history.v1 import History, HistoryEvent
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest, DescribeTaskQueueRequest
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from activities.heartbeat import heartbeating
from perdure.contracts.archive import ArchivedRun, ClosedRun, CloseStatus
from perdure.contracts.errors import InvalidInput, StoreUnavailable
from perdure.contracts.lookups import LookUp, Page
from perdure.contracts.names import CODING_TASK, MAINTENANCE_RUN, SWEEP, TASK_LOOKUP, host_queue
from perdure.contracts.sweeping import (
    ArchiveRuns,
    ClosedRuns,
    FindClosedRuns,
    FindHosts,
    LiveHosts,
    RemoveSweeps,
    RunRef,
    RunsArchived,
    SweepsRemoved,
)

logger = logging.getLogger("perdure.activities")

MOST_RUNS = 100
"""Runs that one search gives; a sweep searches again."""
LOOKED_UP_AT_ONCE = 200
MOST_REMOVED = 500
CLOSINGS: dict[str, CloseStatus] = {
    "workflow_execution_completed": "completed",
    "workflow_execution_failed": "failed",
    "workflow_execution_canceled": "canceled",
    "workflow_execution_terminated": "terminated",
    "workflow_execution_continued_as_new": "continued",
    "workflow_execution_timed_out": "timed_out",
}


class EndedTask(Protocol):
    """A task whose last archived run ended without recording that."""

    @property
    def task_id(self) -> str:
        """Its id."""
        ...

    @property
    def workflow_id(self) -> str:
        """The id of its workflow."""
        ...


class KeepsArchive(Protocol):
    """The record's part."""

    async def archive_run(self, run: ClosedRun, history: bytes) -> ArchivedRun:
        """Store a history as an artifact of its task; the same again changes nothing."""
        ...

    async def archived_among(self, run_ids: Collection[str]) -> set[str]:
        """Those of these runs that are archived."""
        ...

    async def archived_runs(self, id: str) -> Sequence[ArchivedRun]:
        """The archived runs of a task, by its id or its workflow's."""
        ...

    async def complete_batches(self, task_id: str) -> int:
        """See that every transcript entry of the task is in an artifact."""
        ...

    async def ended_from_outside(self) -> Sequence[Any]:
        """Each an ``EndedTask``: the record has it for open although its last archived run is closed."""
        ...

    async def close_ended(self, task: Any) -> bool:
        """Record that such a task is closed; False where somebody went on with it meanwhile."""
        ...

    async def hosts(self, task_queue: str) -> list[str]:
        """Ids of the hosts that ever worked for the queue."""
        ...


class ArchiveDoor:
    """Finds and archives closed runs. It reads histories as the server gives them and decodes no payload."""

    def __init__(self, client: Client, record: KeepsArchive) -> None:
        self._client = client
        self._record = record

    @property
    def activities(self) -> tuple[Callable[..., Any], ...]:
        """All of them; each runs on any host."""
        return (
            self.find_closed_runs,
            self.archive_runs,
            self.find_hosts,
            self.remove_sweeps,
            self.look_up_runs,
        )

    @activity.defn(name="find_closed_runs")
    async def find_closed_runs(self, request: FindClosedRuns) -> ClosedRuns:
        """Closed runs of tasks that are not archived; at most so many that one activity archives them."""
        async with heartbeating():
            found: list[RunRef] = []
            async for runs in self._closed(request):
                archived = await self._record.archived_among([run.run_id for run in runs])
                found += [run for run in runs if run.run_id not in archived]
                if len(found) > MOST_RUNS:
                    break
            await self._close_ended()
        return ClosedRuns(runs=tuple(found[:MOST_RUNS]), more=len(found) > MOST_RUNS)

    @activity.defn(name="archive_runs")
    async def archive_runs(self, request: ArchiveRuns) -> RunsArchived:
        """Archive these runs; one that cannot be archived does not hold up the others."""
        archived, gone, failed = 0, 0, list[str]()
        async with heartbeating() as beat:
            for number, ref in enumerate(request.runs):
                beat(f"{number} of {len(request.runs)} runs are archived")
                try:
                    run, history = await self._read(ref)
                    await self._record.archive_run(run, history)
                    await self._record.complete_batches(run.task_id)
                    archived += 1
                except RPCError as error:
                    if error.status is not RPCStatusCode.NOT_FOUND:
                        raise _unavailable(error) from error
                    gone += 1
                except InvalidInput as error:
                    failed.append(f"{ref.workflow_id} ({ref.run_id}): {error}"[:300])
                    logger.warning(
                        "a run cannot be archived", extra={"workflow": ref.workflow_id, "why": str(error)}
                    )
            await self._close_ended()
        meter = activity.metric_meter()
        meter.create_counter("perdure_archived_runs", "Event histories put into the archive").add(archived)
        if archived:
            logger.info("closed runs were archived", extra={"runs": archived})
        return RunsArchived(archived=archived, gone=gone, failed=tuple(failed[:20]))

    @activity.defn(name="find_hosts")
    async def find_hosts(self, request: FindHosts) -> LiveHosts:
        """The own queues of those hosts that poll them now."""
        queues = [
            host_queue(request.task_queue, host) for host in await self._record.hosts(request.task_queue)
        ]
        return LiveHosts(queues=tuple([queue for queue in queues if await self._is_polled(queue)]))

    @activity.defn(name="remove_sweeps")
    async def remove_sweeps(self, request: RemoveSweeps) -> SweepsRemoved:
        """Delete sweeps and lookups that ended some time ago: they hold nothing that is not elsewhere."""
        before = datetime.now(UTC) - timedelta(seconds=request.older_than_s)
        query = f"{_on(request.task_queue, SWEEP, TASK_LOOKUP)} AND CloseTime < '{before.isoformat()}'"
        removed = 0
        async with heartbeating():
            try:
                async for run in self._client.list_workflows(query, limit=MOST_REMOVED):
                    await self._delete(run.id, run.run_id)
                    removed += 1
            except RPCError as error:
                raise _unavailable(error) from error
        return SweepsRemoved(removed=removed)

    @activity.defn(name="look_up_runs")
    async def look_up_runs(self, request: LookUp) -> Page:
        """A page of a JSON list of what is archived of a task; each element is an ``ArchivedRun``."""
        runs = await self._record.archived_runs(request.task_id)
        whole = json.dumps([run.model_dump(mode="json") for run in runs]).encode()
        return Page.of(whole, offset=request.offset, page_bytes=request.page_bytes, by_line=False)

    async def _close_ended(self) -> None:
        """Record the end of tasks that were ended from outside, such as terminated ones: they could not do so."""
        task: EndedTask
        for task in await self._record.ended_from_outside():
            if await self._has_ended(task) and await self._record.close_ended(task):
                logger.info("a task was ended from outside", extra={"task": task.task_id})

    async def _has_ended(self, task: EndedTask) -> bool:
        try:
            described = await self._client.get_workflow_handle(task.workflow_id).describe()
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return True
            raise _unavailable(error) from error
        # Under an id that was used again the task before had ended.
        running = described.status is WorkflowExecutionStatus.RUNNING
        return not running or described.raw_info.first_run_id != task.task_id

    async def _delete(self, workflow_id: str, run_id: str) -> None:
        execution = WorkflowExecution(workflow_id=workflow_id, run_id=run_id)
        request = DeleteWorkflowExecutionRequest(
            namespace=self._client.namespace, workflow_execution=execution
        )
        try:
            await self._client.workflow_service.delete_workflow_execution(request)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise

    async def _closed(self, request: FindClosedRuns) -> AsyncGenerator[list[RunRef]]:
        query = _on(request.task_queue, CODING_TASK, MAINTENANCE_RUN)
        if request.since is not None:
            query += f" AND CloseTime >= '{request.since.isoformat()}'"
        page: list[RunRef] = []
        try:
            async for run in self._client.list_workflows(query):
                page.append(RunRef(workflow_id=run.id, run_id=run.run_id))
                if len(page) == LOOKED_UP_AT_ONCE:
                    yield page
                    page = []
        except RPCError as error:
            raise _unavailable(error) from error
        if page:
            yield page

    async def _read(self, ref: RunRef) -> tuple[ClosedRun, bytes]:
        handle = self._client.get_workflow_handle(ref.workflow_id, run_id=ref.run_id)
        events = [event async for event in handle.fetch_history_events()]
        return closed_run(ref, events), History(events=events).SerializeToString(deterministic=True)

    async def _is_polled(self, queue: str) -> bool:
        request = DescribeTaskQueueRequest(
            namespace=self._client.namespace,
            task_queue=TaskQueue(name=queue),
            task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,
        )
        try:
            answer = await self._client.workflow_service.describe_task_queue(request)
        except RPCError as error:
            raise _unavailable(error) from error
        return bool(answer.pollers)


def closed_run(ref: RunRef, events: list[HistoryEvent]) -> ClosedRun:
    """What a whole history says of its run; InvalidInput for one that is not closed."""
    first, last = events[0], events[-1]
    ending = (last.WhichOneof("attributes") or "").removesuffix("_event_attributes")
    if ending not in CLOSINGS:
        raise InvalidInput(
            f"The run {ref.run_id!r} of {ref.workflow_id!r} is not closed: its last event is {ending!r}.",
            "it is archived once it has ended.",
        )
    started: Any = first.workflow_execution_started_event_attributes
    return ClosedRun(
        task_id=started.first_execution_run_id,
        run_id=ref.run_id,
        workflow_id=ref.workflow_id,
        kind=started.workflow_type.name,
        status=CLOSINGS[ending],
        task_queue=started.task_queue.name,
        continued_from=started.continued_execution_run_id,
        started_at=first.event_time.ToDatetime(tzinfo=UTC),
        closed_at=last.event_time.ToDatetime(tzinfo=UTC),
        events=len(events),
    )


def _on(task_queue: str, *kinds: str) -> str:
    """The server's query for closed runs of these types on a task queue."""
    types = ", ".join(f"'{kind}'" for kind in kinds)
    queue = task_queue.replace("\\", "\\\\").replace("'", "\\'")
    return f"TaskQueue = '{queue}' AND WorkflowType IN ({types}) AND ExecutionStatus != 'Running'"


def _unavailable(error: RPCError) -> StoreUnavailable:
    return StoreUnavailable(
        f"The Temporal server does not answer: {error.message}.",
        "the sweep waits and then goes on by itself.",
    )
