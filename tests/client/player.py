"""Activities that play a short task for the real workflow."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.door import to_application_error
from perdure.contracts.calls import ArtifactRef, CallResult, CallSummary, Effect, Verdict
from perdure.contracts.decision_records import DecisionRecorded, RecordDecision
from perdure.contracts.errors import InvalidInput, PerdureError
from perdure.contracts.lookups import LookUp, Page
from perdure.contracts.names import host_queue
from perdure.contracts.plan import Plan, Reflection, Subtask
from perdure.contracts.steps import (
    Checked,
    CheckWork,
    Closed,
    CloseTask,
    Decided,
    ExecuteCalls,
    Executed,
    Limits,
    ModelStep,
    OpenedTask,
    OpenTask,
    PlanMade,
    PreparedWorkspace,
    PrepareWorkspace,
    PreviewCall,
    Previewed,
    ProposePublication,
    Publication,
    Reflected,
    Synthesized,
    Timing,
)
from perdure.contracts.task import Check, Cost, Evidence, Safety
from perdure.contracts.workspace import Checkpoint, Workspace

HOST = "testhost"
HEX = "ab" * 20
CHECKPOINT = Checkpoint(
    commit=HEX, tree=HEX, head_ref="refs/heads/perdure/x", branch_commit=HEX, staged_tree=HEX
)
COST = Cost(usd=0.01, input_tokens=1_000, output_tokens=100, model_calls=1, scripted=True, models=("script",))


def summary(
    index: int, title: str, *, verdict: Verdict = Verdict.ALLOW, effect: Effect = Effect.READ
) -> CallSummary:
    """A call as a decision names it."""
    return CallSummary(
        index=index,
        tool=title.split()[0],
        title=title,
        effect=effect,
        verdict=verdict,
        arguments_digest=f"{index:064x}",
    )


READS = (summary(0, "read_file app.py"), summary(1, "search_text total"))
PUSH = (summary(0, "git_push perdure/x", verdict=Verdict.ASK, effect=Effect.PUBLISH),)


@dataclass
class Player:
    """Plays the worker: what each activity answers, settable by a test before it starts a task."""

    task_queue: str
    decisions: Sequence[tuple[CallSummary, ...]] = (READS, PUSH)
    """The calls of each decision; afterwards it is done."""
    steps: int = 50
    registered: bool = True
    """Whether the search attributes are said to be registered."""
    fail_opening: str = ""
    fail_plan_once: bool = False
    plan_fails: ApplicationError | None = None
    change: bytes = b""
    """What the lookup of a diff gives."""
    stored: tuple[ArtifactRef, ...] = ()
    """What the first call stores, and ``artifacts`` the bytes by id."""
    artifacts: dict[str, bytes] = field(default_factory=dict[str, bytes])
    lookup_fails: PerdureError | None = None
    damage_second_lookup: bool = False
    host_known_as: str = HOST
    """The host that prepared workspaces name; only ``HOST`` has a worker."""
    lookups: list[LookUp] = field(default_factory=list[LookUp])
    hold: asyncio.Event = field(default_factory=asyncio.Event)
    """Activities of ``decide`` wait for it."""
    requests: list[OpenTask] = field(default_factory=list[OpenTask])
    decided: list[RecordDecision] = field(default_factory=list[RecordDecision])
    seen: set[str] = field(default_factory=set[str])
    """Workflow ids of every run that the test had to do with, so that none is left open."""

    def __post_init__(self) -> None:
        self.hold.set()

    def activities(self) -> list[Any]:
        """Those of the shared queue."""
        return [
            self.open_task,
            self.prepare_workspace,
            self.plan,
            self.decide,
            self.reflect,
            self.synthesize,
            self.record_decision,
            self.close_task,
            self.look_up_artifact,
        ]

    def host_activities(self) -> list[Any]:
        """Those of the host's queue."""
        return [
            self.prepare_workspace,
            self.preview_call,
            self.execute_calls,
            self.check_work,
            self.propose_publication,
            self.look_up_diff,
        ]

    @activity.defn
    async def open_task(self, asked: OpenTask) -> OpenedTask:
        self.requests.append(asked)
        self.seen.add(activity.info().workflow_id or "")
        if self.fail_opening:
            raise ApplicationError(self.fail_opening, type="InvalidInput", non_retryable=True)
        return OpenedTask(
            head="h0",
            repository=asked.request.repository,
            safety=Safety.CAUTIOUS,
            limits=Limits(usd=2, tokens=100_000, minutes=10, steps=self.steps),
            timing=Timing(),
            models={"plan": "script", "decide": "script"},
            scripted=True,
            tools_digest="t",
            search_attributes=self.registered,
            warnings=("this is a scripted run",),
        )

    @activity.defn
    async def prepare_workspace(self, asked: PrepareWorkspace) -> PreparedWorkspace:
        workspace = Workspace(
            host_id=self.host_known_as,
            host_queue=host_queue(self.task_queue, self.host_known_as),
            epoch=1,
            generation=1,
            branch="perdure/x",
            base_branch="main",
            base_commit=HEX,
            remote="https://git.example.com/x.git",
            checkpoint=CHECKPOINT,
        )
        return PreparedWorkspace(head="h1", workspace=workspace)

    @activity.defn
    async def plan(self, asked: ModelStep) -> PlanMade:
        if self.fail_plan_once and activity.info().attempt == 1:
            raise ApplicationError("the model is busy")
        if self.plan_fails is not None:
            raise self.plan_fails
        plan = Plan(
            goal="Mend the rounding",
            subtasks=(Subtask(title="find it"), Subtask(title="mend it")),
            tools=("read_file",),
            risks=(),
            estimated_steps=3,
        )
        return PlanMade(head="h2", plan=plan, model="script", cost=COST)

    @activity.defn
    async def decide(self, asked: ModelStep) -> Decided:
        await self.hold.wait()
        done = asked.step > len(self.decisions)
        return Decided(
            head=f"d{asked.step}",
            calls=() if done else self.decisions[asked.step - 1],
            done=done,
            said="I look first.",
            model="script",
            cost=COST,
        )

    @activity.defn
    async def preview_call(self, asked: PreviewCall) -> Previewed:
        return Previewed(
            head=asked.head,
            operation_digest=f"{asked.step:064x}",
            run_id=activity.info().workflow_run_id or "",
            tool="git_push",
            title="git_push perdure/x",
            preview="Pushes **1 commit** to `https://git.example.com/x.git`.",
            shape="push",
        )

    @activity.defn
    async def record_decision(self, asked: RecordDecision) -> DecisionRecorded:
        self.decided.append(asked)
        return DecisionRecorded(head=asked.head)

    @activity.defn
    async def execute_calls(self, asked: ExecuteCalls) -> Executed:
        results = tuple(
            CallResult(
                index=call.index,
                tool="read_file",
                ok=True,
                excerpt="3 lines",
                artifacts=self.stored if call.index == 0 else (),
            )
            for call in asked.calls
        )
        return Executed(head=f"e{asked.step}", results=results, checkpoint=CHECKPOINT)

    @activity.defn
    async def reflect(self, asked: ModelStep) -> Reflected:
        reflection = Reflection(verdict="done", note="It is mended.", finished_subtasks=(0, 1))
        return Reflected(head="r", reflection=reflection, model="script", cost=COST)

    @activity.defn
    async def check_work(self, asked: CheckWork) -> Checked:
        checks = (
            Check(name="syntax", status="passed", detail="1 file"),
            Check(name="tests", status="skipped", detail="none found"),
        )
        return Checked(head="c", checks=checks, changed_files=1)

    @activity.defn
    async def synthesize(self, asked: ModelStep) -> Synthesized:
        return Synthesized(
            head="s",
            summary="The rounding is mended.",
            commit_message="Mend the rounding",
            evidence=(Evidence(requirement="totals are right", step=1, shown_by="the test"),),
            model="script",
            cost=COST,
        )

    @activity.defn
    async def propose_publication(self, asked: ProposePublication) -> Publication:
        return Publication(head="p", decision="p", calls=(), commits=(HEX,), withheld="there is no remote")

    @activity.defn
    async def look_up_diff(self, asked: LookUp) -> Page:
        self.lookups.append(asked)
        if self.lookup_fails is not None:
            raise to_application_error(self.lookup_fails, attempt=1)
        try:
            return Page.of(self.change, offset=asked.offset, page_bytes=asked.page_bytes, by_line=True)
        except PerdureError as error:
            raise to_application_error(error, attempt=1) from error

    @activity.defn
    async def look_up_artifact(self, asked: LookUp) -> Page:
        self.lookups.append(asked)
        if asked.artifact_id not in self.artifacts:
            error = InvalidInput(
                f"Task {asked.task_id!r} has no artifact {asked.artifact_id!r}.", "list them."
            )
            raise to_application_error(error, attempt=1)
        data = self.artifacts[asked.artifact_id]
        if self.damage_second_lookup and asked.offset:
            data = data[:-1] + bytes([data[-1] ^ 1])
        return Page.of(data, offset=asked.offset, page_bytes=asked.page_bytes, by_line=False)

    @activity.defn
    async def close_task(self, asked: CloseTask) -> Closed:
        return Closed()
