"""Recipes of histories in which an approval waits for long, or is remembered."""

import asyncio
import contextlib
from datetime import UTC, datetime

from temporalio.client import WorkflowQueryFailedError

from perdure.contracts.decisions import Approval, Pending
from perdure.contracts.names import GRANTS
from tests.histories.staging import Handle, Recipe, Stage, ended
from tests.workflows.conftest import FIX, Call, script_of, until


async def escalated_approval(stage: Stage) -> Handle:
    """Nobody decides, so the operator's command is run: in vain at first. Then nobody decides before the deadline."""
    stage.folder.mkdir(parents=True, exist_ok=True)
    told = stage.folder / "told"
    command = f"sh -c 'cat > /dev/null; echo again >> {told}; test -s {told}.before || {{ echo once > {told}.before; exit 7; }}'"
    moments = {"approval_reminders": ("0.2", "0.4"), "escalate_at": "0.6", "escalation_command": command}
    async with stage.bench(script_of([[FIX]]), approval_deadline_s=5.0, **moments) as bench:
        return await ended(await bench.start())


async def remembered(stage: Stage) -> Handle:
    """A command is approved for the whole repository, and not asked about a second time."""
    writing: Call = ("execute_command", {"command": "echo once >> count.txt", "writes": True})
    async with stage.bench(script_of([[writing], [writing]])) as bench:
        handle = await bench.start()
        first = await bench.approval(handle)
        await bench.decide(handle, first, "approve", remember="repository")
        push = await bench.approval(handle, but=first.id)
        await bench.decide(handle, push, "deny", reason="not on a Friday")
        return await ended(handle)


async def grants_revoked(stage: Stage) -> Handle:
    """Somebody revokes what nobody let be remembered."""
    async with stage.bench(script_of([])) as bench:
        asked = {"revoke": ["g0123456789a"], "by": "Ada", "reason": "a mistake"}
        queue = bench.settings.task_queue
        return await ended(await bench.client.start_workflow(GRANTS, asked, id="grants", task_queue=queue))


async def late_signal(stage: Stage) -> Handle:
    """No worker is there at the deadline, and a signal that comes after it is heard together with it."""
    async with stage.installation(script_of([[FIX]])) as at:
        worker = at.worker(changes={"approval_deadline_s": 5})
        await worker.start()
        handle = await at.start()
        asked = await approval_of(handle)
        await worker.kill()
        left = datetime.fromisoformat(asked.expires_at) - datetime.now(UTC)
        await asyncio.sleep(max(left.total_seconds(), 0) + 1.5)
        await handle.signal("approve", {"approval_id": asked.id, "by": "Ada"})
        await worker.start()
        return await ended(handle)


async def approval_of(handle: Handle) -> Approval:
    """The approval that waits, once one does."""

    async def look() -> Approval | None:
        with contextlib.suppress(WorkflowQueryFailedError):
            pending = await handle.query("pending", result_type=Pending)
            return next(iter(pending.approvals), None)
        return None

    return await until(look)


RECIPES: tuple[Recipe, ...] = (escalated_approval, remembered, grants_revoked, late_signal)
