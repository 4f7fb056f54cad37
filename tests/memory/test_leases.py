"""Leases: who owns a workspace, and what only its owner may record."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from perdure.contracts.calls import ArtifactRef, CallKey, CallResult
from perdure.contracts.errors import Fenced, InvalidInput, ToolRejected, WorkspaceLost
from perdure.contracts.transcript import EntryKind
from perdure.contracts.workspace import Checkpoint
from perdure.memory.database import Database
from perdure.memory.leases import Claim, Preparation
from perdure.memory.record import Record
from tests.memory.lease_samples import claim, nothing_stored, settle
from tests.memory.samples import TASK, Step, Writer, checkpoint, prepared, result, token


@pytest_asyncio.fixture(loop_scope="session")
async def database(record: Record, database_url: str) -> AsyncIterator[Database]:
    """The database below the record."""
    connected = await Database.connect(database_url, pool_size=2)
    yield connected
    await connected.close()


async def test_preparing_raises_epoch_and_generation(record: Record, other: Record) -> None:
    first = await record.prepare(task_id=TASK, host_id="host-a", dispatch=1, attempt=1)
    second = await other.prepare(task_id=TASK, host_id="host-b", dispatch=2, attempt=1)
    assert (first, second) == (Preparation(1, 1), Preparation(2, 2))
    with pytest.raises(Fenced, match="prepared anew after epoch 1"):
        await record.ready(task_id=TASK, epoch=1, checkpoint=checkpoint("c0"))
    await other.ready(task_id=TASK, epoch=2, checkpoint=checkpoint("c0"))
    assert await claim(other, 3, epoch=2, host_id="host-b") == nothing_stored(2, fresh=False)


async def test_saying_ready_again_changes_nothing(record: Record) -> None:
    epoch = await prepared(record)
    await claim(record, 2)
    await settle(record, 2, 0, commit="c1")
    await record.ready(task_id=TASK, epoch=epoch, checkpoint=checkpoint("c0"))
    assert await claim(record, 3, step=2, commit="c1") == nothing_stored(1, fresh=False, commit="c1")


async def test_a_delayed_preparation_of_the_same_run_is_fenced(record: Record) -> None:
    async def prepare(dispatch: int, attempt: int, run_id: str) -> Preparation:
        return await record.prepare(
            task_id=TASK, host_id="host-a", dispatch=dispatch, attempt=attempt, run_id=run_id
        )

    assert await prepare(5, 2, "run-1") == Preparation(1, 1)
    for dispatch, attempt in ((5, 1), (5, 2), (4, 9)):
        with pytest.raises(Fenced, match="is being prepared by a newer activity"):
            await prepare(dispatch, attempt, "run-1")
    assert await prepare(5, 3, "run-1") == Preparation(2, 2)
    assert await prepare(2, 1, "run-2 after a reset") == Preparation(3, 3)


async def test_only_a_higher_token_claims(record: Record) -> None:
    await prepared(record)
    await claim(record, 2, attempt=2)
    for dispatch, attempt, epoch in ((2, 2, 1), (2, 1, 1), (1, 9, 1), (9, 9, 0)):
        with pytest.raises(Fenced, match=r"is owned by \(epoch, dispatch, attempt\) \(1, 2, 2\)"):
            await claim(record, dispatch, attempt=attempt, epoch=epoch)
    await claim(record, 2, attempt=3)
    await claim(record, 3, attempt=1)


async def test_a_workspace_that_was_never_prepared_is_lost(record: Record) -> None:
    with pytest.raises(WorkspaceLost, match="has no workspace of task"):
        await claim(record, 1)
    await record.prepare(task_id=TASK, host_id="host-a", dispatch=1, attempt=1)
    with pytest.raises(WorkspaceLost, match="never finished in epoch 1"):
        await claim(record, 2)


async def test_a_step_after_a_finished_one_uses_the_same_folder(record: Record) -> None:
    await prepared(record)
    for number in range(1, 6):
        found = await claim(record, number + 1, step=number, commit=f"c{number - 1}")
        assert found == nothing_stored(1, fresh=False, commit=f"c{number - 1}")
        await settle(record, number + 1, 0, step=number, commit=f"c{number}")


async def test_a_changing_call_that_was_not_recorded_makes_the_next_claim_fresh(record: Record) -> None:
    await prepared(record)
    await claim(record, 2)
    assert await claim(record, 2, attempt=2) == nothing_stored(2, fresh=True)
    await settle(record, 2, 0, attempt=2)
    assert await claim(record, 3, step=2, commit="c1") == nothing_stored(2, fresh=False, commit="c1")


async def test_a_fresh_folder_that_was_not_finished_is_not_used(record: Record) -> None:
    await prepared(record)
    await claim(record, 2)
    for attempt in (2, 3, 4):
        assert await claim(record, 2, attempt=attempt, changing=False) == nothing_stored(attempt, fresh=True)


async def test_reading_leaves_no_doubt(record: Record) -> None:
    await prepared(record)
    for attempt in (1, 2, 3):
        assert await claim(record, 2, attempt=attempt, changing=False) == nothing_stored(1, fresh=False)
    assert await claim(record, 3) == nothing_stored(1, fresh=False)


@pytest.mark.parametrize("changing", [True, False])
async def test_another_host_or_checkpoint_is_fresh(record: Record, changing: bool) -> None:
    await prepared(record)
    found = await claim(record, 2, host_id="host-b", changing=changing)
    assert found == nothing_stored(2, fresh=True)
    await settle(record, 2, commit="c0")
    found = await claim(record, 3, host_id="host-b", changing=changing, commit="older")
    assert found == nothing_stored(3, fresh=True, commit="older")
    await settle(record, 3, commit="older")
    found = await claim(record, 4, host_id="host-b", changing=changing, commit="older")
    assert found == nothing_stored(3, fresh=False, commit="older")


async def test_a_database_restored_from_an_older_backup_is_not_trusted(record: Record) -> None:
    """The history knows an epoch that the record has forgotten: its folder may have the same number."""
    await prepared(record)
    assert await claim(record, 2, epoch=2) == nothing_stored(2, fresh=True)


async def test_a_made_folder_without_results_is_used_again(record: Record) -> None:
    await prepared(record)
    await claim(record, 2, host_id="host-b", changing=False)
    await record.materialised(task_id=TASK, token=token(2))
    assert await claim(record, 3, host_id="host-b") == nothing_stored(2, fresh=False)
    await record.materialised(task_id=TASK, token=token(3))
    assert (await claim(record, 4, host_id="host-b")).fresh, "a changing call may have run"


async def test_a_changing_claim_that_ran_nothing_can_be_settled(record: Record) -> None:
    await prepared(record)
    await claim(record, 2)
    await record.settled(task_id=TASK, token=token(2), checkpoint=checkpoint("c0"))
    assert await claim(record, 3) == nothing_stored(1, fresh=False)


async def test_only_the_owner_records_settles_or_finishes(record: Record, other: Record) -> None:
    await prepared(record)
    await claim(record, 2)
    await claim(other, 2, attempt=2)
    writer = Writer()
    writer.add(text="late")
    with pytest.raises(Fenced, match=r"no longer owned by \(epoch, dispatch, attempt\) \(1, 2, 1\)"):
        await settle(record, 2, 0, writer=writer)
    with pytest.raises(Fenced):
        await record.materialised(task_id=TASK, token=token(2))
    with pytest.raises(Fenced):
        await record.settled(task_id=TASK, token=token(2), checkpoint=checkpoint("c9"))
    with pytest.raises(InvalidInput, match="has no entry"):
        await record.entries(TASK, writer.head)
    assert await claim(other, 3) == nothing_stored(3, fresh=True)


async def test_a_new_epoch_fences_every_older_token(record: Record, other: Record) -> None:
    await prepared(record)
    await claim(record, 90, attempt=9)
    assert await prepared(other, host_id="host-b") == 2
    with pytest.raises(Fenced):
        await settle(record, 90, 0, attempt=9)
    with pytest.raises(Fenced):
        await claim(record, 91, attempt=9)
    assert await claim(other, 2, epoch=2, host_id="host-b") == nothing_stored(2, fresh=False)


async def test_a_retry_gets_results_checkpoint_and_head_of_what_was_recorded(
    record: Record, other: Record
) -> None:
    await prepared(record)
    await claim(record, 2, calls=[0, 1, 2])
    writer = Writer()
    writer.add(text="result 0")
    await settle(record, 2, 0, commit="c1", more=True, writer=writer, excerpt="zero \0 \u2603")
    assert await claim(other, 2, attempt=2, calls=[0, 1, 2]) == Claim(
        generation=2,
        fresh=True,
        stored={0: result(0, "zero \0 \u2603").model_copy(update={"repeated": True})},
        checkpoint=checkpoint("c1"),
        head=writer.head,
    )
    assert await other.entries(TASK, writer.head) == writer.entries
    await settle(other, 2, 1, attempt=2, commit="c2", more=True)
    await settle(other, 2, 2, attempt=2, commit="c3", more=False)
    found = await claim(record, 2, attempt=3, calls=[0, 1, 2])
    assert (found.generation, found.fresh, found.checkpoint) == (2, False, checkpoint("c3"))
    assert sorted(found.stored) == [0, 1, 2]


async def test_where_everything_is_stored_no_folder_is_made(record: Record) -> None:
    await prepared(record)
    await claim(record, 2, calls=[0])
    await settle(record, 2, 0, commit="c1")
    await prepared(record, host_id="host-b", commit="c0")
    found = await claim(record, 3, epoch=2, host_id="host-b", calls=[0])
    assert (found.generation, found.fresh, sorted(found.stored)) == (2, False, [0])
    assert found.checkpoint == checkpoint("c1")
    found = await claim(record, 4, epoch=2, host_id="host-b", step=2, commit="c1")
    assert found == nothing_stored(3, fresh=True, commit="c1")


async def test_other_calls_of_the_step_do_not_set_the_checkpoint(record: Record) -> None:
    """The workflow gave up call 0 although it was recorded: what it says next is what counts."""
    await prepared(record)
    await claim(record, 2, calls=[0])
    await settle(record, 2, 0, commit="c1")
    assert await claim(record, 3, calls=[1]) == nothing_stored(2, fresh=True)


async def test_results_of_another_run_or_step_are_not_found(record: Record) -> None:
    await prepared(record)
    await claim(record, 2)
    await settle(record, 2, 0, commit="c1")
    for number, key in enumerate((Step(2), Step(1, run_id="run-2"))):
        found = await record.claim(
            key=key, token=token(3 + number), host_id="host-a", checkpoint=checkpoint("c1"), changing=False
        )
        assert found == nothing_stored(1, fresh=False, commit="c1")


async def test_recording_again_gives_the_first_result(record: Record, other: Record) -> None:
    await prepared(record)
    await claim(record, 2)
    assert await settle(record, 2, 0, 1, excerpt="first") == [result(0, "first"), result(1, "first")]
    assert await settle(other, 2, 1, 2, excerpt="second") == [
        result(1, "first").model_copy(update={"repeated": True}),
        result(2, "second"),
    ]


async def test_records_one_result_under_its_own_key(record: Record) -> None:
    await prepared(record)
    await claim(record, 2)
    for index in (0, 1):
        key = CallKey(task_id=TASK, run_id="run-1", step=1, call_index=index)
        recorded = await record.record_result(
            key=key,
            token=token(2),
            entries=[],
            result=result(index),
            checkpoint=checkpoint(f"c{index}"),
            more_changes=index == 0,
        )
        assert recorded == result(index)
    with pytest.raises(InvalidInput, match="result of call 0 was given under the key of call 7"):
        await record.record_result(
            key=CallKey(task_id=TASK, run_id="run-1", step=1, call_index=7),
            token=token(2),
            entries=[],
            result=result(0),
            checkpoint=checkpoint("c1"),
            more_changes=False,
        )


async def test_finds_the_files_at_the_end_of_a_step_on_the_way_to_a_head(record: Record) -> None:
    await prepared(record)
    first, second, beside = Writer(), Writer(), Writer()
    first.add(EntryKind.RESULT, step=1)
    await claim(record, 2)
    await settle(record, 2, 0, commit="c1", writer=first)
    second.entries = list(first.entries)
    second.add(EntryKind.RESULT, step=3, text="kept")
    await claim(record, 3, step=3, commit="c1")
    await settle(record, 3, 0, step=3, commit="c3", writer=second)
    # A step that a rewind dropped: its files are of no step of the other chain.
    beside.entries = list(first.entries)
    beside.add(EntryKind.RESULT, step=2, text="dropped")
    await claim(record, 4, step=2, commit="c3")
    await settle(record, 4, 0, step=2, commit="c2", writer=beside)
    known = [await record.checkpoint_at(TASK, second.head, step) for step in range(5)]
    assert [each and each.commit for each in known] == [None, "c1", "c1", "c3", "c3"]
    assert await record.checkpoint_at(TASK, beside.head, 2) == checkpoint("c2")


async def test_files_of_steps_before_a_fork_are_not_known(record: Record) -> None:
    await prepared(record)
    taken_over = Writer()
    taken_over.add(EntryKind.RESULT, step=1)
    await record.append(taken_over.entries)
    with pytest.raises(ToolRejected, match="Step 2 belongs to the task that this one was forked from"):
        await record.checkpoint_at(TASK, taken_over.head, 2)


async def test_reads_a_result_of_version_1(record: Record, database: Database) -> None:
    """The row is written out, so that a change of the columns or of a contract is noticed."""
    await prepared(record)
    await database.fetch(
        "INSERT INTO calls (task_id, run_id, step, call_index, result, checkpoint, checkpoint_commit, head) "
        "VALUES ($1, 'run-1', 1, 0, $2::text::json, $3::text::json, 'c1', 'h1')",
        TASK,
        '{"v":1,"index":0,"tool":"read_file","ok":true,"excerpt":"x","artifacts":'
        '[{"id":"a1","name":"output","bytes":3,"media_type":"text/plain"}],"changed":false,"commit":null,"pushed":null}',
        '{"v":1,"commit":"c1","tree":"t","head_ref":"r","branch_commit":"b","staged_tree":"s"}',
    )
    artifact = ArtifactRef(id="a1", name="output", bytes=3, media_type="text/plain")
    assert await claim(record, 2) == Claim(
        generation=2,
        fresh=True,
        stored={
            0: CallResult(
                index=0, tool="read_file", ok=True, excerpt="x", artifacts=(artifact,), repeated=True
            )
        },
        checkpoint=Checkpoint(commit="c1", tree="t", head_ref="r", branch_commit="b", staged_tree="s"),
        head="h1",
    )
