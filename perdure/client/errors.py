"""What can go wrong between a program and a task, as branches of the one error tree.

PerdureError
├── InvalidInput
│   ├── TaskNotFound         no task has this id
│   ├── ScheduleNotFound     no schedule has this id
│   ├── NotPending           no such approval or question waits (``pending`` lists what does)
│   └── Refused              the task refused the decision or answer; the message says why
├── ConfigurationError
│   ├── ServerUnreachable    no Temporal server answers at the address
│   └── NoWorker             the server answers, but no worker does
├── StillOpen                the task did not end in the time that was given; it goes on
└── TaskEnded                a task that did not end with a result of its own
    ├── TaskFailed           it failed; ``result`` holds what it got done
    └── TaskCanceled         somebody cancelled it
"""

from perdure.contracts.errors import ConfigurationError, InvalidInput, PerdureError
from perdure.contracts.maintenance import MaintenanceResult
from perdure.contracts.task import TaskResult


class TaskNotFound(InvalidInput):
    """No task has this id in this namespace."""


class ScheduleNotFound(InvalidInput):
    """No schedule has this id in this namespace."""


class NotPending(InvalidInput):
    """The approval or question does not wait; ``pending`` holds the ids that do."""

    def __init__(self, message: str, hint: str = "", pending: tuple[str, ...] = ()) -> None:
        super().__init__(message, hint)
        self.args = (message, hint, pending)
        self.pending = pending


class Refused(InvalidInput):
    """The task refused a decision or an answer and recorded nothing."""


class ServerUnreachable(ConfigurationError):
    """No Temporal server answers at the address."""


class NoWorker(ConfigurationError):
    """The Temporal server answers, but no worker answers for the task."""


class StillOpen(PerdureError):
    """The task did not end in the time that was given; nothing was changed."""


class TaskEnded(PerdureError):
    """The task ended without success; ``result`` is what it reported, where it did."""

    def __init__(
        self, message: str, hint: str = "", result: TaskResult | MaintenanceResult | None = None
    ) -> None:
        super().__init__(message, hint)
        self.args = (message, hint, result)
        self.result = result


class TaskFailed(TaskEnded):
    """The task failed, was terminated or timed out."""


class TaskCanceled(TaskEnded):
    """The task was cancelled."""
