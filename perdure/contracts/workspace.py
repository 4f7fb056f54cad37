"""Workspaces by reference: checkpoints, who holds one, where it lives."""

from pydantic import BaseModel, ConfigDict

from perdure.contracts.calls import SandboxLevel


class Checkpoint(BaseModel):
    """A recorded state of the files and of the branch. All ids are Git object ids (40 hex digits)."""

    model_config = ConfigDict(frozen=True)

    v: int = 1
    commit: str
    """Commit in the shadow Git directory; its message holds the rest of this record."""
    tree: str
    """Raw tree of every tracked and untracked (not ignored) file, without any conversion."""
    head_ref: str
    """Such as ``refs/heads/perdure/fix-rounding-1a2b3c``."""
    branch_commit: str
    staged_tree: str
    pack: str = ""
    """Id of the artifact that holds the objects which are new since the checkpoint before; empty where the checkpoint
    lies on its host alone."""

    def same_work(self, other: "Checkpoint") -> bool:
        """Whether files, branch and index are the same; what Git ignores may differ."""
        return self.model_dump(exclude={"commit", "pack"}) == other.model_dump(exclude={"commit", "pack"})


#: Names of lost files and folders that are told; a count says how many there were.
MAX_LOST = 20


class Workspace(BaseModel):
    """A prepared workspace, as the workflow knows it."""

    model_config = ConfigDict(frozen=True)

    v: int = 1
    host_id: str
    host_queue: str
    epoch: int
    generation: int
    branch: str
    base_branch: str
    base_commit: str
    remote: str | None
    """Where a push would go, credentials stripped; None when there is nowhere."""
    checkpoint: Checkpoint
    toolchain: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    sandbox: SandboxLevel | None = None
    """How much of the sandbox holds on the host; None where it was prepared before levels were told."""
