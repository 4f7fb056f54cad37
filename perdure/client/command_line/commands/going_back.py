"""``rewind`` and ``fork``: a task, or another one, goes on from an earlier step."""

from typing import Annotated

import typer

from perdure.client.command_line.commands.options import Json, NamedTask, run


def rewind(
    context: typer.Context,
    task: NamedTask,
    to: Annotated[
        int,
        typer.Option(
            "--to",
            metavar="STEP",
            min=0,
            help="The last step that stays; 0 takes back everything after the plan.",
        ),
    ],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    by: Annotated[
        str | None, typer.Option("--by", metavar="NAME", help="Who does so; left out: the user here.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Take a task back to the end of STEP: conversation, plan and files. It goes on from there.

    It shows first what is dropped: steps, files, commits, approvals and what people said. What was pushed stays at the
    remote, and what was spent stays spent. Whatever needs an approval after STEP is asked for anew, and old decisions
    are refused. It works while the task runs or waits, and after it ended as long as the server keeps its history.

    Without a terminal, and with --json, it needs --yes.
    """
    from perdure.client.command_line.going_back import rewind as action

    run(context, action(task, to=to, yes=yes, by=by), as_json=as_json)


def fork(
    context: typer.Context,
    task: NamedTask,
    step: Annotated[
        int,
        typer.Option(
            "--from", metavar="STEP", min=0, help="The last step that counts; 0 begins just after the plan."
        ),
    ],
    request: Annotated[
        str | None, typer.Option(metavar="TEXT", help="What the model reads next; left out: TASK's request.")
    ] = None,
    model: Annotated[
        str | None, typer.Option(metavar="NAME", help="The model that is asked first, in every role.")
    ] = None,
    repository: Annotated[
        str | None,
        typer.Option(
            metavar="PATH|URL", help="Only for an archived task: its repository, which is no longer known."
        ),
    ] = None,
    id: Annotated[
        str | None, typer.Option("--id", metavar="ID", help="The new task's id; left out: made up.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Start a task that begins at the end of STEP of TASK, with its conversation, plan and files.

    The new task has an id, a branch and a workspace of its own and records where it began. TASK is not touched; it may
    run, wait or be over. With --request the new task makes a new plan. Its budget is its own, and what TASK cost is not
    part of it.
    """
    from perdure.client.command_line.going_back import Fork
    from perdure.client.command_line.going_back import fork as action

    asked = Fork(task=task, step=step, request=request, model=model, repository=repository, id=id)
    run(context, action(asked), as_json=as_json)


COMMANDS = {"rewind": rewind, "fork": fork}
