"""The transcript: append-only, content-addressed entries; an entry names its parent's digest."""

from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from perdure.contracts.digests import digest_of


class EntryKind(StrEnum):
    """What an entry records."""

    REQUEST = "request"
    """body: request, repository, mode, safety, models (role → id); playbook (id, digest, content) in maintenance."""
    WORKSPACE = "workspace"
    """body: branch, base_commit, overview (text for the model), toolchain, warnings."""
    PLAN = "plan"
    """body: plan (``Plan``), model, scripted."""
    NOTE = "note"
    """body: kind (steer, denied, expired, guard, budget, correction), text, by; call_id where it answers a call."""
    DECISION = "decision"
    """body: content, reasoning, calls (list of ``ToolCall``), model, scripted, by (``Author``)."""
    EDIT = "edit"
    """body: decision (digest), index, arguments (a person's edit of one call)."""
    APPROVAL = "approval"
    """body: approval (``Approval`` as it was asked), outcome, by, consents, reason, decided_at; never told to the model."""
    RESULT = "result"
    """body: decision (digest), index, call_id, tool, ok, text (for the model), artifacts (``ArtifactRef``)."""
    REFLECTION = "reflection"
    """body: trigger, reflection (``Reflection``), model, scripted."""
    CHECKS = "checks"
    """body: checks (list of ``Check``), text (for the model)."""
    ANSWER = "answer"
    """body: answer (``Answer``), model, scripted."""


class Entry(BaseModel):
    """One entry. ``digest`` covers every other field, so equal entries are one row."""

    model_config = ConfigDict(frozen=True)

    v: int = 1
    task_id: str
    parent: str = ""
    """Digest of the entry before; empty for the first."""
    depth: int = Field(ge=0)
    """Number of entries before this one."""
    step: int
    kind: EntryKind
    body: dict[str, Any]
    at: str
    """ISO 8601 UTC; taken from the activity's scheduled time so that a retry makes the same entry."""
    digest: str = ""

    def sealed(self) -> "Entry":
        """The same entry with its digest filled in."""
        return self.model_copy(update={"digest": digest_of(self.model_dump(mode="json", exclude={"digest"}))})
