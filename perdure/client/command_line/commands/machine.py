"""``up``, ``worker`` and ``doctor``: this machine."""

from typing import TYPE_CHECKING

import typer

from perdure.client.command_line.commands.options import Json, run

if TYPE_CHECKING:
    from perdure.client.command_line.installation import Installation


def up(context: typer.Context, as_json: Json = False) -> None:
    """Start the stack and a worker on this machine, until Ctrl-C.

    Starts Temporal with its Web UI, PostgreSQL and the other servers, the scripted model server (where
    PERDURE_MODEL_SCRIPT is set and GROQ_API_KEY is not) and a worker; shows where they are and how they do; starts
    again what dies. Ctrl-C or SIGTERM stops everything. Servers that the settings name are used and not started. Logs
    are in the folder logs of PERDURE_HOME.
    """
    from perdure.client.command_line.running import up as action

    run(context, action, as_json=as_json)


def worker(context: typer.Context) -> None:
    """Run a worker in the foreground, until Ctrl-C.

    It uses the same server and database as the other commands; any number may run.
    """
    installation: Installation = context.obj
    raise typer.Exit(installation.work())


def doctor(context: typer.Context, as_json: Json = False) -> None:
    """Look at everything a task needs, and say what to do about what is wrong.

    One line each for Python, git, disk, sandbox, Temporal program and server, search attributes, workers, PostgreSQL,
    model key or script, and the tool dictionary; below what fails stands what to do. It prints the exact command that
    registers missing search attributes.
    """
    from perdure.client.command_line.doctor import doctor as action

    run(context, action, as_json=as_json)


COMMANDS = {"up": up, "worker": worker, "doctor": doctor}
