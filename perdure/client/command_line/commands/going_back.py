"""``rewind``: a task goes on from one of its earlier steps."""

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


COMMANDS = {"rewind": rewind}
