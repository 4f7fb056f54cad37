"""Follows a task's history from its start, over continue-as-new and resets.

It reads by long poll, which adds no load to the workflow and needs no worker.
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import UTC, datetime

from temporalio.api.history.v1 import HistoryEvent

from perdure.client import events
from perdure.client.history import RunReader
from perdure.client.runs import Chain, events_of
from perdure.client.server import Server


async def follow(server: Server, workflow_id: str, *, wait: bool) -> AsyncGenerator[events.Event]:
    """Every event of the task; with ``wait`` until it ends, else those that stand now.

    After a reset ``Rewound`` is told, and then all that still stands again, from the beginning of the oldest run.
    """
    chain = Chain(server, workflow_id)
    ending: events.Ended | None = None
    while runs := await chain.following():
        if chain.rewound:
            yield events.Rewound(event_id=0, run_id=runs[-1], at=datetime.now(UTC))
        for run_id in runs:
            reader = RunReader(server.client.data_converter, run_id)
            async with aclosing(events_of(server, workflow_id, run_id, wait=wait)) as raws:
                async for raw in raws:
                    event = await reader.read(raw)
                    if event is not None:
                        yield event
            ending = reader.ending
        if not wait:
            break
    if ending is not None:
        yield ending


async def raw_events(
    server: Server, workflow_id: str, *, wait: bool
) -> AsyncGenerator[tuple[str, HistoryEvent]]:
    """Each event as Temporal has it, with its run: those that still stand now, with ``wait`` also what follows.

    After a reset all events of the runs that stand then follow again, also those that they have in common with others.
    """
    chain = Chain(server, workflow_id)
    while runs := await chain.following():
        for run_id in runs:
            async with aclosing(events_of(server, workflow_id, run_id, wait=wait)) as raws:
                async for raw in raws:
                    yield run_id, raw
        if not wait:
            return
