"""What the steps on a host share: claiming the workspace, and opening its files where they are still good."""

import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from temporalio import activity

from activities.exact_arguments import exactly
from activities.judge import InMode, standing_of
from activities.record import KeepsArtifacts, KnowsTasks, ReadsArtifacts, run_id, scheduled_at
from activities.redaction import Redacts, use
from activities.setting_aside import KeepsUnrecorded, SetAside, set_aside
from perdure.contracts.calls import Author, CallKey, CallResult, Token, ToolCall
from perdure.contracts.errors import WorkspaceLost
from perdure.contracts.judging import Standing
from perdure.contracts.steps import HostStep
from perdure.contracts.transcript import Entry, EntryKind
from perdure.contracts.workspace import Checkpoint


class Claimed(Protocol):
    """What the record grants a step."""

    @property
    def generation(self) -> int:
        """Number of the folder to work in."""
        ...

    @property
    def fresh(self) -> bool:
        """Whether that folder must be made anew from the checkpoint."""
        ...

    @property
    def stored(self) -> Mapping[int, CallResult]:
        """Results that an earlier attempt recorded, by call index."""
        ...

    @property
    def checkpoint(self) -> Checkpoint:
        """The last recorded checkpoint of this step, else the one that was given."""
        ...

    @property
    def head(self) -> str:
        """Digest of the last entry that an earlier attempt of this step recorded; empty where none did."""
        ...


class ClaimsWorkspaces(KeepsArtifacts, Protocol):
    """The record's leases."""

    async def claim(
        self,
        *,
        key: CallKey,
        token: Token,
        host_id: str,
        checkpoint: Checkpoint,
        changing: bool,
        calls: Collection[int] | None,
    ) -> Claimed:
        """Take the workspace for a token; Fenced where a newer one has it."""
        ...

    async def materialised(self, *, task_id: str, token: Token) -> None:
        """The folder of a fresh claim is made."""
        ...

    async def settled(self, *, task_id: str, token: Token, checkpoint: Checkpoint) -> None:
        """Nothing more will change the folder under this claim, and it equals the checkpoint."""
        ...


class Rebuilt(Protocol):
    """Files that may just have been made anew from a checkpoint."""

    @property
    def lost(self) -> tuple[str, ...]:
        """What was there that no checkpoint holds; empty where the files were not made anew."""
        ...


Copy = TypeVar("Copy")
CopyOut = TypeVar("CopyOut", covariant=True)


class OpensCopies(KeepsUnrecorded, Protocol[CopyOut]):
    """The workspaces of this host."""

    async def open(self, task_id: str, generation: int, *, checkpoint: Checkpoint | None = None) -> CopyOut:
        """The files of a generation; WorkspaceLost where they are gone or not as in the checkpoint."""
        ...

    async def require(self, task_id: str, generation: int) -> None:
        """WorkspaceLost where the files of a generation are gone."""
        ...

    async def materialise(self, task_id: str, *, generation: int, checkpoint: Checkpoint) -> CopyOut:
        """A new folder for the generation, made from the checkpoint."""
        ...

    async def discard_before(self, task_id: str, generation: int) -> None:
        """Remove the folders of older generations."""
        ...


@dataclass(frozen=True)
class Held(Generic[Copy]):
    """A workspace in the hands of one attempt."""

    copy: Copy
    token: Token
    key: CallKey
    claim: Claimed


LooksForSecrets = Callable[[str, Copy], Awaitable[Redacts]]
"""The redaction of a task that knows the secrets of its files as they are now."""


class Host(Generic[Copy]):
    """This host's workspaces, behind the fence."""

    def __init__(
        self,
        host_id: str,
        record: ClaimsWorkspaces,
        workspaces: OpensCopies[Copy],
        look_for_secrets: LooksForSecrets[Copy],
    ) -> None:
        self.host_id = host_id
        self._look_for_secrets = look_for_secrets
        self._record = record
        self._workspaces = workspaces

    async def claim(
        self, step: HostStep, *, changing: bool, calls: Collection[int] | None = None
    ) -> tuple[CallKey, Token, Claimed]:
        """Take the workspace before anything is looked at; Fenced where somebody newer has it."""
        token = token_of(step)
        key = CallKey(task_id=step.task_id, run_id=run_id(), step=step.step, call_index=0)
        claim = await self._record.claim(
            key=key,
            token=token,
            host_id=self.host_id,
            checkpoint=step.checkpoint,
            changing=changing,
            calls=calls,
        )
        return key, token, claim

    @contextlib.asynccontextmanager
    async def hold(self, step: HostStep) -> AsyncGenerator[Held[Copy]]:
        """Claim the workspace for looking at it, and open it; WorkspaceLost where it vanishes meanwhile."""
        key, token, claim = await self.claim(step, changing=False, calls=())
        copy, _ = await self.open(step, claim)
        if claim.fresh:
            await self._record.materialised(task_id=step.task_id, token=token)
        async with self.present(step, claim):
            yield Held(copy=copy, token=token, key=key, claim=claim)

    @contextlib.asynccontextmanager
    async def present(self, step: HostStep, claim: Claimed) -> AsyncGenerator[None]:
        """WorkspaceLost where the files vanish while the body runs, whatever else it came to.

        What is seen in a folder that is being lost is not what the task's files hold, so it must not be recorded.
        """
        try:
            yield
        finally:
            await self._workspaces.require(step.task_id, claim.generation)

    async def open(self, step: HostStep, claim: Claimed) -> tuple[Copy, SetAside]:
        """The files of a claim: the folder in use, or a new one where a predecessor may have spoilt it.

        What that one left behind, or a person beside it, is kept. WorkspaceLost where the step needs what was set up in another folder.
        """
        copy, kept = await self._open(step, claim)
        use(await self._look_for_secrets(step.task_id, copy))
        return copy, kept

    async def _open(self, step: HostStep, claim: Claimed) -> tuple[Copy, SetAside]:
        task_id = step.task_id
        if step.generation and claim.generation != step.generation:
            raise WorkspaceLost(
                f"The workspace's folder {step.generation} was replaced by {claim.generation}, and what was set up "
                "in it is gone with it.",
                "it is rebuilt and set up again.",
            )
        if not claim.fresh:
            copy = await self._workspaces.open(task_id, claim.generation, checkpoint=claim.checkpoint)
            return copy, SetAside()
        kept = await set_aside(
            self._record, self._workspaces, task_id=task_id, recorded=claim.checkpoint, at=scheduled_at()
        )
        copy = await self._workspaces.materialise(
            task_id, generation=claim.generation, checkpoint=claim.checkpoint
        )
        await self._workspaces.discard_before(task_id, claim.generation)
        return copy, kept

    async def settled(self, *, task_id: str, token: Token, checkpoint: Checkpoint) -> None:
        """Say that nothing more will change the folder under this claim."""
        await self._record.settled(task_id=task_id, token=token, checkpoint=checkpoint)


def token_of(step: HostStep) -> Token:
    """The fencing token of the running attempt."""
    return Token(epoch=step.epoch, dispatch=step.dispatch, attempt=activity.info().attempt)


async def standing_in(record: KnowsTasks, step: InMode, entries: Sequence[Entry], decision: str) -> Standing:
    """On whose behalf the calls of a decision are made, as it was recorded when it was made.

    A model's where the record does not say.
    """
    found = next((entry for entry in entries if entry.digest == decision), None)
    body = {} if found is None else found.body
    author, untrusted = Author(body.get("by", Author.MODEL)), bool(body.get("untrusted", False))
    return await standing_of(record, step, author=author, untrusted=untrusted)


async def call_of(record: ReadsArtifacts, entries: Sequence[Entry], decision: str, index: int) -> ToolCall:
    """One call of a decision exactly as it was made, with a person's latest edit of it; raises WorkspaceLost where there is none."""
    found: ToolCall | None = None
    for entry in entries:
        if entry.digest == decision:
            calls = [ToolCall.model_validate(call) for call in await exactly(record, entry, "calls")]
            found = next((call for call in calls if call.index == index), None)
        if found and entry.kind is EntryKind.EDIT:
            edit = entry.body
            if edit["decision"] == decision and edit["index"] == index:
                arguments = await exactly(record, entry, "arguments")
                found = found.model_copy(update={"arguments": arguments, "problem": ""})
    if found is None:
        raise WorkspaceLost(
            f"The transcript holds no call {index} of the decision {decision[:12]!r}.",
            "the database and the event history are not of the same installation; restore the database's backup.",
        )
    return found
