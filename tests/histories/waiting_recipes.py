"""Recipes of histories in which an approval waits for long, or is remembered."""

from tests.histories.staging import Handle, Recipe, Stage, ended
from tests.workflows.conftest import FIX, script_of


async def escalated_approval(stage: Stage) -> Handle:
    """Nobody decides, so the operator's command is run: in vain at first. Then nobody decides before the deadline."""
    stage.folder.mkdir(parents=True, exist_ok=True)
    told = stage.folder / "told"
    command = f"sh -c 'cat > /dev/null; echo again >> {told}; test -s {told}.before || {{ echo once > {told}.before; exit 7; }}'"
    moments = {"approval_reminders": ("0.2", "0.4"), "escalate_at": "0.6", "escalation_command": command}
    async with stage.bench(script_of([[FIX]]), approval_deadline_s=5.0, **moments) as bench:
        return await ended(await bench.start())


RECIPES: tuple[Recipe, ...] = (escalated_approval,)
