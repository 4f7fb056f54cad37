"""A maintenance run as other programs see it: what starts one, and what it ends with."""

from typing import Annotated, Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    StringConstraints,
    model_serializer,
)

from perdure.contracts.policy import TaskPolicy
from perdure.contracts.task import Budget, Check, TaskStatus, Unpushed, Withheld

PlaybookId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]


class MaintenanceRequest(BaseModel):
    """The one JSON object that starts a ``MaintenanceRun``."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    repository: str = Field(min_length=1, max_length=2_000)
    """Path on the worker's host, or a Git URL."""
    playbook: PlaybookId
    """Name of a playbook of the installation, such as ``python-hygiene``; never a file of the repository."""
    base_branch: str | None = Field(default=None, min_length=1, max_length=250)
    user: str = Field(default="", max_length=64)
    budget: Budget = Budget()
    """``minutes`` and ``steps`` lower the playbook's own limits; no model is asked, so the others do not matter."""
    policy: TaskPolicy = ()
    """Rules of this run's own. They can only narrow what the installation's policy says."""

    @model_serializer(mode="wrap")
    def _without_new_fields(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Workers of an older version refuse fields that they do not know, so one that says nothing is left out."""
        fields: dict[str, Any] = serialize(self)
        if not self.policy:
            fields.pop("policy", None)
        return fields


class Finding(BaseModel):
    """Something a playbook's step came across."""

    model_config = ConfigDict(frozen=True)

    step: str
    """Id of the playbook's step."""
    what: str
    """One line, such as ``F841 local variable is assigned to but never used``."""
    count: int = 1
    where: str = ""
    """The first place, as ``path:line``."""
    fixed: bool = False


class MaintenanceResult(BaseModel):
    """The one JSON object a ``MaintenanceRun`` ends with; on failure it stands in the failure's details."""

    v: int = 1
    status: TaskStatus
    """``completed``, ``unchanged`` (ended at the precheck), ``incomplete``, ``denied``, ``budget_exhausted``."""
    summary: str
    branch: str | None = None
    commits: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    checks: tuple[Check, ...] = ()
    pushed: bool = False
    unpushed: Unpushed | None = None
    """Why what was kept is not pushed. The next scheduled run offers it again, unless a person ``denied`` it."""
    withheld: tuple[Withheld, ...] = ()
    base_commit: str = ""
    """The commit that was looked at; the next scheduled run compares it."""
    playbook_digest: str = ""
    """Digest of the playbook as it was; the next scheduled run compares it."""
