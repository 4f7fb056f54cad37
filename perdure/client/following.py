"""Follows a task's history from its start, over continue-as-new and resets.

It reads by long poll, which adds no load to the workflow and needs no worker.
"""

from collections.abc import AsyncGenerator
from datetime import UTC, datetime

from temporalio.api.history.v1 import HistoryEvent

from perdure.client import events
from perdure.client.errors import TaskNotFound
from perdure.client.history import RunReader
from perdure.client.server import Server


async def follow(server: Server, workflow_id: str, *, wait: bool) -> AsyncGenerator[events.Event]:
    """Every event of the task; with ``wait`` until it ends, else those there are now."""
    run_id: str | None = await _oldest_run(server, workflow_id)
    while run_id is not None:
        reader = RunReader(server.client.data_converter, run_id)
        handle = server.client.get_workflow_handle(workflow_id, run_id=run_id)
        with server.explained(workflow_id):
            async for raw in handle.fetch_history_events(wait_new_event=wait):
                event = await reader.read(raw)
                if event is not None:
                    yield event
        ended_run, run_id = run_id, reader.next_run
        if reader.ending is not None:
            run_id = await run_after_reset(server, workflow_id, ended_run, reader.first_run)
            if run_id is None:
                yield reader.ending
            else:
                yield events.Rewound(event_id=0, run_id=run_id, at=datetime.now(UTC))


async def raw_events(
    server: Server, workflow_id: str, *, wait: bool
) -> AsyncGenerator[tuple[str, HistoryEvent]]:
    """Each event as Temporal has it, with its run: those that still stand now, with ``wait`` also what follows.

    After a reset all events of the run that took over follow, also those that it has in common with the other.
    """
    run_id: str | None = await _oldest_run(server, workflow_id)
    while run_id is not None:
        handle = server.client.get_workflow_handle(workflow_id, run_id=run_id)
        first_run, next_run = run_id, ""
        with server.explained(workflow_id):
            async for raw in handle.fetch_history_events(wait_new_event=wait):
                if raw.HasField("workflow_execution_started_event_attributes"):
                    first_run = raw.workflow_execution_started_event_attributes.first_execution_run_id
                if raw.HasField("workflow_execution_continued_as_new_event_attributes"):
                    next_run = raw.workflow_execution_continued_as_new_event_attributes.new_execution_run_id
                yield run_id, raw
        run_id = next_run or (await run_after_reset(server, workflow_id, run_id, first_run) if wait else None)


async def _oldest_run(server: Server, workflow_id: str) -> str:
    """The run where the story begins: the chain of continue-as-new, walked back from the current run.

    It is not simply the first execution's run: after a reset that run holds steps which no longer stand.
    """
    current = (await server.describe(workflow_id)).run_id
    oldest, candidate = current, current
    while candidate:
        try:
            before = await _run_before(server, workflow_id, candidate)
        except TaskNotFound:
            # Retention removed the older runs; the story starts with the oldest one that is left.
            break
        oldest, candidate = candidate, before
    return oldest


async def _run_before(server: Server, workflow_id: str, run_id: str) -> str:
    """The run that continued as this one, or nothing."""
    handle = server.client.get_workflow_handle(workflow_id, run_id=run_id)
    with server.explained(workflow_id):
        async for first in handle.fetch_history_events(page_size=1, rpc_timeout=server.limit):
            return first.workflow_execution_started_event_attributes.continued_execution_run_id
    return ""


async def run_that_stands(server: Server, workflow_id: str, task_id: str) -> str:
    """The run that carries the task on now, or did last; its first one where the id belongs to another task by now."""
    current = await server.describe(workflow_id)
    own = not task_id or current.raw_info.first_run_id == task_id
    return current.run_id if own else task_id


async def run_after_reset(server: Server, workflow_id: str, run_id: str, first_run: str) -> str | None:
    """The run that a reset put in the place of this one; a task started anew under the same id is none."""
    current = await server.describe(workflow_id)
    if current.run_id == run_id or current.raw_info.first_run_id != first_run:
        return None
    return current.run_id
