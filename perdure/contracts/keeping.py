"""Rebuilding, collecting garbage and forgetting: what goes in and what is reported."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict

from perdure.contracts.task import TaskRequest

MAX_RECORDED = 2_000
"""Characters of a summary in the record of tasks."""


class Reported(BaseModel):
    """A report for people and programs."""

    model_config = ConfigDict(frozen=True)


class TaskFacts(Reported):
    """What a task's event histories say of its rows in the record."""

    task_id: str
    workflow_id: str
    request: TaskRequest | None = None
    """As it was recorded; None where the task was never opened, so that it has no row."""
    repository: str = ""
    opened_at: datetime | None = None
    status: str = "planning"
    summary: str = ""
    closed_at: datetime | None = None
    heads: tuple[str, ...] = ()
    """Digests of transcript entries that activities reported, in the order in which they did."""


class Rebuilt(Reported):
    """What was compared, and what differed."""

    task_id: str
    workflow_id: str
    source: str
    """``Temporal`` or ``archive``."""
    dry_run: bool
    row: str
    """Of the task: ``same``, ``missing``, ``differs: <columns>`` or ``none`` where it was never opened."""
    entries: int = 0
    """Transcript entries that artifacts hold."""
    missing_rows: int = 0
    damaged_rows: int = 0
    rows_alone: int = 0
    """Entries that lie in rows and in no artifact, such as an older release wrote; they get one."""
    unknown_rows: int = 0
    """Rows that lead to no entry which the history or an artifact names; they stay."""
    lost: tuple[str, ...] = ()
    """Heads that the history names and whose chain is nowhere complete."""
    short_term: str = ""
    vectors: str = ""

    @property
    def differs(self) -> bool:
        """Whether anything was, or in a dry run would be, changed, or is lost."""
        changed = self.missing_rows or self.damaged_rows or self.rows_alone or self.lost
        return self.row not in {"same", "none"} or bool(changed)


class Garbage(Reported):
    """What nothing refers to."""

    dry_run: bool
    tasks: int = 0
    """That were looked at."""
    artifacts: int = 0
    bytes: int = 0
    """As they are stored."""
    open: int = 0
    """Tasks that are open or not archived yet: nothing of theirs is taken."""
    left: tuple[str, ...] = ()
    """Why some tasks were not looked at, a sentence each."""


class Forgotten(Reported):
    """A task that is gone for good."""

    task_id: str
    workflow_id: str
    runs: int
    artifacts: int
