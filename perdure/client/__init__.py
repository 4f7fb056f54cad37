"""The typed client: start tasks, watch them, decide what they ask.

``from perdure.client import PerdureClient`` needs only temporalio and pydantic. Names are loaded when they are first
used, so that the command line's ``--help`` does not load Temporal's library.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from perdure.client.attaching import Attachment, IfClosed
    from perdure.client.client import PerdureClient
    from perdure.client.errors import (
        NotPending,
        NoWorker,
        Refused,
        ScheduleNotFound,
        ServerUnreachable,
        StillOpen,
        TaskCanceled,
        TaskEnded,
        TaskFailed,
        TaskNotFound,
    )
    from perdure.client.events import Event
    from perdure.client.grants import GrantBook
    from perdure.client.handle import TaskHandle
    from perdure.client.inbox import Batch, Inbox, InboxFilter, Outcome, WaitingApproval
    from perdure.client.logbook import LogLine
    from perdure.client.lookups import Part, StoredArtifact
    from perdure.client.rewinding import RewindPreview, RewindReceipt
    from perdure.client.schedule_terms import (
        ListedSchedule,
        ScheduleDescription,
        ScheduledRun,
        ScheduleTerms,
        ScheduleTimes,
    )
    from perdure.client.schedules import Schedules
    from perdure.client.state import Spending, TaskDescription, TaskState, TranscriptLine, WaitingTask
    from perdure.client.task_list import ListedTask, TaskFilter
    from perdure.client.versions import ServerVersions

__all__ = [
    "Attachment",
    "Batch",
    "Event",
    "GrantBook",
    "IfClosed",
    "Inbox",
    "InboxFilter",
    "ListedSchedule",
    "ListedTask",
    "LogLine",
    "NoWorker",
    "NotPending",
    "Outcome",
    "Part",
    "PerdureClient",
    "Refused",
    "RewindPreview",
    "RewindReceipt",
    "ScheduleDescription",
    "ScheduleNotFound",
    "ScheduleTerms",
    "ScheduleTimes",
    "ScheduledRun",
    "Schedules",
    "ServerUnreachable",
    "ServerVersions",
    "Spending",
    "StillOpen",
    "StoredArtifact",
    "TaskCanceled",
    "TaskDescription",
    "TaskEnded",
    "TaskFailed",
    "TaskFilter",
    "TaskHandle",
    "TaskNotFound",
    "TaskState",
    "TranscriptLine",
    "WaitingApproval",
    "WaitingTask",
]

_MODULES = {
    "Attachment": "attaching",
    "IfClosed": "attaching",
    "Batch": "inbox",
    "GrantBook": "grants",
    "Inbox": "inbox",
    "InboxFilter": "inbox",
    "Outcome": "inbox",
    "WaitingApproval": "inbox",
    "ListedSchedule": "schedule_terms",
    "RewindPreview": "rewinding",
    "RewindReceipt": "rewinding",
    "ScheduleDescription": "schedule_terms",
    "ScheduleTerms": "schedule_terms",
    "ScheduleTimes": "schedule_terms",
    "ScheduledRun": "schedule_terms",
    "Schedules": "schedules",
    "ListedTask": "task_list",
    "LogLine": "logbook",
    "Part": "lookups",
    "ServerVersions": "versions",
    "StoredArtifact": "lookups",
    "TaskFilter": "task_list",
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
