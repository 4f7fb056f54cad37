"""``up``, ``worker`` and ``doctor``: this machine."""

from typing import TYPE_CHECKING

import typer

from perdure.client.command_line.commands.options import Json, run

if TYPE_CHECKING:
    from perdure.client.command_line.installation import Installation


def up(context: typer.Context, as_json: Json = False) -> None:
    """Start the stack and a worker on this machine, until Ctrl-C."""
    from perdure.client.command_line.running import up as action

    run(context, action, as_json=as_json)


def worker(context: typer.Context) -> None:
    """Run a worker in the foreground, until Ctrl-C."""
    installation: Installation = context.obj
    raise typer.Exit(installation.work())


def doctor(context: typer.Context, as_json: Json = False) -> None:
    """Look at everything a task needs, and say what to do about what is wrong."""
    from perdure.client.command_line.doctor import doctor as action

    run(context, action, as_json=as_json)


COMMANDS = {"up": up, "worker": worker, "doctor": doctor}
