"""``rebuild``, ``gc`` and ``forget``: what is kept of tasks."""

from typing import Annotated

import typer

from perdure.client.command_line.commands.options import Json, NamedTask, run

DryRun = Annotated[bool, typer.Option("--dry-run", help="Change nothing, only say what would be done.")]


def rebuild(context: typer.Context, task: NamedTask, dry_run: DryRun = False, as_json: Json = False) -> None:
    """Make a task's rows in PostgreSQL again from its event history and its artifacts.

    It compares the task's row and every transcript entry with what is primary, says what differs, and mends it; Redis gets
    the newest entries anew. The history is Temporal's, or the archived one where Temporal forgot the task or is away. It
    ends with 1 where an entry that the history names is nowhere. It needs the database, not a worker.
    """
    from perdure.client.command_line.keeping import rebuild as action

    run(context, action(task, dry_run=dry_run), as_json=as_json)


def collect_garbage(
    context: typer.Context,
    dry_run: DryRun = False,
    older_than: Annotated[
        str, typer.Option(metavar="SPAN", help="Only what was stored so long ago: 6h, 7d; at least 1h.")
    ] = "1d",
    as_json: Json = False,
) -> None:
    """Remove artifacts that nothing refers to, such as those of attempts that another one overtook.

    Looks at closed tasks whose histories are archived, and at what forgotten tasks left. What a transcript, a result, a
    checkpoint or an archived history names stays, also of steps that were taken back. Try --dry-run first.
    """
    from perdure.client.command_line.keeping import collect_garbage as action

    run(context, action(older_than=older_than, dry_run=dry_run), as_json=as_json)


def forget(
    context: typer.Context,
    task: NamedTask,
    yes: Annotated[bool, typer.Option("--yes", help="Really.")] = False,
    as_json: Json = False,
) -> None:
    """Remove a closed task for good: from Temporal, from the archive and from the database.

    The key of its artifacts goes with them, so that copies of them are worthless. Its files on hosts go with the next
    sweep. Backups still have it. It needs the database and the Temporal server.
    """
    from perdure.client.command_line.keeping import forget as action

    run(context, action(task, confirmed=yes), as_json=as_json)


COMMANDS = {"rebuild": rebuild, "gc": collect_garbage, "forget": forget}
