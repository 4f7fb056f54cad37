"""A worker is killed while people are reminded or somebody is told: nothing is lost, and nothing is said twice in silence."""

import asyncio
import contextlib
import json
import os
import signal
from datetime import datetime
from pathlib import Path
from typing import Any

from perdure.contracts.decisions import Approval, Pending
from tests.faults.installation import Installation, Servers, installed
from tests.faults.picture import Handle
from tests.faults.worker_process import WorkerProcess
from tests.workflows.conftest import FIX, script_of, until

HANGING = """#!/bin/sh
cat >> {told}
echo "$$" >> {pids}
# Only the first one takes long after it has told.
mkdir {told}.first 2> /dev/null && exec sleep 300
exit 0
"""


class Told:
    """The operator's command, and what it was told."""

    def __init__(self, folder: Path) -> None:
        self._told, self._pids = folder / "told", folder / "pids"
        self.command = folder / "tell.sh"
        self.command.write_text(HANGING.format(told=self._told, pids=self._pids))
        self.command.chmod(0o755)

    @property
    def messages(self) -> list[dict[str, Any]]:
        """Each that was read."""
        if not self._told.exists():
            return []
        return [json.loads(line) for line in self._told.read_text().splitlines()]

    async def once(self) -> None:
        """Wait until somebody was told."""

        async def look() -> bool | None:
            return self._pids.exists() or None

        await until(look)

    def end(self) -> None:
        """The one that takes long outlives its worker, and must not outlive the test."""
        for pid in self._pids.read_text().split() if self._pids.exists() else ():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(int(pid), signal.SIGKILL)


async def asked(handle: Handle) -> Approval:
    """The approval that waits."""

    async def look() -> Approval | None:
        pending = await handle.query("pending", result_type=Pending)
        return next(iter(pending.approvals), None)

    return await until(look)


async def waited(handle: Handle) -> list[tuple[str, bool | None, str]]:
    """What the transcript says of reminders and of telling somebody."""
    lines: list[dict[str, Any]] = await handle.query("transcript")
    wanted = {"reminder", "escalation", "expired"}
    return [(each["kind"], each["ok"], each["excerpt"]) for each in lines if each["kind"] in wanted]


def seconds_since(approval: Approval) -> float:
    """How long it has waited."""
    asked_at = datetime.fromisoformat(approval.asked_at)
    return (datetime.now(asked_at.tzinfo) - asked_at).total_seconds()


async def with_worker(at: Installation, told: Told, **times: str) -> WorkerProcess:
    """A worker that runs, with these moments."""
    worker = at.worker(changes={"escalation_command": str(told.command), **times})
    await worker.start()
    await worker.ready()
    return worker


async def test_a_worker_killed_while_somebody_is_told_tells_again_and_says_so_and_silence_stays_a_denial(
    harmed: Servers, tmp_path: Path
) -> None:
    told = Told(tmp_path)
    times = {"approval_deadline_s": "60", "approval_reminders": "1", "escalate_at": "3"}
    try:
        async with installed(harmed, tmp_path / "place", script_of([[FIX]])) as at:
            worker = await with_worker(at, told, **times)
            handle = await at.start()
            approval = await asked(handle)
            await told.once()
            await worker.kill()
            await worker.start()

            async def escalated() -> bool | None:
                return any(kind == "escalation" for kind, *_ in await waited(handle)) or None

            await until(escalated)
            assert [each.pop("again") for each in told.messages] == [False, True]
            first, second = told.messages
            assert first["key"] == second["key"] == f"{approval.id}/escalation"
            assert [each.id for each in (await asked(handle),)] == [approval.id]
            result: dict[str, Any] = await handle.result()
            (reminder, escalation, expired) = await waited(handle)
            assert (reminder[0], escalation[:2], expired[0]) == ("reminder", ("escalation", True), "expired")
            assert "may have been told before" in escalation[2]
            assert "in spite of 1 reminder(s) and an escalation" in expired[2]
            assert result["pushed"] is False
            assert len(told.messages) == 2
    finally:
        told.end()


async def test_a_worker_killed_between_reminders_says_late_what_it_missed_and_tells_somebody_once(
    harmed: Servers, tmp_path: Path
) -> None:
    told = Told(tmp_path)
    # The command that is run here does not take long.
    (tmp_path / "told.first").mkdir()
    times = {"approval_deadline_s": "60", "approval_reminders": "2,6,10", "escalate_at": "20"}
    async with installed(harmed, tmp_path / "place", script_of([[FIX]])) as at:
        worker = await with_worker(at, told, **times)
        handle = await at.start()
        approval = await asked(handle)

        async def reminded() -> bool | None:
            return any(kind == "reminder" for kind, *_ in await waited(handle)) or None

        await until(reminded)
        before = len(await waited(handle))
        await worker.kill()
        await asyncio.sleep(max(21 - seconds_since(approval), 0))
        assert told.messages == []
        await worker.start()
        await told.once()
        result: dict[str, Any] = await handle.result()
        told_of = await waited(handle)
        # What fell into the time without a worker is brought to mind once, and nobody is told twice.
        assert [kind for kind, *_ in told_of[before:]] == ["reminder", "escalation", "expired"]
        assert [each["again"] for each in told.messages] == [False]
        assert told_of[-2][2] == f"{told.command} was told."
        assert result["pushed"] is False


async def test_nobody_is_told_once_the_deadline_passed_without_a_worker(
    harmed: Servers, tmp_path: Path
) -> None:
    told = Told(tmp_path)
    times = {"approval_deadline_s": "24", "approval_reminders": "14", "escalate_at": "18"}
    async with installed(harmed, tmp_path / "place", script_of([[FIX]])) as at:
        worker = await with_worker(at, told, **times)
        handle = await at.start()
        approval = await asked(handle)
        await worker.kill()
        await asyncio.sleep(max(24.5 - seconds_since(approval), 0))
        await worker.start()
        result: dict[str, Any] = await handle.result()
        assert [kind for kind, *_ in await waited(handle)] == ["expired"]
        assert told.messages == []
        assert result["pushed"] is False
        assert "Nobody decided before the deadline" in result["withheld"][0]["why"]
