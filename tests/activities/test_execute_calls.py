"""The step that runs calls: each once and recorded, nothing after a failed change, nothing that was not approved."""

import asyncio

import pytest

from perdure.contracts.calls import Author, CallResult, Effect, ToolCall
from perdure.contracts.errors import StoreUnavailable, ToolRejected
from perdure.contracts.judging import CallFacts, Named, Standing
from perdure.contracts.names import WHOLE_OUTPUT
from perdure.contracts.outcomes import RanCall
from perdure.contracts.task import Mode, Safety
from perdure.contracts.transcript import Entry, EntryKind
from tests.activities.world import (
    ASKED,
    PUSH,
    READ,
    RUN,
    WRITE,
    Claim,
    World,
    execute,
    failing,
    outcome,
    point,
)


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


@pytest.mark.parametrize("untrusted", [False, True])
async def test_the_policy_is_told_on_whose_behalf_a_call_is_made(untrusted: bool) -> None:
    world = World()
    await execute(world, READ, decided={"by": "playbook", "untrusted": untrusted})
    standing = Standing(
        Mode.CHANGE, Safety.CAUTIOUS, Author.PLAYBOOK, untrusted=untrusted, user="ada", repository="/house"
    )
    assert world.judged == [CallFacts(READ, Effect.READ, standing)]


async def test_a_call_runs_when_it_is_exactly_what_was_approved() -> None:
    world = World(digests={0: "approved"})
    done = await execute(world, ASKED, approved="approved")
    assert world.deeds[2:] == ["run install 0 {'seen': 'files'}", "record 0 at c1"]
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


async def test_a_push_is_judged_by_where_it_goes_before_it_runs() -> None:
    world = World(digests={0: "approved"}, refused_branch="topic")
    done = await execute(world, PUSH, approved="approved")
    assert [facts.named for facts in world.judged] == [Named(), Named(branches=("topic",))]
    assert (outcome(world, done), done.results[0].excerpt) == ({0: False}, "no topic")


async def test_a_tool_that_refuses_is_a_failed_call() -> None:
    async def refuse(call: ToolCall) -> RanCall:
        raise ToolRejected("'a.py' does not exist.", "send another path.")

    world = World(tools={WRITE: refuse})
    assert outcome(world, await execute(world, WRITE)) == {0: False}
    assert world.deeds[-1] == "record 0 at c0"


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
    assert again.deeds == [
        "claim to change",
        "keep what is beyond c1",
        "materialise 5 from c1",
        "run write 1",
        "record 1 at c2",
    ]
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


async def test_reads_that_run_at_once_never_overtake_a_change_nor_fall_behind_one() -> None:
    order: list[str] = []

    async def noted(call: ToolCall) -> RanCall:
        order.append(f"{call.index} begins")
        # Whoever could run meanwhile gets the time to begin.
        await asyncio.sleep(0.02)
        order.append(f"{call.index} ends")
        return RanCall(ok=True, for_model="")

    world = World(tools={READ: noted, WRITE: noted})
    await execute(world, READ, READ, WRITE, READ, WRITE, READ)
    groups = [{0, 1}, {2}, {3}, {4}, {5}]
    numbers = [int(each.split()[0]) for each in order]
    for group in groups:
        size = 2 * len(group)
        assert set(numbers[:size]) == group, order
        numbers = numbers[size:]


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


async def test_a_call_can_read_what_earlier_ones_gave() -> None:
    async def long(call: ToolCall) -> RanCall:
        return RanCall(
            ok=True, for_model="head …", attachments=((WHOLE_OUTPUT, b"head\nall of it", "text/plain"),)
        )

    world = World(tools={READ: long})
    await execute(world, READ, RUN)
    # The step after it, whose decision stands first here.
    await execute(world, WRITE)
    assert world.outputs is not None
    assert await world.outputs(2, 0) == "head\nall of it"
    assert await world.outputs(2, 1) == "test is done"
    assert await world.outputs(7, 0) is None


async def test_what_a_call_showed_is_kept_with_its_result_and_known_to_the_next_one() -> None:
    async def show(call: ToolCall) -> RanCall:
        return RanCall(ok=True, for_model="1\ta", seen={"a.txt": "0" * 64})

    world = World(tools={READ: show})
    await execute(world, READ, RUN)
    results = [entry.body for entry in world.entries_kept if entry.kind is EntryKind.RESULT]
    assert [body.get("seen") for body in results] == [{"a.txt": "0" * 64}, None]
    assert world.seen is not None
    assert await world.seen("a.txt") == "0" * 64
    assert await world.seen("b.txt") == ""


async def test_a_call_is_told_who_approved_it_and_can_ask_for_earlier_files() -> None:
    world = World(digests={0: "as approved"})
    await execute(world, ASKED, approved="as approved", by="Ada")
    assert world.approved_by == "Ada"
    assert world.files_at is not None
    assert await world.files_at(1) == point(1)
    assert await world.files_at(2) is None
