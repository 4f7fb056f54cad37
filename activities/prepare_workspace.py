"""Make the task's workspace, or rebuild it where another host, attempt or run had it."""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar

from temporalio import activity

from activities.grants import VoidsGrants, void_what_is_behind
from activities.heartbeat import heartbeating
from activities.host_steps import LooksForSecrets, Rebuilt
from activities.record import KeepsArtifacts, next_entry, run_id, scheduled_at
from activities.redaction import redaction, use
from activities.setting_aside import KeepsUnrecorded, SetAside, set_aside
from perdure.contracts.calls import SandboxLevel
from perdure.contracts.digests import short_hash
from perdure.contracts.steps import PreparedWorkspace, PrepareWorkspace
from perdure.contracts.task import Cost
from perdure.contracts.transcript import EntryKind
from perdure.contracts.workspace import MAX_LOST, Checkpoint, Workspace

Copy = TypeVar("Copy", bound=Rebuilt)
CopyOut = TypeVar("CopyOut", bound=Rebuilt, covariant=True)


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


class PreparesLeases(VoidsGrants, KeepsArtifacts, Protocol):
    """The record's part."""

    async def prepare(
        self, *, task_id: str, host_id: str, dispatch: int, attempt: int, run_id: str
    ) -> Preparation:
        """Fence off everybody before."""
        ...

    async def ready(self, *, task_id: str, epoch: int, checkpoint: Checkpoint) -> None:
        """Open the workspace for steps; Fenced where somebody prepared it meanwhile."""
        ...

    async def last_checkpoint(self, task_id: str) -> Checkpoint | None:
        """The checkpoint that was recorded last, in whichever run."""
        ...

    async def pushes(self, task_id: str) -> Mapping[str, Set[str]]:
        """Branch → commits that the task pushed, in whichever run."""
        ...

    async def spent(self, task_id: str) -> Cost:
        """What the task's model calls cost, in all runs."""
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


class MakesWorkspaces(KeepsUnrecorded, Protocol[CopyOut]):
    """The workspaces of this host."""

    async def create(
        self, *, task_id: str, repository: str, base_branch: str | None, branch: str, generation: int
    ) -> Created[CopyOut]:
        """Clone and branch."""
        ...

    async def fork(
        self,
        *,
        task_id: str,
        source: str,
        checkpoint: Checkpoint,
        repository: str,
        branch: str,
        generation: int,
    ) -> Created[CopyOut]:
        """The files of another task's checkpoint, on a branch of its own."""
        ...

    async def materialise(self, task_id: str, *, generation: int, checkpoint: Checkpoint) -> CopyOut:
        """Rebuild from a checkpoint."""
        ...

    async def discard_before(self, task_id: str, generation: int) -> None:
        """Remove older folders."""
        ...

    async def leave_pushed_branch(
        self, copy: Any, *, pushed: Mapping[str, Set[str]], previous: Checkpoint, at: datetime
    ) -> Checkpoint:
        """A new name for the branch where what was pushed under its own is not part of it."""
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
    look_for_secrets: LooksForSecrets[Copy]
    sandbox: SandboxLevel
    sandbox_sentences: tuple[str, ...] = ()
    """Why its sandbox is no better; people are warned with them."""


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
                beat("cloning the repository" if request.fork is None else "bringing the other task's files")
                return await self._create(request, preparation)
            beat("rebuilding the workspace from its last checkpoint")
            return await self._rebuild(request, request.previous, preparation)

    async def _create(self, request: PrepareWorkspace, preparation: Preparation) -> PreparedWorkspace:
        # A reset of the whole first run begins again, and so does an attempt whose predecessor did not report.
        recorded = await self._record.last_checkpoint(request.task_id)
        again = recorded is not None
        told = await self._set_aside(request.task_id, recorded)
        created = await self._created(request, preparation.generation)
        checkpoint = created.checkpoint
        if again:
            await void_what_is_behind(self._record, task_id=request.task_id, head=request.head)
            checkpoint = await self._leave_pushed_branch(request.task_id, created.copy, checkpoint, told)
            told.spent = await self._record.spent(request.task_id)
        use(await self._host.look_for_secrets(request.task_id, created.copy))
        surveyed = await self._host.survey(created.copy)
        workspace = Workspace(
            host_id=self._host.host_id,
            host_queue=self._host.host_queue,
            epoch=preparation.epoch,
            generation=preparation.generation,
            branch=checkpoint.head_ref.removeprefix("refs/heads/"),
            base_branch=created.base_branch,
            base_commit=created.base_commit,
            remote=self._host.strip_credentials(created.remote) if created.remote else None,
            checkpoint=checkpoint,
            toolchain=surveyed.toolchain,
            warnings=(*created.warnings, *sandbox_warnings(self._host)),
            sandbox=self._host.sandbox,
        )
        parent = await self._record.entry(request.task_id, request.head)
        body = workspace_body(workspace, surveyed.overview)
        step = 0 if request.fork is None else request.fork.step
        entry = next_entry(parent, task_id=request.task_id, step=step, kind=EntryKind.WORKSPACE, body=body)
        head = await self._record.append([entry])
        await self._record.ready(task_id=request.task_id, epoch=preparation.epoch, checkpoint=checkpoint)
        if again:
            await self._workspaces.discard_before(request.task_id, preparation.generation)
        return told.of(PreparedWorkspace(head=head, workspace=workspace))

    async def _created(self, request: PrepareWorkspace, generation: int) -> Created[Copy]:
        fork, branch = request.fork, branch_name(redaction().text(request.title), request.task_id)
        if fork is None:
            return await self._workspaces.create(
                task_id=request.task_id,
                repository=request.repository,
                base_branch=request.base_branch,
                branch=branch,
                generation=generation,
            )
        return await self._workspaces.fork(
            task_id=request.task_id,
            source=fork.task_id,
            checkpoint=fork.checkpoint,
            repository=request.repository,
            branch=branch,
            generation=generation,
        )

    async def _rebuild(
        self, request: PrepareWorkspace, previous: Workspace, preparation: Preparation
    ) -> PreparedWorkspace:
        task_id, checkpoint = request.task_id, request.checkpoint or previous.checkpoint
        told = await self._set_aside(task_id, await self._record.last_checkpoint(task_id))
        copy = await self._workspaces.materialise(
            task_id, generation=preparation.generation, checkpoint=checkpoint
        )
        if request.reason == "reset":
            await void_what_is_behind(self._record, task_id=task_id, head=request.head)
            checkpoint = await self._leave_pushed_branch(task_id, copy, checkpoint, told)
            told.spent = await self._record.spent(task_id)
        await self._record.ready(task_id=task_id, epoch=preparation.epoch, checkpoint=checkpoint)
        await self._workspaces.discard_before(task_id, preparation.generation)
        workspace = previous.model_copy(
            update={
                "host_id": self._host.host_id,
                "host_queue": self._host.host_queue,
                "epoch": preparation.epoch,
                "generation": preparation.generation,
                "checkpoint": checkpoint,
                "sandbox": self._host.sandbox,
            }
        )
        prepared = PreparedWorkspace(
            head=request.head, workspace=workspace, lost=copy.lost[:MAX_LOST], lost_count=len(copy.lost)
        )
        return told.of(prepared)

    async def _set_aside(self, task_id: str, recorded: Checkpoint | None) -> "_Told":
        if recorded is None:
            return _Told()
        kept = await set_aside(
            self._record, self._workspaces, task_id=task_id, recorded=recorded, at=scheduled_at()
        )
        return _Told(kept)

    async def _leave_pushed_branch(
        self, task_id: str, copy: Copy, checkpoint: Checkpoint, told: "_Told"
    ) -> Checkpoint:
        renamed = await self._workspaces.leave_pushed_branch(
            copy, pushed=await self._record.pushes(task_id), previous=checkpoint, at=scheduled_at()
        )
        if renamed.head_ref != checkpoint.head_ref:
            old, new = (each.head_ref.removeprefix("refs/heads/") for each in (checkpoint, renamed))
            told.kept.notes.append(
                f"What was pushed as {old!r} stays at the remote; the work goes on as {new!r}."
            )
        return renamed


def sandbox_warnings(host: ThisHost[Any]) -> tuple[str, ...]:
    """What people are told of a sandbox that is not the best: its level before all else."""
    if host.sandbox is SandboxLevel.A:
        return ()
    return (f"The sandbox of this host has level {host.sandbox.value}.", *host.sandbox_sentences)


@dataclass
class _Told:
    """What there is to say of what was there before."""

    kept: SetAside = field(default_factory=SetAside)
    spent: Cost | None = None

    def of(self, prepared: PreparedWorkspace) -> PreparedWorkspace:
        """The same with it."""
        return prepared.model_copy(update={**self.kept.fields(), "spent": self.spent})


def workspace_body(workspace: Workspace, overview: str) -> dict[str, Any]:
    """The transcript's record of a new workspace."""
    return {
        "branch": workspace.branch,
        "base_branch": workspace.base_branch,
        "base_commit": workspace.base_commit,
        "overview": overview,
        "toolchain": list(workspace.toolchain),
        "warnings": list(workspace.warnings),
        "sandbox": workspace.sandbox.value if workspace.sandbox else "",
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
