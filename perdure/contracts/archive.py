"""The archive: event histories of closed runs as artifacts, so that a task can be looked at when Temporal forgot it."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

HISTORY_MEDIA_TYPE = "application/vnd.perdure.history"

CloseStatus = Literal["completed", "failed", "canceled", "terminated", "continued", "timed_out"]


class ClosedRun(BaseModel):
    """What the first line of an archived history says of it; the history follows as Temporal's ``History`` message.

    The payloads in the history are as the server gave them: encoded, and encrypted where the installation encrypts.
    """

    model_config = ConfigDict(frozen=True)

    v: int = 1
    task_id: str
    """The first execution's run id."""
    run_id: str
    workflow_id: str
    kind: str
    """``CodingTask`` or ``MaintenanceRun``."""
    status: CloseStatus
    task_queue: str
    continued_from: str = ""
    """The run that continued as this one."""
    started_at: datetime
    closed_at: datetime
    events: int

    def with_history(self, history: bytes) -> bytes:
        """The bytes to store."""
        return self.model_dump_json().encode() + b"\n" + history


class ArchivedRun(ClosedRun):
    """A closed run and the artifact that holds its history."""

    artifact_id: str
    bytes: int


def history_in(stored: bytes) -> tuple[ClosedRun, bytes]:
    """What was stored of a run, taken apart."""
    line, _, history = stored.partition(b"\n")
    return ClosedRun.model_validate_json(line), history
