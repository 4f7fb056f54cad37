"""The ledger of effects, and the record of approvals."""

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta

import pytest

from perdure.contracts.calls import Effect
from perdure.contracts.decisions import Approval
from perdure.contracts.errors import InvalidInput
from perdure.memory.approvals import ApprovalRecord
from perdure.memory.ledger import TaskLedger
from perdure.memory.record import Record
from tests.memory.samples import AT, TASK

APPROVAL = Approval(
    id="0123456789ab",
    operation_digest="d" * 64,
    step=3,
    call=0,
    tool="push_branch",
    effect=Effect.PUBLISH,
    title="push_branch perdure/x",
    preview="**push**",
    asked_at=AT.isoformat(),
    expires_at=AT.isoformat(),
)


async def intend(record: Record, *, key: str = "key-1", expected: str = "a") -> dict[str, object] | None:
    return await record.intend(
        task_id=TASK, kind="push", target="origin/x", key=key, intent={"expected": expected}, at=AT
    )


async def receive(record: Record, *, key: str = "key-1", commit: str = "c1") -> None:
    await record.receive(
        task_id=TASK, kind="push", target="origin/x", key=key, receipt={"commit": commit}, at=AT
    )


async def test_a_receipt_is_given_to_whoever_intends_it_again(record: Record, other: Record) -> None:
    assert await intend(record) is None
    assert await intend(other) is None
    await receive(record)
    assert await intend(other, expected="b") == {"v": 1, "commit": "c1"}
    assert await intend(other, key="key-2") is None


async def test_the_first_receipt_stays(record: Record, other: Record) -> None:
    await intend(record)
    await receive(record, commit="c1")
    await receive(other, commit="c2")
    assert await intend(record) == {"v": 1, "commit": "c1"}


async def test_racers_may_intend_the_same_effect(record: Record, other: Record) -> None:
    assert await asyncio.gather(*(intend(racer) for racer in [record, other] * 5)) == [None] * 10


async def test_the_first_intent_can_be_read(record: Record, other: Record) -> None:
    async def intended() -> dict[str, object] | None:
        return await other.intended(task_id=TASK, kind="push", target="origin/x", key="key-1")

    assert await intended() is None
    await intend(record, expected="a")
    await intend(record, expected="b")
    assert await intended() == {"v": 1, "expected": "a"}


async def test_a_tasks_ledger_is_the_same_ledger(record: Record) -> None:
    ledger = TaskLedger(record, TASK, AT)
    assert await ledger.intend("push", "origin/x", "key-1", {"expected": "a"}) is None
    assert await ledger.intended("push", "origin/x", "key-1") == {"v": 1, "expected": "a"}
    await ledger.receive("push", "origin/x", "key-1", {"commit": "c1"})
    assert await intend(record) == {"v": 1, "commit": "c1"}


async def test_refuses_a_receipt_without_an_intent(record: Record) -> None:
    with pytest.raises(InvalidInput, match="never intended the effect 'push' on 'origin/x'"):
        await receive(record)


async def test_the_first_record_of_a_decision_stays(record: Record, other: Record) -> None:
    later = AT + timedelta(minutes=1)
    decided = {"outcome": "denied", "reason": "NUL \0", "by": "ada"}
    await decide(other, APPROVAL, decided, later)
    await decide(record, APPROVAL, {"outcome": "approved"}, later + timedelta(minutes=1))
    assert await record.approvals(TASK) == [ApprovalRecord(APPROVAL, AT, {"v": 1, **decided}, later)]


async def test_approvals_are_given_in_the_order_of_asking(record: Record) -> None:
    second = APPROVAL.model_copy(update={"id": "000000000000"})
    await decide(record, second, {}, AT, asked_at=AT + timedelta(seconds=1))
    await decide(record, APPROVAL, {}, AT)
    assert [each.approval.id for each in await record.approvals(TASK)] == ["0123456789ab", "000000000000"]
    assert await record.approvals("task-2") == []


async def decide(
    record: Record,
    approval: Approval,
    decided: Mapping[str, object],
    at: datetime,
    *,
    asked_at: datetime = AT,
) -> None:
    """Record a decision."""
    await record.record_approval(
        task_id=TASK, approval=approval, asked_at=asked_at, decided=decided, decided_at=at
    )
