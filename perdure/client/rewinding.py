"""Taking a task back to one of its steps: what would be dropped, and the reset itself.

The reset is Temporal's own. It leaves out what people said after the step: by default the server would apply old
decisions, words and cancellations again.
"""

from datetime import datetime

from pydantic import BaseModel, ConfigDict
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import ResetReapplyExcludeType
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest

from perdure.client.decoding import Decoder
from perdure.client.deployments import Version, polled
from perdure.client.errors import NoWorker, Refused, TaskNotFound
from perdure.client.lookups import dropped_files
from perdure.client.points import Cut, Facts, Story, TakenStep, read_story, refuse_unknown
from perdure.client.runs import standing_events
from perdure.client.server import Server
from perdure.contracts.errors import InvalidInput, PerdureError
from perdure.contracts.names import CODING_TASK
from perdure.contracts.task import Cost

NOT_AGAIN = (
    ResetReapplyExcludeType.RESET_REAPPLY_EXCLUDE_TYPE_SIGNAL,
    ResetReapplyExcludeType.RESET_REAPPLY_EXCLUDE_TYPE_UPDATE,
    ResetReapplyExcludeType.RESET_REAPPLY_EXCLUDE_TYPE_NEXUS,
    ResetReapplyExcludeType.RESET_REAPPLY_EXCLUDE_TYPE_CANCEL_REQUEST,
)
MAX_REASON = 200


class RewindPreview(BaseModel):
    """What a rewind would drop. ``cost`` is its price: it stays spent."""

    model_config = ConfigDict(frozen=True)

    id: str
    task_id: str
    to_step: int
    last_step: int
    open: bool
    """Whether the task still runs or waits; what it does until the rewind is dropped as well."""
    run_id: str
    """The run that is reset: the one that holds the step's end."""
    event_id: int
    """The workflow task that it is reset to."""
    steps: tuple[TakenStep, ...] = ()
    files: tuple[str, ...] | None = None
    """Files that would change, and None where that is not known."""
    files_unknown: str = ""
    """Why the files are not known."""
    commits: tuple[str, ...] = ()
    pushes: tuple[str, ...] = ()
    """``<branch>@<commit>``: they stay at the remote."""
    approvals: tuple[str, ...] = ()
    """What was asked for and would be asked anew."""
    words: tuple[str, ...] = ()
    """What people told the model."""
    cost: Cost = Cost()


class RewindReceipt(BaseModel):
    """A task was taken back."""

    model_config = ConfigDict(frozen=True)

    id: str
    task_id: str
    run_id: str
    """The run that goes on from the step."""
    dropped: RewindPreview


async def preview_of(server: Server, workflow_id: str, task_id: str, to: int) -> RewindPreview:
    """What taking the task back to the end of a step would drop; refused where that cannot be done."""
    story = await _story(server, workflow_id, task_id, to)
    cut = _cut(story, workflow_id)
    await require_version(server, workflow_id, cut.run_id)
    files, unknown = await _files(server, workflow_id, task_id, story)
    now, then = story.now.cost, story.at_step.cost
    return RewindPreview(
        id=workflow_id,
        task_id=task_id,
        to_step=to,
        last_step=story.last_step,
        open=not story.closed,
        run_id=cut.run_id,
        event_id=cut.event_id,
        steps=tuple(story.later_steps[number] for number in sorted(story.later_steps)),
        files=files,
        files_unknown=unknown,
        commits=tuple(story.commits),
        pushes=tuple(story.pushes),
        approvals=tuple(story.approvals.values()),
        words=tuple(story.words),
        cost=now.beyond(then),
    )


async def rewind(server: Server, preview: RewindPreview, *, by: str) -> RewindReceipt:
    """Reset the task as the preview says; the same preview a second time gives the same run."""
    reason = f"rewind to step {preview.to_step}" + (f" by {by}" if by else "")
    request = ResetWorkflowExecutionRequest(
        namespace=server.client.namespace,
        workflow_execution=WorkflowExecution(workflow_id=preview.id, run_id=preview.run_id),
        reason=reason[:MAX_REASON],
        workflow_task_finish_event_id=preview.event_id,
        request_id=f"perdure-rewind-{preview.run_id}-{preview.event_id}",
        reset_reapply_exclude_types=NOT_AGAIN,
        identity=server.client.identity,
    )
    with server.explained(preview.id):
        answer = await server.client.workflow_service.reset_workflow_execution(request, timeout=server.limit)
    return RewindReceipt(id=preview.id, task_id=preview.task_id, run_id=answer.run_id, dropped=preview)


async def _story(server: Server, workflow_id: str, task_id: str, to: int) -> Story:
    described = await server.describe(workflow_id)
    if described.workflow_type != CODING_TASK:
        raise Refused(
            f"{workflow_id!r} is a {described.workflow_type}, and only coding tasks are taken back to a step.",
            "start it once more: it begins from the repository as it is.",
        )
    if task_id and described.raw_info.first_run_id != task_id:
        raise Refused(
            f"Another task was started under the id {workflow_id!r} since, so task {task_id!r} cannot go on.",
            "start a task from its step instead: `python starter.py fork`.",
        )
    return await read_story(Decoder(server.client.data_converter), standing_events(server, workflow_id), to)


def _cut(story: Story, workflow_id: str) -> Cut:
    refuse_unknown(story, workflow_id)
    if story.cut is not None:
        return story.cut
    if story.closed:
        raise Refused(
            f"Step {story.step} is the last of task {workflow_id!r}, so nothing came after it that could be taken back.",
            f"`python starter.py show {workflow_id}` shows its steps.",
        )
    raise Refused(
        f"Step {story.step} of task {workflow_id!r} has not ended, and what a rewind keeps is what a step ended with.",
        "name an earlier step, or wait until it has ended.",
    )


async def require_version(
    server: Server, workflow_id: str, run_id: str, *, now: datetime | None = None
) -> None:
    """NoWorker where the run is pinned to a version of the workers that nobody has: what takes its place would be so too."""
    handle = server.client.get_workflow_handle(workflow_id, run_id=run_id)
    with server.explained(workflow_id):
        described = await handle.describe(rpc_timeout=server.limit)
    raw = described.raw_description.workflow_execution_info.versioning_info.deployment_version
    version = Version(raw.deployment_name, raw.build_id)
    if not version.build_id or (await polled(server, described.task_queue, now=now)).live.get(version):
        return
    raise NoWorker(
        f"From that step on task {workflow_id!r} would go on as {str(version)!r}, and no worker of that version asked for "
        "work a moment ago.",
        f"start a worker with PERDURE_BUILD_ID={version.build_id} first, or begin another task there: "
        "`python starter.py fork`.",
    )


async def _files(
    server: Server, workflow_id: str, task_id: str, story: Story
) -> tuple[tuple[str, ...] | None, str]:
    """The files that differ between the step's end and now, or why that is not known."""
    before, after = story.at_step, story.now
    if before.checkpoint is None or after.checkpoint is None or after.workspace is None:
        return None, "the history does not name the checkpoints"
    if before.checkpoint.tree == after.checkpoint.tree:
        return (), ""
    return await _asked(server, workflow_id, task_id, before, after)


async def _asked(
    server: Server, workflow_id: str, task_id: str, before: Facts, after: Facts
) -> tuple[tuple[str, ...] | None, str]:
    assert after.workspace is not None
    assert after.checkpoint is not None
    try:
        names = await dropped_files(
            server,
            workflow_id,
            task_id,
            workspace=after.workspace,
            since=before.checkpoint,
            until=after.checkpoint,
        )
    except (NoWorker, InvalidInput) as error:
        return None, error.message
    return tuple(names), ""


def kept_how_long(error: PerdureError) -> TaskNotFound:
    """The error for a task that is not there, with a word on those that ended long ago."""
    return TaskNotFound(
        f"{error.message} A task that ended can be taken back only while the server keeps its history.",
        "`python starter.py list` shows what the server still has.",
    )
