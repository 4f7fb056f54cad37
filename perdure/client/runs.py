"""The runs of a task: a task goes on in a new one by continue-as-new, and a reset puts one in the place of others."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from temporalio.api.history.v1 import HistoryEvent

from perdure.client.errors import TaskNotFound
from perdure.client.server import Server


class Chain:
    """The runs of one task as they stand, oldest first; asked again whenever those before were read."""

    def __init__(self, server: Server, workflow_id: str) -> None:
        self._server = server
        self._workflow_id = workflow_id
        self._first = ""
        self._last = ""
        self.rewound = False
        """Whether the runs that were given last begin anew, since a reset took back what was given before."""

    async def following(self) -> list[str]:
        """The runs after those that were given before; all that stand where those were taken back. None at the end.

        A task that was started anew under the same id does not follow this one.
        """
        described = await self._server.describe(self._workflow_id)
        first = described.raw_info.first_run_id or described.run_id
        if self._first not in {"", first}:
            return []
        self._first = first
        found, met = await _walked_back(self._server, self._workflow_id, described.run_id, to=self._last)
        self.rewound = bool(self._last) and not met
        self._last = found[-1] if found else self._last
        return found


async def standing_runs(server: Server, workflow_id: str) -> list[str]:
    """The current run and those that continued as it, oldest first, as far as the server still has them.

    The first execution's run need not be among them: after a reset it holds steps that no longer stand.
    """
    return await Chain(server, workflow_id).following()


async def standing_events(server: Server, workflow_id: str) -> AsyncGenerator[tuple[str, HistoryEvent]]:
    """The events of a task's runs as they stand now, oldest first: not those that a reset took back."""
    for run_id in await standing_runs(server, workflow_id):
        async with aclosing(events_of(server, workflow_id, run_id, wait=False)) as raws:
            async for raw in raws:
                yield run_id, raw


async def events_of(
    server: Server, workflow_id: str, run_id: str, *, wait: bool
) -> AsyncGenerator[HistoryEvent]:
    """The events of one run; with ``wait`` also those that follow, until it closes."""
    handle = server.client.get_workflow_handle(workflow_id, run_id=run_id)
    with server.explained(workflow_id):
        async for raw in handle.fetch_history_events(wait_new_event=wait):
            yield raw


async def _walked_back(server: Server, workflow_id: str, run_id: str, *, to: str) -> tuple[list[str], bool]:
    """The runs after ``to`` up to this one, oldest first, and whether ``to`` was met."""
    found: list[str] = []
    candidate = run_id
    while candidate and candidate != to:
        try:
            before = await _run_before(server, workflow_id, candidate)
        except TaskNotFound:
            if not found:
                raise
            # Retention removed the older runs; the story begins with the oldest one that is left.
            break
        found.append(candidate)
        candidate = before
    return found[::-1], bool(to) and candidate == to


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
