"""The typed client: start tasks, watch them, decide what they ask.

``from perdure.client import PerdureClient`` needs only temporalio and pydantic. Names are loaded when they are first
used, so that the command line's ``--help`` does not load Temporal's library.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from perdure.client.client import PerdureClient
    from perdure.client.errors import (
        NotPending,
        NoWorker,
        Refused,
        ServerUnreachable,
        TaskCanceled,
        TaskEnded,
        TaskFailed,
        TaskNotFound,
    )
    from perdure.client.events import Event
    from perdure.client.handle import TaskHandle
    from perdure.client.state import Spending, TaskDescription, TaskState, TranscriptLine, WaitingTask

__all__ = [
    "Event",
    "NoWorker",
    "NotPending",
    "PerdureClient",
    "Refused",
    "ServerUnreachable",
    "Spending",
    "TaskCanceled",
    "TaskDescription",
    "TaskEnded",
    "TaskFailed",
    "TaskHandle",
    "TaskNotFound",
    "TaskState",
    "TranscriptLine",
    "WaitingTask",
]

_MODULES = {
    "Event": "events",
    "PerdureClient": "client",
    "TaskHandle": "handle",
    "Spending": "state",
    "TaskDescription": "state",
    "TaskState": "state",
    "TranscriptLine": "state",
    "WaitingTask": "state",
}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES.get(name, 'errors')}"), name)
