"""``list``, ``diff``, ``artifacts`` and ``logs``: what there is and what happened."""

from typing import Annotated, Literal

import typer

from perdure.client.command_line.commands.options import Archive, Json, TaskId, run

Status = Literal[
    "planning", "working", "waiting", "checking", "publishing",
    "completed", "unchanged", "incomplete", "denied", "budget_exhausted", "failed", "canceled",
]  # fmt: skip


def list_tasks(
    context: typer.Context,
    status: Annotated[Status | None, typer.Option(help="What it does now, or how it ended.")] = None,
    needs: Annotated[
        Literal["approval", "answer", "nothing"] | None, typer.Option(help="What it waits for.")
    ] = None,
    repository: Annotated[
        str | None,
        typer.Option("--repository", "-r", metavar="PATH|URL", help="As the task was started with."),
    ] = None,
    user: Annotated[str | None, typer.Option(metavar="NAME", help="For whom it runs.")] = None,
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="Started since: 90m, 2h, 3d, 1w, or a date (ISO 8601).")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=1_000, help="At most so many.")] = 20,
    open: Annotated[
        bool | None, typer.Option("--open/--closed", help="Only those that run or wait, or that ended.")
    ] = None,
    as_json: Json = False,
) -> None:
    """List tasks and maintenance runs.

    Open ones come first, then those that ended last. Filters on status, what is needed, repository and user use
    Perdure's search attributes; where the namespace lacks them the command says which command registers them, and the
    list without these filters still works, as do --since, --open and --closed. From 120 columns on it also shows
    repository, user and cost.
    """
    from perdure.client.command_line.task_table import Wanted
    from perdure.client.command_line.task_table import list_tasks as action

    wanted = Wanted(
        status=status, needs=needs, repository=repository, user=user, since=since, open=open, limit=limit
    )
    run(context, action(wanted), as_json=as_json)


def diff(
    context: typer.Context,
    task: TaskId = None,
    stat: Annotated[bool, typer.Option("--stat", help="Only how many lines of each file.")] = False,
    name_only: Annotated[bool, typer.Option("--name-only", help="Only the names of the files.")] = False,
    output: Annotated[
        str | None, typer.Option("--output", "-o", metavar="FILE", help="Write all of it into this file.")
    ] = None,
    begin: Annotated[
        int, typer.Option("--from", min=0, metavar="BYTE", help="Go on with the page that begins there.")
    ] = 0,
    archive: Archive = False,
    as_json: Json = False,
) -> None:
    """Show what a task changed, as a unified diff.

    It compares the files after the task's last finished step, committed or not, with those that the task began with.
    It works for open and for closed tasks, also for those that Temporal does not know any more, from any machine that
    reaches the Temporal server: a worker answers, the one on the host that keeps the task's files where there is one, and
    nothing is added to the task's history. Where the files are nowhere it says so, and what to do.

    On a terminal it shows one page of at most 1 MiB, and says how a longer diff goes on; elsewhere, and with --output,
    all of it. Of binary files only the names are shown.
    """
    from perdure.client.command_line.change import diff as action

    run(
        context,
        action(task, stat=stat, name_only=name_only, output=output, begin=begin, archive=archive),
        as_json=as_json,
    )


def artifacts(
    context: typer.Context,
    task: TaskId = None,
    artifact: Annotated[
        str | None, typer.Argument(metavar="[ARTIFACT]", help="Its id, or the beginning of it.")
    ] = None,
    output: Annotated[
        str | None, typer.Option("--output", "-o", metavar="FILE", help="Write the artifact into this file.")
    ] = None,
    archive: Archive = False,
    as_json: Json = False,
) -> None:
    """List what a task stored, or write one of it into a file.

    Artifacts are outputs that are too long for the event history, such as that of a test run. The list is read from
    the history and needs no worker; the bytes are read by a worker, and compared with their digest before the file is
    there. Of a closed task that Temporal does not know any more, both are read from the archive, as `show` does.
    """
    from perdure.client.command_line.change import artifacts as action

    run(context, action(task, artifact, output=output, archive=archive), as_json=as_json)


def logs(
    context: typer.Context,
    task: TaskId = None,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on with each line as it happens, to the task's end.")
    ] = False,
    worker: Annotated[
        bool, typer.Option("--worker", help="The raw log lines of the workers that ran on this machine.")
    ] = False,
    archive: Archive = False,
    as_json: Json = False,
) -> None:
    """Print what the program did for a task, a line for each activity.

    A line has the time, the step, the activity, how it ended, its attempt, how many seconds the last attempt took, and
    what it was for. It is read from the event history: it works for open and for closed tasks, from anywhere, without
    a worker. Activities that still run come last. A closed task that Temporal does not know any more is read from the
    archive, as `show` does.

    With --worker it prints what the workers of this PERDURE_HOME wrote into their log files (also the rotated ones)
    about this task, in the format they have.
    """
    from perdure.client.command_line.log_view import logs as action

    run(context, action(task, follow=follow, worker=worker, archive=archive), as_json=as_json)


COMMANDS = {"list": list_tasks, "diff": diff, "artifacts": artifacts, "logs": logs}
