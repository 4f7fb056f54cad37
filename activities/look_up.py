"""What people look up of a task: a page of its change, on the host that has the files, or of a stored artifact."""

from typing import Protocol

from temporalio import activity

from activities.exact_arguments import refuse_exact
from activities.redaction import redaction
from perdure.contracts.errors import InvalidInput
from perdure.contracts.lookups import Form, LookUp, Page
from perdure.contracts.workspace import Checkpoint


class ComparesCheckpoints(Protocol):
    """The workspaces of this host."""

    async def change(
        self, task_id: str, *, checkpoint: Checkpoint, form: Form, since: Checkpoint | None = None
    ) -> bytes:
        """What differs between the task's beginning (or ``since``) and the checkpoint; WorkspaceLost without them."""
        ...


class ReadsArtifacts(Protocol):
    """The record's bytes."""

    async def artifact(self, task_id: str, id: str) -> bytes:
        """Checked against their id."""
        ...


class LookUpDiffDoor:
    """Shows the change of a task."""

    def __init__(self, workspaces: ComparesCheckpoints) -> None:
        self._workspaces = workspaces

    @activity.defn(name="look_up_diff")
    async def look_up_diff(self, request: LookUp) -> Page:
        """A page of the change; the same request gives the same page, since checkpoints never change."""
        if request.checkpoint is None:
            raise InvalidInput(
                "A diff was asked for without a checkpoint.", "send the one that the task reported last."
            )
        whole = await self._workspaces.change(
            request.task_id, checkpoint=request.checkpoint, form=request.form, since=request.since
        )
        whole = redaction().data(whole)
        return Page.of(whole, offset=request.offset, page_bytes=request.page_bytes, by_line=True)


class LookUpArtifactDoor:
    """Gives stored bytes."""

    def __init__(self, record: ReadsArtifacts) -> None:
        self._record = record

    @activity.defn(name="look_up_artifact")
    async def look_up_artifact(self, request: LookUp) -> Page:
        """A page of an artifact as it is kept; texts were redacted before they were."""
        whole = await self._record.artifact(request.task_id, request.artifact_id)
        refuse_exact(whole)
        return Page.of(whole, offset=request.offset, page_bytes=request.page_bytes, by_line=False)
