"""What a task was just after one of its steps, and what came after that, as its event history tells.

The events may come from anywhere: from the runs of a live task, oldest first, or from an archived history.
"""

from collections.abc import AsyncIterable
from dataclasses import dataclass, field, replace

from pydantic import BaseModel, ConfigDict
from temporalio.api.history.v1 import HistoryEvent

from perdure.client.decoding import Decoder
from perdure.client.errors import Refused
from perdure.contracts.calls import CallResult, CallSummary
from perdure.contracts.continuation import ContinuedTask
from perdure.contracts.decisions import Steer
from perdure.contracts.errors import InvalidInput
from perdure.contracts.plan import Plan
from perdure.contracts.task import Cost, TaskRequest
from perdure.contracts.workspace import Checkpoint, Workspace

CLOSING = frozenset(
    f"workflow_execution_{how}_event_attributes"
    for how in ("completed", "failed", "canceled", "terminated", "timed_out")
)


class TakenStep(BaseModel):
    """One step that a task took, in a line."""

    model_config = ConfigDict(frozen=True)

    step: int
    title: str
    cost: Cost = Cost()


@dataclass(frozen=True)
class Facts:
    """What is known of a task at some moment."""

    head: str = ""
    """Digest of the newest transcript entry."""
    workspace: Workspace | None = None
    checkpoint: Checkpoint | None = None
    plan: Plan | None = None
    cost: Cost = field(default_factory=Cost)


@dataclass(frozen=True)
class Cut:
    """The workflow task that scheduled the first work of a later step: a reset to it takes that work back."""

    run_id: str
    event_id: int


@dataclass
class Story:
    """A task seen from one of its steps. ``at_step`` holds what stood when the step had ended."""

    step: int
    request: TaskRequest | None = None
    first_step: int = 0
    """The earliest step whose end is known; later than 0 where the task's first runs are not there any more."""
    last_step: int = 0
    closed: bool = False
    """Whether the last of the runs that were read is over."""
    cut: Cut | None = None
    """None where nothing of a later step was begun."""
    at_step: Facts = field(default_factory=Facts)
    now: Facts = field(default_factory=Facts)
    later_steps: dict[int, TakenStep] = field(default_factory=dict[int, TakenStep])
    commits: list[str] = field(default_factory=list[str])
    """Made later, like all that follows."""
    pushes: list[str] = field(default_factory=list[str])
    """Each as ``<branch>@<commit>``."""
    approvals: dict[tuple[str, int], str] = field(default_factory=dict[tuple[str, int], str])
    """Titles of what was asked for, by decision and index: the same call may have been asked about several times."""
    words: list[str] = field(default_factory=list[str])
    """What people told the model."""


def refuse_unknown(story: Story, workflow_id: str) -> None:
    """Raise InvalidInput or Refused where the step does not exist, or nothing is known of its end."""
    shown = f"`python starter.py show {workflow_id}` shows its steps."
    if story.step < 0:
        raise InvalidInput(
            f"There is no step {story.step}.", "steps begin at 1; 0 is the moment after the plan."
        )
    if story.step > story.last_step:
        raise InvalidInput(
            f"Task {workflow_id!r} has no step {story.step}; its last is {story.last_step}.", shown
        )
    if story.step < story.first_step:
        raise Refused(
            f"Step {story.step} of task {workflow_id!r} is in a run that is not kept any more; what is left of the task "
            f"begins after step {story.first_step}.",
            f"name step {story.first_step} or a later one.",
        )


class _Given(BaseModel):
    step: int = 0
    decision: str = ""
    index: int = -1


class _Reported(BaseModel):
    head: str = ""
    workspace: Workspace | None = None
    checkpoint: Checkpoint | None = None
    plan: Plan | None = None
    cost: Cost = Cost()
    calls: tuple[CallSummary, ...] = ()
    results: tuple[CallResult, ...] = ()


class _Previewed(BaseModel):
    operation_digest: str
    title: str
    refused: str = ""


async def read_story(decoder: Decoder, events: AsyncIterable[tuple[str, HistoryEvent]], step: int) -> Story:
    """Read a task's events, each with its run's id, and divide them where the step had ended."""
    reader = _Reader(decoder, Story(step))
    async for run_id, raw in events:
        await reader.read(run_id, raw)
    story = reader.story
    if story.cut is None:
        story.at_step = story.now
    return story


class _Reader:
    def __init__(self, decoder: Decoder, story: Story) -> None:
        self._decoder = decoder
        self._given: dict[tuple[str, int], _Given] = {}
        self._handed_over: Cut | None = None
        self.story = story

    async def read(self, run_id: str, raw: HistoryEvent) -> None:
        kind = raw.WhichOneof("attributes") or ""
        self.story.closed = kind in CLOSING
        if kind == "workflow_execution_started_event_attributes" and self.story.request is None:
            await self._started(raw)
        elif kind == "workflow_execution_continued_as_new_event_attributes":
            continued = raw.workflow_execution_continued_as_new_event_attributes
            self._handed_over = Cut(run_id, continued.workflow_task_completed_event_id)
        elif kind == "activity_task_scheduled_event_attributes":
            await self._scheduled(run_id, raw)
        elif kind == "activity_task_completed_event_attributes":
            await self._completed(run_id, raw)
        elif kind == "workflow_execution_signaled_event_attributes" and self.story.cut is not None:
            signaled = raw.workflow_execution_signaled_event_attributes
            if signaled.signal_name == "steer":
                told = await self._decoder.model(signaled.input.payloads, Steer)
                self.story.words += [told.message] if told is not None else []

    async def _started(self, raw: HistoryEvent) -> None:
        given = raw.workflow_execution_started_event_attributes.input.payloads
        self.story.request = await self._decoder.model(given, TaskRequest)
        if self.story.request is not None:
            return
        # The runs before are not there any more, so what they handed over stands for them.
        continued = await self._decoder.model(given, ContinuedTask)
        if continued is None:
            return
        handed = continued.continuation
        self.story.request = continued.task
        self.story.first_step = self.story.last_step = handed.step
        self.story.now = Facts(handed.head, handed.workspace, handed.checkpoint, handed.plan, handed.cost)

    async def _scheduled(self, run_id: str, raw: HistoryEvent) -> None:
        scheduled, story = raw.activity_task_scheduled_event_attributes, self.story
        given = await self._decoder.model(scheduled.input.payloads, _Given)
        given = given or _Given()
        self._given[run_id, raw.event_id] = given
        step = given.step
        if step > story.step and story.cut is None:
            # A run that continues another begins with what that one handed over, so the other one is cut.
            story.cut = self._handed_over or Cut(run_id, scheduled.workflow_task_completed_event_id)
            story.at_step = story.now
        self._handed_over = None
        story.last_step = max(story.last_step, step)
        if step > story.step:
            story.later_steps.setdefault(step, TakenStep(step=step, title="not finished"))

    async def _completed(self, run_id: str, raw: HistoryEvent) -> None:
        completed, story = raw.activity_task_completed_event_attributes, self.story
        given = self._given.pop((run_id, completed.scheduled_event_id), _Given())
        said = await self._decoder.model(completed.result.payloads, _Reported)
        if said is None:
            return
        now = story.now
        if said.workspace is not None:
            now = replace(now, workspace=said.workspace, checkpoint=said.workspace.checkpoint)
        story.now = replace(
            now,
            head=said.head or now.head,
            checkpoint=said.checkpoint or now.checkpoint,
            plan=said.plan or now.plan,
            cost=now.cost.plus(said.cost),
        )
        if story.cut is not None:
            await self._later(given, said, raw)

    async def _later(self, given: _Given, said: _Reported, raw: HistoryEvent) -> None:
        story, step = self.story, given.step
        taken = story.later_steps.get(step)
        if taken is not None:
            titles = "; ".join(call.title for call in said.calls)
            done = "says it is done" if taken.title == "not finished" else taken.title
            story.later_steps[step] = taken.model_copy(
                update={"title": titles or done, "cost": taken.cost.plus(said.cost)}
            )
        story.commits += [result.commit for result in said.results if result.commit]
        story.pushes += [result.pushed for result in said.results if result.pushed]
        payloads = raw.activity_task_completed_event_attributes.result.payloads
        asked = await self._decoder.model(payloads, _Previewed)
        if asked is not None and not asked.refused:
            story.approvals[given.decision, given.index] = asked.title
