"""``promote`` and ``upgrade``: which version of the workers takes new tasks, and a task that moves over to it."""

from perdure.client.command_line.exit_codes import ExitCode
from perdure.client.command_line.session import Action, Session


def promote(build_id: str) -> Action:
    """Let a version take new tasks."""

    async def action(session: Session) -> ExitCode:
        async with session.client() as client:
            name = await client.promote(build_id)
        if session.output.as_json:
            session.output.data({"version": name, "current": True})
        else:
            session.output.line(
                f"{name} takes new tasks now. `python starter.py versions` counts what is open."
            )
        return ExitCode.OK

    return action


def upgrade(id: str) -> Action:
    """Move a task over to the version that takes new tasks."""

    async def action(session: Session) -> ExitCode:
        async with session.client() as client:
            task = await client.task(id)
            came = await task.upgrade()
        if session.output.as_json:
            session.output.data(came.model_dump(mode="json"))
            return ExitCode.OK
        when = "went on" if came.moved else "goes on"
        session.output.line(f"{came.id} {when} from {came.version_before} to {came.version}. {came.message}")
        return ExitCode.OK

    return action
