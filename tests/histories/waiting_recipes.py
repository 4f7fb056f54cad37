"""Recipes of histories in which an approval waits for long, or is remembered."""

from perdure.contracts.names import GRANTS
from tests.histories.staging import Handle, Recipe, Stage, ended
from tests.workflows.conftest import FIX, Call, script_of


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


RECIPES: tuple[Recipe, ...] = (escalated_approval, remembered, grants_revoked)
