"""Record, workspaces, judge and tools in memory, for tests of ``execute_calls``."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any

from activities.execute_calls import ExecuteCallsDoor
from activities.heartbeat import Beat
from activities.host_steps import Host
from activities.running_tools import FilesAt, Outputs, Questions, Seen
from perdure.contracts.calls import (
    ArtifactRef,
    CallKey,
    CallResult,
    CallSummary,
    Effect,
    SandboxLevel,
    Token,
    ToolCall,
    Verdict,
)
from perdure.contracts.consents import Approver
from perdure.contracts.errors import InvalidInput, ToolRejected, WorkspaceLost
from perdure.contracts.judging import CallFacts, Judgement, Named, Standing
from perdure.contracts.outcomes import Operation, RanAhead, RanCall
from perdure.contracts.steps import ApprovedCall, ExecuteCalls, Executed
from perdure.contracts.task import Mode, Safety
from perdure.contracts.transcript import Entry, EntryKind
from perdure.contracts.workspace import Checkpoint
from perdure.memory.tasks import Asked
from tests.activities.doors import as_activity, no_secrets

READ, WRITE, RUN, ASKED, PUSH, DENIED = "look", "write", "test", "install", "push", "forbidden"
JUDGED = {
    READ: (Effect.READ, Verdict.ALLOW),
    WRITE: (Effect.WRITE, Verdict.ALLOW),
    RUN: (Effect.RUN, Verdict.BOUNDED),
    ASKED: (Effect.RUN_WRITING, Verdict.ASK),
    PUSH: (Effect.PUBLISH, Verdict.ASK),
    DENIED: (Effect.WRITE, Verdict.DENY),
}
Tool = Callable[[ToolCall], Awaitable[RanCall]]


def point(number: int) -> Checkpoint:
    """A checkpoint that differs from those of other numbers."""
    return Checkpoint(
        commit=f"c{number}", tree=f"t{number}", head_ref="r", branch_commit="b", staged_tree="s"
    )


@dataclass
class Claim:
    """What the record grants; ``stored`` and ``head`` are what an earlier attempt recorded."""

    generation: int = 1
    fresh: bool = False
    stored: dict[int, CallResult] = field(default_factory=dict[int, CallResult])
    checkpoint: Checkpoint = field(default_factory=lambda: point(0))
    head: str = ""


@dataclass(frozen=True)
class FakeCopy:
    """Files, as far as these tests look at them."""

    lost: tuple[str, ...] = ()


@dataclass
class World:
    """Record, workspaces, judge and tools at once; ``deeds`` is what was done to them, in order."""

    claimed: Claim = field(default_factory=Claim)
    tools: dict[str, Tool] = field(default_factory=dict[str, Tool])
    digests: dict[int, str] = field(default_factory=dict[int, str])
    deeds: list[str] = field(default_factory=list[str])
    entries_kept: list[Entry] = field(default_factory=list[Entry])
    artifacts: dict[str, bytes] = field(default_factory=dict[str, bytes])
    outputs: Outputs | None = None
    """What the last call was handed to read earlier outputs by."""
    seen: Seen | None = None
    """What the last call was handed to ask what the task has seen by."""
    files_at: FilesAt | None = None
    """What the last call was handed to find earlier files by."""
    approved_by: str = ""
    refused_branch: str = ""
    """Whatever names it is denied."""
    judged: list[CallFacts] = field(default_factory=list[CallFacts])
    """What the judge was asked about, in order."""
    asking: Questions | None = None
    """What each call may ask a model by."""
    files: int = 0
    registered: tuple[Approver, ...] = ()
    vanished: bool = False
    """Whether the folder is gone, by the time it is asked for."""

    # The record

    async def asked(self, task_id: str) -> Asked:
        return Asked(user="ada", repository="/house")

    async def append(self, entries: Sequence[Entry]) -> str:
        self.entries_kept += entries
        return entries[-1].digest

    async def entries(self, task_id: str, head: str, *, above: int = -1) -> list[Entry]:
        return list(self.entries_kept)

    async def since(self, task_id: str, head: str, digest: str) -> list[Entry]:
        return list(self.entries_kept)

    async def entry(self, task_id: str, digest: str) -> Entry:
        return next(each for each in self.entries_kept if each.digest == digest)

    async def checkpoint_at(self, task_id: str, head: str, step: int) -> Checkpoint | None:
        return point(step) if step < 2 else None

    async def put_artifact(self, task_id: str, name: str, data: bytes, media_type: str) -> ArtifactRef:
        self.artifacts[name] = data
        return ArtifactRef(id=name, name=name, bytes=len(data), media_type=media_type)

    async def artifact(self, task_id: str, id: str) -> bytes:
        if id not in self.artifacts:
            raise InvalidInput(f"There is no artifact {id!r}.")
        return self.artifacts[id]

    async def claim(
        self,
        *,
        key: CallKey,
        token: Token,
        host_id: str,
        checkpoint: Checkpoint,
        changing: bool,
        calls: Collection[int] | None,
    ) -> Claim:
        self.deeds.append("claim to change" if changing else "claim")
        return self.claimed

    async def materialised(self, *, task_id: str, token: Token) -> None:
        self.deeds.append("materialised")

    async def settled(self, *, task_id: str, token: Token, checkpoint: Checkpoint) -> None:
        self.deeds.append(f"settled at {checkpoint.commit}")

    async def record_results(
        self,
        *,
        key: CallKey,
        token: Token,
        entries: Sequence[Entry],
        results: Sequence[CallResult],
        checkpoint: Checkpoint,
        more_changes: bool,
    ) -> Sequence[CallResult]:
        indices = ",".join(str(result.index) for result in results)
        self.deeds.append(f"record {indices} at {checkpoint.commit}{' and more' if more_changes else ''}")
        self.entries_kept += entries
        return results

    # The workspaces

    async def open(self, task_id: str, generation: int, *, checkpoint: Checkpoint | None = None) -> FakeCopy:
        self.deeds.append(f"open {generation}")
        return FakeCopy()

    async def require(self, task_id: str, generation: int) -> None:
        if self.vanished:
            raise WorkspaceLost(f"Generation {generation} is gone.")

    async def materialise(self, task_id: str, *, generation: int, checkpoint: Checkpoint) -> FakeCopy:
        self.deeds.append(f"materialise {generation} from {checkpoint.commit}")
        return FakeCopy(("node_modules/",))

    async def keep_unrecorded(self, task_id: str, *, recorded: Checkpoint, at: datetime) -> None:
        self.deeds.append(f"keep what is beyond {recorded.commit}")

    async def discard_before(self, task_id: str, generation: int) -> None:
        pass

    async def checkpoint(
        self, copy: FakeCopy, *, previous: Checkpoint, label: str, at: datetime
    ) -> Checkpoint:
        return point(self.files) if self.files else previous

    # The approvers

    def signers(self, *, rules: tuple[str, ...], requester: str) -> Sequence[Approver]:
        return self.registered

    # The models, the judge and the tools

    def questions(self, task_id: str, step: int, index: int) -> Questions | None:
        return self.asking

    def summarize(self, call: ToolCall) -> tuple[str, Effect, str, float, Named]:
        return call.tool, JUDGED[call.tool][0], f"digest of {call.tool}", 1.0, Named()

    def rules_digest(self, standing: Standing) -> str:
        return "rules"

    def judge(self, facts: CallFacts) -> Judgement:
        self.judged.append(facts)
        if self.refused_branch and self.refused_branch in facts.named.branches:
            return Judgement(Verdict.DENY, f"no {self.refused_branch}")
        verdict = next(v for e, v in JUDGED.values() if e is facts.effect)
        changes = facts.standing.mode is Mode.CHANGE
        return Judgement(verdict if changes else Verdict.DENY, f"rule of {facts.effect.value}")

    @property
    def sandbox_level(self) -> SandboxLevel:
        return SandboxLevel.A

    async def run(
        self,
        call: ToolCall,
        *,
        copy: FakeCopy,
        key: CallKey,
        requested_at: datetime,
        beat: Beat,
        approved: Mapping[str, Any],
        approved_by: str,
        read_only: bool,
        outputs: Outputs,
        seen: Seen,
        files_at: FilesAt,
        questions: Questions | None,
        ahead: RanAhead,
    ) -> RanCall:
        self.outputs, self.files_at, self.approved_by = outputs, files_at, approved_by
        self.seen = seen
        self.deeds.append(f"run {call.tool} {key.call_index}" + (f" {dict(approved)}" if approved else ""))
        if call.tool in self.tools:
            return await self.tools[call.tool](call)
        self.files += JUDGED[call.tool][0].changes_workspace
        return RanCall(ok=True, for_model=f"{call.tool} is done")

    async def worked_out(self, call: ToolCall, copy: FakeCopy) -> Named | None:
        return Named(branches=("topic",)) if JUDGED[call.tool][0] is Effect.PUBLISH else None

    async def operation(
        self,
        call: ToolCall,
        *,
        copy: FakeCopy,
        key: CallKey,
        requested_at: datetime,
        summary: CallSummary,
        seen: Seen,
        files_at: FilesAt,
        questions: Questions | None,
        ahead: RanAhead,
    ) -> Operation:
        if call.index not in self.digests:
            raise ToolRejected(f"{call.tool!r} has nothing to do.", "go on.")
        return Operation(self.digests[call.index], call.tool, "preview", {"seen": "files"})

    async def run_ahead(
        self,
        call: ToolCall,
        *,
        copy: FakeCopy,
        key: CallKey,
        requested_at: datetime,
        beat: Beat,
        allowed: bool,
    ) -> RanAhead:
        return RanAhead()


async def execute(
    world: World,
    *tools: str,
    approved: str = "",
    by: str = "",
    mode: Mode = Mode.CHANGE,
    ahead: ArtifactRef | None = None,
    decided: Mapping[str, object] = MappingProxyType({}),
) -> Executed:
    """Run a decision's calls as an activity; ``approved`` is the digest a person approved for each.

    ``decided`` is what the record of the decision holds beside the calls.
    """
    calls = [ToolCall(index=index, call_id=f"c{index}", tool=tool) for index, tool in enumerate(tools)]
    body = {**decided, "calls": [call.model_dump(mode="json") for call in calls]}
    decision = Entry(
        task_id="t", depth=0, step=2, kind=EntryKind.DECISION, body=body, at="", digest="decision"
    )
    world.entries_kept.insert(0, decision)
    step = ExecuteCalls(
        task_id="t", step=2, head="decision", mode=mode, safety=Safety.CAUTIOUS, epoch=1, dispatch=1,
        checkpoint=point(0), decision="decision",
        calls=tuple(ApprovedCall(index=call.index, approved_digest=approved, approved_by=by, ahead=ahead) for call in calls),
    )  # fmt: skip
    door = ExecuteCallsDoor[FakeCopy](
        Host[FakeCopy]("host", world, world, no_secrets),
        world,
        world,
        world,
        world,
        world.questions,
        world,
        parallel=2,
    )
    return await as_activity(door.execute_calls, step)


def outcome(world: World, done: Executed) -> dict[int, bool]:
    """Which calls have a result, and whether it is good; the transcript has to agree."""
    told = {e.body["index"]: e.body["ok"] for e in world.entries_kept if e.kind is EntryKind.RESULT}
    results = {result.index: result.ok for result in done.results}
    assert told == {index: ok for index, ok in results.items() if index not in world.claimed.stored}
    return results


def failing(text: str) -> Tool:
    """A tool that runs and fails."""

    async def run(call: ToolCall) -> RanCall:
        return RanCall(ok=False, for_model=text)

    return run
