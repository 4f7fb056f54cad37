"""Input and output of the activities that only a maintenance run has. All are small, as in ``steps``."""

from typing import Literal

from perdure.contracts.calls import ArtifactRef
from perdure.contracts.durable import Durable
from perdure.contracts.maintenance import Finding, MaintenanceRequest
from perdure.contracts.steps import HostStep, OpenedTask
from perdure.contracts.task import Mode, Safety, TaskRequest


class StepOutline(Durable):
    """What the workflow knows of a playbook's step; its calls stay in the transcript."""

    id: str
    title: str
    calls: int
    needs_tests: bool
    commits: bool
    report: str = ""


class CheckOutline(Durable):
    """What the workflow knows of a playbook's check."""

    id: str
    title: str
    vouches: bool


class PlaybookOutline(Durable):
    """What the workflow knows of a playbook."""

    id: str
    title: str
    digest: str
    setup: tuple[str, ...]
    """Titles."""
    steps: tuple[StepOutline, ...]
    checks: tuple[CheckOutline, ...]
    changed_files: int
    changed_lines: int


class OpenMaintenance(Durable):
    """Record a maintenance run, read its playbook and look where the base branch stands."""

    task_id: str
    workflow_id: str
    request: MaintenanceRequest


class OpenedMaintenance(Durable):
    """What the installation grants the run, its playbook, and the commit it would start from."""

    opened: OpenedTask
    task: TaskRequest
    """The run as a task that asks no model."""
    playbook: PlaybookOutline
    base_commit: str


class LookAtConditions(HostStep):
    """See which conditions of the playbook hold in the workspace."""

    part: Literal["precheck", "steps"]


class ConditionsSeen(Durable):
    """Sentences of the conditions that do not hold, by part (``precheck``, ``step:<id>``, ``check:<id>``, …)."""

    unmet: dict[str, str]


class FollowPlaybook(Durable):
    """Make the calls of one part of the playbook a decision of the transcript."""

    task_id: str
    step: int
    head: str
    mode: Mode
    safety: Safety
    part: str


class VouchByTests(HostStep):
    """Run the tests that vouch, and compare them with an earlier run."""

    before: ArtifactRef | None = None


class Vouched(Durable):
    """What the tests say."""

    head: str
    ran: bool
    """Whether there was a report at all."""
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    detail: str = ""
    """One line."""
    cases: ArtifactRef | None = None
    held: bool = True
    """Whether no test that passed before fails, is skipped or is gone; true where there is no earlier run."""
    broken: tuple[str, ...] = ()
    """The first of those that do not."""
    sentence: str = ""
    """The comparison for people."""


class MeasureChange(HostStep):
    """Count what is not committed."""


class ChangeMeasured(Durable):
    """Files and lines that differ from the branch's head."""

    files: int
    lines: int
    first: tuple[str, ...] = ()
    """A few of the paths."""


class ReadReport(Durable):
    """Read what a call reported."""

    task_id: str
    step: int
    head: str
    decision: str
    index: int
    playbook_step: str
    report: str


class ReportRead(Durable):
    """The findings, most frequent first; ``problem`` says why there are none to read."""

    findings: tuple[Finding, ...] = ()
    problem: str = ""
