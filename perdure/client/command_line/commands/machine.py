"""``up``, ``worker``, ``doctor``, ``versions`` and ``completion``: this machine."""

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from perdure.client.command_line.commands.options import Json, NamedTask, run

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


def versions(context: typer.Context, as_json: Json = False) -> None:
    """Tell which versions run here and answer.

    Perdure, Python and Temporal's library here; the Temporal server and its Web UI, PostgreSQL, Valkey and Chroma as
    far as they can be reached; the workers that poll, each with the time it was last seen; and how many tasks are open,
    for each version of the workers: one that has open tasks and no worker any more is called stranded.
    What does not answer is said, and the command still ends with 0.
    """
    from perdure.client.command_line.versions import versions as action

    run(context, action, as_json=as_json)


def promote(
    context: typer.Context,
    build_id: Annotated[
        str, typer.Argument(metavar="BUILD_ID", help="PERDURE_BUILD_ID of workers that run already.")
    ],
    as_json: Json = False,
) -> None:
    """Let the workers of a version take new tasks.

    For installations whose workers have PERDURE_DEPLOYMENT and PERDURE_BUILD_ID. Tasks that are open finish on the
    version that began them, or move over by upgrade. Promoting the version before takes a release back.
    """
    from perdure.client.command_line.releasing import promote as action

    run(context, action(build_id), as_json=as_json)


def upgrade(context: typer.Context, task: NamedTask, as_json: Json = False) -> None:
    """Move an open task over to the version of the workers that takes new tasks.

    For installations whose workers have PERDURE_DEPLOYMENT and PERDURE_BUILD_ID. An approval or a question that waits is
    withdrawn and asked anew, under another id, on the new version; what runs is finished first. A worker of the task's
    own version has to run until then. Maintenance runs finish on the version that began them.
    """
    from perdure.client.command_line.releasing import upgrade as action

    run(context, action(task), as_json=as_json)


def completion(
    context: typer.Context,
    shell: Annotated[Literal["bash", "zsh", "fish"], typer.Argument(help="The shell that reads it.")],
) -> None:
    """Print a script that lets a shell complete commands, options and the ids of tasks.

    It also defines the function perdure, which runs this command line from any folder. Put it where your shell reads
    it at its start: in bash and zsh eval "$(python starter.py completion bash)", in fish
    python starter.py completion fish | source.
    """
    from perdure.client.command_line.completion import script

    installation: Installation = context.obj
    typer.echo(script(shell, installation.program()), nl=False)


COMMANDS = {
    "up": up,
    "worker": worker,
    "doctor": doctor,
    "versions": versions,
    "promote": promote,
    "upgrade": upgrade,
    "completion": completion,
}
