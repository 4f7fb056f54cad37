"""Input and output of the workflow ``Sweep`` and of its activities."""

from datetime import datetime

from pydantic import Field

from perdure.contracts.durable import Durable


class Sweep(Durable):
    """Input of ``Sweep``, as the schedule of a task queue has it."""

    keep_workspaces_s: float = Field(default=86_400.0, ge=0)
    """A closed task's files stay on their hosts for so long."""
    heartbeat_s: float = Field(default=15.0, gt=0)
    host_answer_s: float = Field(default=30.0, gt=0)


class RunRef(Durable):
    """One run of a workflow."""

    workflow_id: str
    run_id: str


class FindClosedRuns(Durable):
    """Look for closed runs on a task queue that are not archived yet."""

    task_queue: str
    since: datetime | None = None
    """Only those that closed since then."""


class ClosedRuns(Durable):
    """Runs to archive, and whether there are more."""

    runs: tuple[RunRef, ...] = ()
    more: bool = False


class ArchiveRuns(Durable):
    """Archive these runs."""

    runs: tuple[RunRef, ...]


class RunsArchived(Durable):
    """How that went."""

    archived: int = 0
    gone: int = 0
    """Those that the server forgot meanwhile."""
    failed: tuple[str, ...] = ()
    """Sentences about those that cannot be archived."""


class FindHosts(Durable):
    """Look for the hosts of a task queue that answer."""

    task_queue: str


class LiveHosts(Durable):
    """Their own queues."""

    queues: tuple[str, ...] = ()


class SweepHost(Durable):
    """Remove the files of tasks that closed long enough ago from the host that gets this."""

    keep_workspaces_s: float


class HostSwept(Durable):
    """What a host did."""

    host_id: str
    removed: int = 0
    kept: int = 0
    """Of tasks that are open or closed lately."""
    only_here: int = 0
    """Of closed tasks whose files are stored nowhere else: they stay."""
    unknown: int = 0
    """Of tasks that neither the record nor the server knows: they stay."""


class RemoveSweeps(Durable):
    """Remove finished sweeps and lookups from the server, so that they do not fill it for its whole retention."""

    task_queue: str
    older_than_s: float = 86_400.0


class SweepsRemoved(Durable):
    """How many went."""

    removed: int = 0


class Swept(Durable):
    """Result of ``Sweep``; the next one goes on where ``until`` says."""

    archived: int = 0
    gone: int = 0
    failed: tuple[str, ...] = ()
    hosts: tuple[HostSwept, ...] = ()
    silent: tuple[str, ...] = ()
    """Queues of hosts that did not answer."""
    until: datetime | None = None
    """Everything that closed before is archived."""
    whole_at: datetime | None = None
    """When a sweep looked at everything last, not only at what closed lately."""
