"""A task's change and its stored bytes, for who reaches nothing but Temporal: asked of a worker, page by page."""

import hashlib
import secrets
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from pydantic import BaseModel, ConfigDict
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import WorkflowFailureError
from temporalio.converter import DataConverter
from temporalio.exceptions import ApplicationError, TimeoutError

from perdure.client.decoding import Decoder, telling_message
from perdure.client.errors import NotPending, NoWorker
from perdure.client.following import raw_events
from perdure.client.server import Server
from perdure.contracts.calls import ArtifactRef, CallResult
from perdure.contracts.errors import InvalidInput, PerdureError, WorkspaceLost
from perdure.contracts.lookups import Form, LookUp, Page
from perdure.contracts.names import TASK_LOOKUP
from perdure.contracts.workspace import Checkpoint, Workspace

LIMIT = timedelta(minutes=3)
"""A lookup that nobody answered is over by then."""


class StoredArtifact(BaseModel):
    """Bytes that a task stored, as the event history names them."""

    model_config = ConfigDict(frozen=True)

    id: str
    name: str
    bytes: int
    media_type: str
    step: int
    tool: str


class Part(BaseModel):
    """A page of something longer."""

    model_config = ConfigDict(frozen=True)

    data: bytes
    offset: int
    total_bytes: int
    sha256: str
    """Of the whole."""

    @classmethod
    def whole(cls, data: bytes) -> "Part":
        """All of it as one page."""
        return cls(data=data, offset=0, total_bytes=len(data), sha256=hashlib.sha256(data).hexdigest())

    @property
    def next_offset(self) -> int | None:
        """Where the next page begins; None after the last one."""
        end = self.offset + len(self.data)
        return end if end < self.total_bytes else None


@dataclass
class Files:
    """Where a task's files are, and what it stored, as far as its history tells."""

    workspace: Workspace | None = None
    checkpoint: Checkpoint | None = None
    """After the last finished step."""
    step: int = 0
    artifacts: tuple[StoredArtifact, ...] = ()


class _Numbered(BaseModel):
    step: int = 0


class _Reported(BaseModel):
    workspace: Workspace | None = None
    checkpoint: Checkpoint | None = None


class _Ran(BaseModel):
    results: tuple[CallResult, ...] = ()
    set_aside: tuple[ArtifactRef, ...] = ()
    tool: str = ""
    whole: ArtifactRef | None = None
    """All of an operation whose preview leaves something out."""


async def files_of(server: Server, workflow_id: str) -> Files:
    """What the task's history on the server tells of its files."""
    return await files_in(raw_events(server, workflow_id, wait=False), server.client.data_converter)


async def files_in(events: AsyncGenerator[tuple[str, HistoryEvent]], converter: DataConverter) -> Files:
    """Read a history, whichever activities it has and wherever it comes from, for what they report of files."""
    decoder, files = Decoder(converter), Files()
    steps: dict[int, int] = {}
    stored: dict[str, StoredArtifact] = {}
    async for _, raw in events:
        if raw.HasField("activity_task_scheduled_event_attributes"):
            given = raw.activity_task_scheduled_event_attributes.input.payloads
            numbered = await decoder.model(given, _Numbered)
            steps[raw.event_id] = numbered.step if numbered is not None else 0
        if not raw.HasField("activity_task_completed_event_attributes"):
            continue
        completed = raw.activity_task_completed_event_attributes
        step = steps.get(completed.scheduled_event_id, 0)
        reported = await decoder.model(completed.result.payloads, _Reported)
        if reported is not None and reported.workspace is not None:
            files.workspace, files.checkpoint = reported.workspace, reported.workspace.checkpoint
        if reported is not None and reported.checkpoint is not None:
            files.checkpoint, files.step = reported.checkpoint, step
        ran = await decoder.model(completed.result.payloads, _Ran)
        for result in ran.results if ran is not None else ():
            for artifact in result.artifacts:
                stored.setdefault(artifact.id, _stored(artifact, step, result.tool))
        if ran is not None and ran.whole is not None:
            stored.setdefault(ran.whole.id, _stored(ran.whole, step, ran.tool))
        for artifact in ran.set_aside if ran is not None else ():
            stored.setdefault(artifact.id, _stored(artifact, step or files.step, "set aside"))
    files.artifacts = tuple(stored.values())
    return files


def _stored(artifact: ArtifactRef, step: int, tool: str) -> StoredArtifact:
    return StoredArtifact(**artifact.model_dump(), step=step, tool=tool)


async def diff_parts(
    server: Server, workflow_id: str, task_id: str, *, form: Form, offset: int = 0
) -> AsyncGenerator[Part]:
    """The task's change after its last finished step, page by page from ``offset`` on."""
    files = await files_of(server, workflow_id)
    if files.workspace is None:
        raise InvalidInput(
            f"Task {workflow_id!r} has no files yet, so there is no change.",
            f"`python starter.py show {workflow_id}` shows what it does now.",
        )
    queue, host = files.workspace.host_queue, files.workspace.host_id
    checkpoint = files.checkpoint or files.workspace.checkpoint
    if not await server.pollers(queue, activities=True):
        if not checkpoint.pack:
            raise _host_gone(workflow_id, host)
        # Any worker can make the change from the stored checkpoints.
        queue = ""
    request = LookUp(
        task_id=task_id, what="diff", host_queue=queue, checkpoint=checkpoint, form=form, offset=offset
    )
    try:
        async for part in _parts(server, workflow_id, request):
            yield part
    except (_HostSilent, WorkspaceLost) as error:
        raise _host_gone(workflow_id, host) from error


async def dropped_files(
    server: Server,
    workflow_id: str,
    task_id: str,
    *,
    workspace: Workspace,
    since: Checkpoint | None,
    until: Checkpoint,
) -> list[str]:
    """Names of the files that differ between two checkpoints; NoWorker where their host does not answer."""
    if not await server.pollers(workspace.host_queue, activities=True):
        raise _host_gone(workflow_id, workspace.host_id)
    request = LookUp(
        task_id=task_id,
        what="diff",
        host_queue=workspace.host_queue,
        checkpoint=until,
        since=since,
        form="names",
    )
    data = b""
    try:
        async for part in _parts(server, workflow_id, request):
            data += part.data
    except (_HostSilent, WorkspaceLost) as error:
        raise _host_gone(workflow_id, workspace.host_id) from error
    return data.decode("utf-8", "replace").splitlines()


async def artifact_parts(
    server: Server, workflow_id: str, task_id: str, artifact_id: str
) -> AsyncGenerator[Part]:
    """A stored artifact, page by page; ``artifact_id`` may be the beginning of one that no other shares."""
    there = (await files_of(server, workflow_id)).artifacts
    wanted = the_one(artifact_id, there, task=workflow_id)
    request = LookUp(task_id=task_id, what="artifact", artifact_id=wanted)
    try:
        async for part in _parts(server, workflow_id, request):
            yield part
    except _HostSilent as error:
        raise NoWorker(
            f"No worker read the artifact in time: {error.message}",
            "look at the workers' logs, then try again.",
        ) from error


def the_one(artifact_id: str, there: Sequence[StoredArtifact], *, task: str) -> str:
    """The whole id of the one artifact that begins so; NotPending where none or several do."""
    fitting = [each for each in there if artifact_id and each.id.startswith(artifact_id)]
    if len(fitting) != 1:
        which = "names no artifact" if not fitting else f"begins {len(fitting)} artifacts"
        raise NotPending(
            f"{artifact_id!r} {which} of task {task!r}, which has {len(there)}.",
            f"`python starter.py artifacts {task}` lists them.",
            tuple(each.id for each in there),
        )
    return fitting[0].id


async def answered(server: Server, request: LookUp, *, task_queue: str) -> AsyncGenerator[Part]:
    """Every page of a lookup that any worker of the queue can answer, whether Temporal knows the task or not."""
    if not await server.pollers(task_queue):
        raise NoWorker(
            f"No worker polls task queue {task_queue!r}, so {request.what!r} of {request.task_id!r} cannot be looked up.",
            "start one with `python starter.py worker` (or `python starter.py up`), then try again.",
        )
    try:
        async for part in _pages(server, request.task_id, task_queue, request):
            yield part
    except _HostSilent as error:
        raise NoWorker(error.message, "look at the workers' logs, then try again.") from error


async def _parts(server: Server, workflow_id: str, request: LookUp) -> AsyncGenerator[Part]:
    """Every page of a lookup about a task that Temporal knows."""
    await server.require_worker(f"the lookup {request.what!r}", task=workflow_id)
    queue = (await server.describe(workflow_id)).task_queue
    async for part in _pages(server, workflow_id, queue, request):
        yield part


async def _pages(server: Server, workflow_id: str, queue: str, request: LookUp) -> AsyncGenerator[Part]:
    """Every page from the request's on; the whole is checked where it was read from its beginning."""
    digest, from_beginning, whole = hashlib.sha256(), request.offset == 0, ""
    while True:
        page = await _page(server, workflow_id, queue, request)
        part = Part(data=page.data(), offset=page.offset, total_bytes=page.total_bytes, sha256=page.sha256)
        digest.update(part.data)
        following = part.next_offset
        changed = whole not in {"", part.sha256}
        if changed or (following is None and from_beginning and digest.hexdigest() != part.sha256):
            raise PerdureError(
                f"What was read of task {workflow_id!r} is not what its digest says, so it cannot be used.",
                "try again; where it stays so, the store or the connection damages bytes.",
            )
        yield part
        if following is None:
            return
        whole = part.sha256
        request = request.model_copy(update={"offset": following})


async def _page(server: Server, workflow_id: str, queue: str, request: LookUp) -> Page:
    id = f"lookup-{workflow_id[:150]}-{secrets.token_hex(6)}"
    try:
        with server.explained():
            handle = await server.client.start_workflow(
                TASK_LOOKUP,
                request,
                id=id,
                task_queue=queue,
                result_type=Page,
                execution_timeout=LIMIT,
                static_summary=f"{request.what} of {workflow_id}"[:200],
                rpc_timeout=server.limit,
            )
            return await handle.result()
    except WorkflowFailureError as failure:
        raise _explained(failure, workflow_id) from failure


class _HostSilent(PerdureError):
    """Nobody took the lookup up."""


def _explained(failure: WorkflowFailureError, workflow_id: str) -> PerdureError:
    cause = failure.cause
    told = cause.message if isinstance(cause, ApplicationError) else telling_message(cause)
    sentence, _, hint = told.partition(" hint: ")
    kind = cause.type if isinstance(cause, ApplicationError) else ""
    if kind == "HostSilent":
        return _HostSilent(sentence, "start the worker of that host again.")
    if kind == "WorkspaceLost":
        return WorkspaceLost(sentence, hint or "look on the host that worked on the task last.")
    if isinstance(cause, TimeoutError):
        return NoWorker(
            f"No worker answered the lookup for task {workflow_id!r} within {LIMIT.total_seconds():g} s.",
            "workers of an older version know no lookups: update them, then try again.",
        )
    return InvalidInput(
        sentence, hint or f"`python starter.py logs {workflow_id}` shows what the workers did."
    )


def _host_gone(workflow_id: str, host: str) -> NoWorker:
    return NoWorker(
        f"The host {host!r}, which keeps the files of task {workflow_id!r}, does not answer or has them no more.",
        "start the worker of that host again (with its PERDURE_HOME); what was pushed is on the task's branch at its "
        f"remote, which `python starter.py show {workflow_id}` names.",
    )
