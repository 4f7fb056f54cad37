"""Beginning a task at a step of another one: where that is, read from the other task's event history."""

from collections.abc import AsyncIterable, Sequence
from typing import Any

from temporalio.api.history.v1 import HistoryEvent

from perdure.client.decoding import Decoder
from perdure.client.errors import Refused
from perdure.client.points import Story, read_story, refuse_unknown
from perdure.client.runs import standing_events
from perdure.client.server import Server
from perdure.contracts.archive import ArchivedRun
from perdure.contracts.names import CODING_TASK
from perdure.contracts.steps import ForkPoint
from perdure.contracts.task import TaskRequest


async def live_fork_point(server: Server, workflow_id: str, step: int) -> tuple[ForkPoint, TaskRequest]:
    """A task that the server knows at the end of a step, and its request; refused where that is no beginning."""
    described = await server.describe(workflow_id)
    if described.workflow_type != CODING_TASK:
        raise Refused(
            f"{workflow_id!r} is a {described.workflow_type}, and only coding tasks can be gone on from.",
            "start a task on its branch instead, with --base-branch.",
        )
    task_id = described.raw_info.first_run_id or described.run_id
    decoder = Decoder(server.client.data_converter)
    events = standing_events(server, workflow_id)
    return await fork_point_in(decoder, events, step, workflow_id=workflow_id, task_id=task_id)


async def fork_point_in(
    decoder: Decoder,
    events: AsyncIterable[tuple[str, HistoryEvent]],
    step: int,
    *,
    workflow_id: str,
    task_id: str,
) -> tuple[ForkPoint, TaskRequest]:
    """The fork point by a task's events, live or archived, each with its run's id, oldest run first."""
    story = await read_story(decoder, events, step)
    _refuse_unended(story, workflow_id)
    facts = story.at_step
    if story.request is None or facts.workspace is None or facts.checkpoint is None or not facts.head:
        raise Refused(
            f"Task {workflow_id!r} had no files yet at the end of step {step}, or its history tells nothing of them.",
            "name a later step.",
        )
    point = ForkPoint(
        workflow_id=workflow_id,
        task_id=task_id,
        step=step,
        head=facts.head,
        repository=story.request.repository,
        workspace=facts.workspace,
        checkpoint=facts.checkpoint,
        plan=facts.plan,
    )
    return point, story.request


def _refuse_unended(story: Story, workflow_id: str) -> None:
    refuse_unknown(story, workflow_id)
    if story.cut is None and not story.closed:
        raise Refused(
            f"Step {story.step} of task {workflow_id!r} has not ended, so nothing can begin at its end yet.",
            "name an earlier step, or wait until it has ended.",
        )


def standing_archive(runs: Sequence[ArchivedRun]) -> list[ArchivedRun]:
    """Of the archived runs that one id had, those of its last task that still stood when it closed, oldest first."""
    if not runs:
        return []
    by_run = {run.run_id: run for run in runs}
    latest = max(runs, key=lambda run: run.closed_at)
    found = [latest]
    while found[-1].continued_from in by_run:
        found.append(by_run[found[-1].continued_from])
    return found[::-1]


def forked_fields(request: TaskRequest, changes: dict[str, Any]) -> dict[str, Any]:
    """The fields of a request that begins at another task: as that one's, with these changed."""
    kept = request.model_dump(exclude_unset=True, exclude={"fork", "base_branch", "continuation"})
    return {**kept, **{name: value for name, value in changes.items() if value is not None}}
