"""Make the task's workspace, or rebuild it where another host, attempt or run had it."""

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from temporalio import activity

from activities.heartbeat import heartbeating
from activities.record import AppendsEntries, next_entry, run_id
from perdure.contracts.digests import short_hash
from perdure.contracts.steps import PreparedWorkspace, PrepareWorkspace
from perdure.contracts.transcript import EntryKind
from perdure.contracts.workspace import Checkpoint, Workspace

Copy = TypeVar("Copy")
CopyOut = TypeVar("CopyOut", covariant=True)


class Preparation(Protocol):
    """Number of this preparation and of the folder it makes."""

    @property
    def epoch(self) -> int:
        """Raised by every preparation."""
        ...

    @property
    def generation(self) -> int:
        """Never used before."""
        ...


class PreparesLeases(AppendsEntries, Protocol):
    """The record's part."""

    async def prepare(
        self, *, task_id: str, host_id: str, dispatch: int, attempt: int, run_id: str
    ) -> Preparation:
        """Fence off everybody before."""
        ...

    async def ready(self, *, task_id: str, epoch: int, checkpoint: Checkpoint) -> None:
        """Open the workspace for steps; Fenced where somebody prepared it meanwhile."""
        ...


class Created(Protocol[CopyOut]):
    """A new workspace."""

    @property
    def copy(self) -> CopyOut:
        """Its files."""
        ...

    @property
    def checkpoint(self) -> Checkpoint:
        """Checkpoint 0."""
        ...

    @property
    def branch(self) -> str:
        """The feature branch as it is really called."""
        ...

    @property
    def base_branch(self) -> str:
        """Where it starts; empty for a detached HEAD."""
        ...

    @property
    def base_commit(self) -> str:
        """The commit it starts from."""
        ...

    @property
    def remote(self) -> str | None:
        """Where a push would go."""
        ...

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a person should know."""
        ...


class MakesWorkspaces(Protocol[CopyOut]):
    """The workspaces of this host."""

    async def create(
        self, *, task_id: str, repository: str, base_branch: str | None, branch: str, generation: int
    ) -> Created[CopyOut]:
        """Clone and branch."""
        ...

    async def materialise(self, task_id: str, *, generation: int, checkpoint: Checkpoint) -> CopyOut:
        """Rebuild from a checkpoint."""
        ...

    async def discard_before(self, task_id: str, generation: int) -> None:
        """Remove older folders."""
        ...


@dataclass(frozen=True)
class Surveyed:
    """What the model and people are told of a workspace."""

    overview: str
    toolchain: tuple[str, ...]


@dataclass(frozen=True)
class ThisHost(Generic[Copy]):
    """Identity of the host and what it can say of a workspace."""

    host_id: str
    host_queue: str
    survey: Callable[[Copy], Awaitable[Surveyed]]
    strip_credentials: Callable[[str], str]


class PrepareWorkspaceDoor(Generic[Copy]):
    """Prepares workspaces."""

    def __init__(
        self, record: PreparesLeases, workspaces: MakesWorkspaces[Copy], host: ThisHost[Copy]
    ) -> None:
        self._record = record
        self._workspaces = workspaces
        self._host = host

    @activity.defn(name="prepare_workspace")
    async def prepare_workspace(self, request: PrepareWorkspace) -> PreparedWorkspace:
        """Fence off the past, then clone (the first time) or rebuild the last checkpoint in a new folder."""
        async with heartbeating() as beat:
            preparation = await self._record.prepare(
                task_id=request.task_id,
                host_id=self._host.host_id,
                dispatch=request.dispatch,
                attempt=activity.info().attempt,
                run_id=run_id(),
            )
            if request.previous is None:
                beat("cloning the repository")
                return await self._create(request, preparation)
            beat("rebuilding the workspace from its last checkpoint")
            return await self._rebuild(request, request.previous, preparation)

    async def _create(self, request: PrepareWorkspace, preparation: Preparation) -> PreparedWorkspace:
        created = await self._workspaces.create(
            task_id=request.task_id,
            repository=request.repository,
            base_branch=request.base_branch,
            branch=branch_name(request.title, request.task_id),
            generation=preparation.generation,
        )
        surveyed = await self._host.survey(created.copy)
        workspace = Workspace(
            host_id=self._host.host_id,
            host_queue=self._host.host_queue,
            epoch=preparation.epoch,
            generation=preparation.generation,
            branch=created.branch,
            base_branch=created.base_branch,
            base_commit=created.base_commit,
            remote=self._host.strip_credentials(created.remote) if created.remote else None,
            checkpoint=created.checkpoint,
            toolchain=surveyed.toolchain,
            warnings=created.warnings,
        )
        parent = await self._record.entry(request.task_id, request.head)
        body = workspace_body(workspace, surveyed.overview)
        entry = next_entry(parent, task_id=request.task_id, step=0, kind=EntryKind.WORKSPACE, body=body)
        head = await self._record.append([entry])
        await self._record.ready(
            task_id=request.task_id, epoch=preparation.epoch, checkpoint=created.checkpoint
        )
        return PreparedWorkspace(head=head, workspace=workspace)

    async def _rebuild(
        self, request: PrepareWorkspace, previous: Workspace, preparation: Preparation
    ) -> PreparedWorkspace:
        checkpoint = request.checkpoint or previous.checkpoint
        await self._workspaces.materialise(
            request.task_id, generation=preparation.generation, checkpoint=checkpoint
        )
        await self._record.ready(task_id=request.task_id, epoch=preparation.epoch, checkpoint=checkpoint)
        await self._workspaces.discard_before(request.task_id, preparation.generation)
        workspace = previous.model_copy(
            update={
                "host_id": self._host.host_id,
                "host_queue": self._host.host_queue,
                "epoch": preparation.epoch,
                "generation": preparation.generation,
                "checkpoint": checkpoint,
            }
        )
        return PreparedWorkspace(head=request.head, workspace=workspace)


def workspace_body(workspace: Workspace, overview: str) -> dict[str, Any]:
    """The transcript's record of a new workspace."""
    return {
        "branch": workspace.branch,
        "base_branch": workspace.base_branch,
        "base_commit": workspace.base_commit,
        "overview": overview,
        "toolchain": list(workspace.toolchain),
        "warnings": list(workspace.warnings),
    }


def branch_name(request: str, task_id: str) -> str:
    """A feature branch that a person recognises and no other task has: ``perdure/<words>-<hash>``."""
    words = re.findall(r"[a-z0-9]+", request.lower())
    return f"perdure/{_joined(words, limit=40) or 'task'}-{short_hash(task_id)[:6]}"


def _joined(words: Sequence[str], *, limit: int) -> str:
    joined = ""
    for word in words:
        longer = f"{joined}-{word}" if joined else word
        if len(longer) > limit:
            break
        joined = longer
    return joined
