"""Nobody decides: reminders, an escalation by the operator's command, and a denial at the end; never a yes."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from temporalio.testing import ActivityEnvironment

from activities.escalate import EscalateDoor
from perdure.contracts.calls import Effect
from perdure.contracts.decisions import Approval
from perdure.contracts.errors import AnnouncementFailed, ConfigurationError
from perdure.contracts.escalating import Escalate
from perdure.contracts.steps import Timing
from perdure.memory.record import Record
from perdure.reminders import all_seconds_after, command_of, seconds_after
from tests.workflows.conftest import FIX, Benches, script_of, until
from workflows.waiting import Moments, nudged

AT = datetime(2026, 3, 4, tzinfo=UTC)
APPROVAL = Approval(
    id="6e4830fe73a4", operation_digest="d" * 64, step=3, call=0, tool="git_push", effect=Effect.PUBLISH,
    title="git_push perdure/fix", preview="Pushes.", asked_at=AT.isoformat(), expires_at=AT.isoformat(),
)  # fmt: skip


async def test_people_are_reminded_and_the_operators_command_is_told_until_somebody_decides(
    benches: Benches, tmp_path: Path
) -> None:
    told = tmp_path / "told"
    # The first run fails, so Temporal runs it again.
    script = f"cat >> {told}; env >> {told}.env; test -e {told}.before || {{ touch {told}.before; exit 7; }}"
    command = f'sh -c "{script}"'
    moments = {"approval_reminders": ("0.2", "0.4"), "escalate_at": "0.6", "escalation_command": command}
    async with benches(script_of([[FIX]]), approval_deadline_s=3_600.0, **moments) as bench:
        handle = await bench.start(user="Ada")
        approval = await bench.approval(handle)

        async def escalated() -> str | None:
            card = await bench.card(handle)
            return card if "sh was told" in card else None

        card = await until(escalated)
        assert "Reminded 2 time(s)." in card
        assert "Escalated at" in card
        messages = [json.loads(line) for line in told.read_text().splitlines()]
        assert len(messages) == 2
        assert [each.pop("again") for each in messages] == [False, True]
        assert messages[0] == messages[1]
        assert "may have been told before" in card
        assert messages[0]["approval"]["id"] == approval.id
        assert messages[0]["task"]["user"] == "Ada"
        assert messages[0]["key"] == f"{approval.id}/escalation"
        assert "GROQ" not in (tmp_path / "told.env").read_text()
        assert "PERDURE" not in (tmp_path / "told.env").read_text()
        lines: list[dict[str, Any]] = await handle.query("transcript")
        assert [
            (each["kind"], each["ok"]) for each in lines if each["kind"] in {"reminder", "escalation"}
        ] == [
            ("reminder", None),
            ("reminder", None),
            ("escalation", True),
        ]
        # Nothing was decided by all that.
        assert [each.id for each in (await bench.approval(handle),)] == [approval.id]
        assert bench.remote_branches().keys() == {"main"}
        # A task that moves to another run asks anew there, and is brought to mind and escalated there too.
        await handle.execute_update("upgrade")  # pyright: ignore[reportUnknownMemberType]
        moved = bench.client.get_workflow_handle(handle.id)
        bench.handles.append(moved)
        fresh = await bench.approval(moved, but=approval.id)

        async def told_again() -> bool | None:
            keys = [json.loads(line)["key"] for line in told.read_text().splitlines()]
            return f"{fresh.id}/escalation" in keys or None

        await until(told_again)
        await bench.decide(moved, fresh, "approve")
        assert (await moved.result())["pushed"] is True


async def test_an_escalation_in_vain_is_said_and_silence_stays_a_denial(benches: Benches) -> None:
    moments = {
        "approval_reminders": ("5%",),
        "escalate_at": "10%",
        "escalation_command": "/nonexistent/pager",
    }
    async with benches(script_of([[FIX]]), approval_deadline_s=4.0, **moments) as bench:
        handle = await bench.start()
        result = await handle.result()
        assert result["pushed"] is False
        [withheld] = result["withheld"]
        assert "Nobody decided before the deadline" in withheld["why"]
        assert "in spite of 1 reminder(s)" in withheld["why"]
        assert bench.remote_branches().keys() == {"main"}


@dataclass
class Announced:
    """Takes down what it is told."""

    program: str = "pager"
    failures: int = 0
    messages: list[bytes] = field(default_factory=list[bytes])

    async def announce(self, message: bytes) -> None:
        self.messages.append(message)
        if self.failures:
            self.failures -= 1
            raise AnnouncementFailed("busy")


class ForgetfulRecord(Record):
    """The machine dies between the command's end and its receipt."""

    async def receive(self, **_: Any) -> None:
        raise ConnectionError("the machine is gone")


async def test_a_receipt_ends_it_and_only_a_lost_one_announces_again(database_url: str) -> None:
    announced = Announced()
    request = Escalate(
        task_id="task-of-waiting", workflow_id="w", step=3, request="Mend it", approval=APPROVAL
    )
    record = await Record.connect(database_url, pool_size=2)
    try:
        dying = EscalateDoor(ForgetfulRecord(record.database), announced)
        with pytest.raises(ConnectionError):
            await ActivityEnvironment().run(dying.escalate, request)
        door = EscalateDoor(record, announced)
        for _ in range(2):
            done = await ActivityEnvironment().run(door.escalate, request)
            assert (done.announced, "may have been told before" in done.said) == (True, True)
        assert [json.loads(each)["again"] for each in announced.messages] == [False, True]
        other = request.model_copy(update={"approval": APPROVAL.model_copy(update={"id": "000000000001"})})
        announced.failures = 1
        with pytest.raises(AnnouncementFailed):
            await ActivityEnvironment().run(door.escalate, other)
        assert (await ActivityEnvironment().run(door.escalate, other)).announced
        unset = EscalateDoor(record, Announced(program=""))
        assert not (await ActivityEnvironment().run(unset.escalate, request)).announced
    finally:
        await record.close()


def fired(
    timing: Mapping[str, Any], *, escalates: bool, wakes: tuple[float, ...] = ()
) -> list[tuple[str, float]]:
    """What happens when, where the worker wakes in time or only at these moments."""
    due = Moments(Timing(**timing), escalates=escalates)
    found: list[tuple[str, float]] = []
    now = 0.0
    late = list(wakes)
    while (now := late.pop(0) if late else due.next_s) < due.timing.approval_deadline_s:
        found += [("reminder", now)] if due.take_reminder(now) else []
        found += [("escalation", now)] if due.take_escalation(now) else []
    return found


def test_moments_come_once_and_in_order() -> None:
    by_interval = {"approval_deadline_s": 10, "approval_reminder_s": 4}
    assert fired(by_interval, escalates=False) == [("reminder", 4), ("reminder", 8)]
    named = {"approval_deadline_s": 10, "approval_reminders_s": (2.0, 5.0), "approval_escalation_s": 7.0}
    expected = [("reminder", 2.0), ("reminder", 5.0), ("escalation", 7.0)]
    assert fired(named, escalates=True) == expected
    assert fired(named, escalates=False) == expected[:2]
    # After a stop of all workers what was missed is said once, and past the deadline nothing is.
    assert fired(named, escalates=True, wakes=(8.0,)) == [("reminder", 8.0), ("escalation", 8.0)]
    assert fired(named, escalates=True, wakes=(11.0,)) == []
    assert nudged(2, "Escalated") == " in spite of 2 reminder(s) and an escalation"
    assert nudged(0, "") == ""


def test_moments_are_seconds_or_shares_between_asking_and_the_deadline() -> None:
    assert seconds_after("75%", 1_000, variable="X") == 750
    assert all_seconds_after(("90%", "60", "90 %"), 1_000, variable="X") == (60, 900)
    for text in ("soon", "0", "-5", "100%", "1000", "nan"):
        with pytest.raises(ConfigurationError, match="X names"):
            seconds_after(text, 1_000, variable="X")
    assert command_of("pager --to 'the team'", variable="X") == ("pager", "--to", "the team")
    with pytest.raises(ConfigurationError, match="X cannot be split"):
        command_of("pager 'open", variable="X")
