"""The step that runs calls: each once and recorded, nothing after a failed change, nothing that was not approved."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest
from temporalio.testing import ActivityEnvironment

from activities.execute_calls import ExecuteCallsDoor
from activities.heartbeat import Beat
from activities.host_steps import Host
from perdure.contracts.calls import (
    ArtifactRef,
    Author,
    CallKey,
    CallResult,
    Effect,
    Token,
    ToolCall,
    Verdict,
)
from perdure.contracts.errors import StoreUnavailable, ToolRejected, WorkspaceLost
from perdure.contracts.outcomes import Operation, RanCall
from perdure.contracts.steps import ApprovedCall, ExecuteCalls, Executed
from perdure.contracts.task import Mode, Safety
from perdure.contracts.transcript import Entry, EntryKind
from perdure.contracts.workspace import Checkpoint

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
    files: int = 0
    vanished: bool = False
    """Whether the folder is gone, by the time it is asked for."""

    # The record

    async def append(self, entries: Sequence[Entry]) -> str:
        self.entries_kept += entries
        return entries[-1].digest

    async def entries(self, task_id: str, head: str) -> list[Entry]:
        return list(self.entries_kept)

    async def entry(self, task_id: str, digest: str) -> Entry:
        return next(each for each in self.entries_kept if each.digest == digest)

    async def put_artifact(self, task_id: str, name: str, data: bytes, media_type: str) -> ArtifactRef:
        return ArtifactRef(id="a" * 64, name=name, bytes=len(data), media_type=media_type)

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

    async def discard_before(self, task_id: str, generation: int) -> None:
        pass

    async def checkpoint(
        self, copy: FakeCopy, *, previous: Checkpoint, label: str, at: datetime
    ) -> Checkpoint:
        return point(self.files) if self.files else previous

    # The judge and the tools

    def summarize(self, call: ToolCall) -> tuple[str, Effect, str, float]:
        return call.tool, JUDGED[call.tool][0], f"digest of {call.tool}", 1.0

    def judge(self, *, effect: Effect, mode: Mode, safety: Safety, author: Author) -> tuple[Verdict, str]:
        verdict = next(v for e, v in JUDGED.values() if e is effect) if mode is Mode.CHANGE else Verdict.DENY
        return verdict, f"rule of {effect.value}"

    async def run(
        self,
        call: ToolCall,
        *,
        copy: FakeCopy,
        key: CallKey,
        requested_at: datetime,
        beat: Beat,
        approved: Mapping[str, Any],
    ) -> RanCall:
        self.deeds.append(f"run {call.tool} {key.call_index}" + (f" {dict(approved)}" if approved else ""))
        if call.tool in self.tools:
            return await self.tools[call.tool](call)
        self.files += JUDGED[call.tool][0].changes_workspace
        return RanCall(ok=True, for_model=f"{call.tool} is done")

    async def operation(
        self, call: ToolCall, *, copy: FakeCopy, key: CallKey, requested_at: datetime, rule: str, tree: str
    ) -> Operation:
        if call.index not in self.digests:
            raise ToolRejected(f"{call.tool!r} has nothing to do.", "go on.")
        return Operation(self.digests[call.index], call.tool, "preview", {"tree": tree})


async def execute(world: World, *tools: str, approved: str = "", mode: Mode = Mode.CHANGE) -> Executed:
    """Run a decision's calls as an activity; ``approved`` is the digest a person approved for each."""
    calls = [ToolCall(index=index, call_id=f"c{index}", tool=tool) for index, tool in enumerate(tools)]
    body = {"calls": [call.model_dump(mode="json") for call in calls]}
    decision = Entry(
        task_id="t", depth=0, step=2, kind=EntryKind.DECISION, body=body, at="", digest="decision"
    )
    world.entries_kept.insert(0, decision)
    step = ExecuteCalls(
        task_id="t", step=2, head="decision", mode=mode, safety=Safety.CAUTIOUS, epoch=1, dispatch=1,
        checkpoint=point(0), decision="decision",
        calls=tuple(ApprovedCall(index=call.index, approved_digest=approved) for call in calls),
    )  # fmt: skip
    door = ExecuteCallsDoor[FakeCopy](
        Host[FakeCopy]("host", world, world), world, world, world, world, parallel=2
    )
    return await ActivityEnvironment().run(door.execute_calls, step)


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


async def test_runs_in_order_and_records_each_change_with_its_checkpoint() -> None:
    world = World()
    done = await execute(world, READ, WRITE, WRITE, RUN)
    assert world.deeds == [
        "claim to change", "open 1", "run look 0", "record 0 at c0 and more", "run write 1",
        "record 1 at c1 and more", "run write 2", "record 2 at c2", "run test 3", "record 3 at c2",
    ]  # fmt: skip
    assert outcome(world, done) == {0: True, 1: True, 2: True, 3: True}
    assert [result.changed for result in done.results] == [False, True, True, False]
    assert (done.checkpoint, done.stale_approval) == (point(2), None)
    assert done.head == world.entries_kept[-1].digest


async def test_each_entry_follows_the_one_before() -> None:
    world = World()
    await execute(world, READ, READ, WRITE)
    assert [entry.parent for entry in world.entries_kept[1:]] == [e.digest for e in world.entries_kept[:-1]]
    assert [entry.depth for entry in world.entries_kept] == [0, 1, 2, 3]


async def test_reading_alone_claims_no_change_and_gives_no_checkpoint() -> None:
    world = World()
    done = await execute(world, READ)
    assert world.deeds == ["claim", "open 1", "run look 0", "record 0 at c0"]
    assert done.checkpoint is None


async def test_nothing_runs_after_a_change_that_failed() -> None:
    world = World(tools={WRITE: failing("no such text")})
    done = await execute(world, READ, WRITE, WRITE, READ)
    assert outcome(world, done) == {0: True, 1: False}
    assert world.deeds[-2:] == ["record 1 at c0 and more", "settled at c0"]
    assert done.results[1].excerpt == "no such text"


async def test_failed_reading_and_failed_tests_stop_nothing() -> None:
    world = World(tools={READ: failing("no such file"), RUN: failing("1 failed")})
    assert outcome(world, await execute(world, READ, RUN, WRITE)) == {0: False, 1: False, 2: True}


async def test_a_denied_call_fails_in_the_policys_words_and_never_runs() -> None:
    world = World()
    done = await execute(world, READ, WRITE, mode=Mode.PLAN)
    assert [deed for deed in world.deeds if deed.startswith("run")] == []
    assert outcome(world, done) == {0: False, 1: False}
    assert [result.excerpt for result in done.results] == ["rule of read", "rule of write"]


async def test_a_call_runs_when_it_is_exactly_what_was_approved() -> None:
    world = World(digests={0: "approved"})
    done = await execute(world, ASKED, approved="approved")
    assert world.deeds[2:] == ["run install 0 {'tree': 't0'}", "record 0 at c1"]
    assert outcome(world, done) == {0: True}


@pytest.mark.parametrize("approved", ["approved before", ""])
async def test_a_stale_approval_runs_nothing(approved: str) -> None:
    world = World(digests={1: "as it is now", 2: "as it is now"})
    done = await execute(world, READ, ASKED, PUSH, approved=approved)
    assert done.stale_approval == 1
    assert outcome(world, done) == {0: True}
    assert world.deeds[2:] == ["run look 0", "record 0 at c0 and more", "settled at c0"]


async def test_an_operation_that_is_refused_is_a_failed_call() -> None:
    world = World()
    done = await execute(world, PUSH, approved="approved")
    assert outcome(world, done) == {0: False}
    assert (done.stale_approval, done.results[0].excerpt) == (None, "'push' has nothing to do.")
    assert world.entries_kept[-1].body["text"] == "'push' has nothing to do. hint: go on."


async def test_a_tool_that_refuses_is_a_failed_call() -> None:
    async def refuse(call: ToolCall) -> RanCall:
        raise ToolRejected("'a.py' does not exist.", "send another path.")

    world = World(tools={WRITE: refuse})
    assert outcome(world, await execute(world, WRITE)) == {0: False}
    assert world.deeds[-1] == "record 0 at c0"


async def refuses(call: ToolCall) -> RanCall:
    """A tool that finds nothing in an empty folder."""
    raise ToolRejected("'a.py' does not exist.", "send another path.")


@pytest.mark.parametrize("call", [READ, WRITE, ASKED])
async def test_nothing_is_recorded_of_a_folder_that_vanished_meanwhile(call: str) -> None:
    found: list[dict[str, Tool]] = [{}, {call: refuses}, {call: failing("no such file")}]
    for tools in found:
        world = World(tools=tools, vanished=True)
        with pytest.raises(WorkspaceLost):
            await execute(world, call, approved="approved")
        assert not any(deed.startswith(("record", "settled")) for deed in world.deeds)
        assert [entry.kind for entry in world.entries_kept] == [EntryKind.DECISION]


async def test_nothing_is_recorded_of_a_folder_that_vanishes_under_its_checkpoint() -> None:
    class Vanishing(World):
        async def checkpoint(
            self, copy: FakeCopy, *, previous: Checkpoint, label: str, at: datetime
        ) -> Checkpoint:
            self.vanished = True
            return point(99)

    world = Vanishing()
    with pytest.raises(WorkspaceLost):
        await execute(world, WRITE)
    assert world.deeds == ["claim to change", "open 1", "run write 0"]


async def test_what_is_recorded_does_not_run_again() -> None:
    first = World()
    done = await execute(first, WRITE, WRITE)
    stored = {result.index: result for result in done.results}
    claim = Claim(stored=stored, checkpoint=point(2), head=done.head)
    again = World(claimed=claim, entries_kept=first.entries_kept[1:])
    assert await execute(again, WRITE, WRITE) == done
    assert again.deeds == ["claim to change"]


async def test_an_attempt_goes_on_behind_what_is_recorded() -> None:
    first = World()
    done = await execute(first, WRITE)
    claim = Claim(generation=5, fresh=True, stored={0: done.results[0]}, checkpoint=point(1), head=done.head)
    again = World(claimed=claim, entries_kept=first.entries_kept[1:], files=1)
    both = await execute(again, WRITE, WRITE)
    assert again.deeds == ["claim to change", "materialise 5 from c1", "run write 1", "record 1 at c2"]
    assert [result.index for result in both.results] == [0, 1]
    assert again.entries_kept[-1].parent == done.head


async def test_an_attempt_after_a_recorded_failure_runs_nothing_more() -> None:
    failed = CallResult(index=0, tool=WRITE, ok=False, excerpt="no such text")
    recorded = Entry(task_id="t", depth=1, step=2, kind=EntryKind.NOTE, body={}, at="", digest="recorded")
    world = World(claimed=Claim(stored={0: failed}, head="recorded"), entries_kept=[recorded])
    done = await execute(world, WRITE, WRITE)
    assert (done.head, done.results) == ("recorded", (failed,))
    assert world.deeds == ["claim to change", "open 1", "settled at c0"]


async def test_neighbours_that_read_run_at_once_up_to_the_limit() -> None:
    running, most, together = 0, 0, asyncio.Event()

    async def look(call: ToolCall) -> RanCall:
        nonlocal running, most
        running, most = running + 1, max(most, running + 1)
        if running == 2:
            together.set()
        async with asyncio.timeout(60):
            await together.wait()
            # Whoever else may run gets the time to begin.
            await asyncio.sleep(0.02)
        running -= 1
        return RanCall(ok=True, for_model=f"{call.index}")

    world = World(tools={READ: look})
    done = await execute(world, READ, READ, READ, READ, READ)
    assert most == 2
    assert [result.excerpt for result in done.results] == ["0", "1", "2", "3", "4"]
    assert world.deeds[-1] == "record 0,1,2,3,4 at c0"


async def test_where_one_of_several_breaks_the_others_are_stopped() -> None:
    begun, stopped = asyncio.Queue[int](), list[int]()

    async def look(call: ToolCall) -> RanCall:
        if call.index == 0:
            begun.put_nowait(await begun.get())
            raise StoreUnavailable("The database does not answer.")
        begun.put_nowait(call.index)
        try:
            await asyncio.sleep(600)
        finally:
            stopped.append(call.index)
        return RanCall(ok=True, for_model="")

    world = World(tools={READ: look})
    async with asyncio.timeout(60):
        with pytest.raises(StoreUnavailable):
            await execute(world, READ, READ, READ)
    assert begun.qsize() == len(stopped) > 0
    assert [deed for deed in world.deeds if deed.startswith("record")] == []


async def test_a_cancelled_step_stops_its_tool_and_settles_nothing() -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def write(call: ToolCall) -> RanCall:
        begun.set()
        try:
            await asyncio.sleep(600)
        finally:
            ended.set()
        return RanCall(ok=True, for_model="")

    world = World(tools={WRITE: write})
    running = asyncio.create_task(execute(world, WRITE, WRITE))
    await begun.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert ended.is_set()
    assert world.deeds == ["claim to change", "open 1", "run write 0"]


async def test_a_long_output_is_whole_in_the_transcript_and_short_in_the_history() -> None:
    world = World(tools={RUN: failing("x" * 9_000)})
    done = await execute(world, RUN)
    assert done.results[0].excerpt == "x" * 300
    assert world.entries_kept[-1].body["text"] == "x" * 9_000
