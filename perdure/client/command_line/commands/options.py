"""Options and arguments that several commands have, and how a command runs its action."""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from perdure.client.command_line.installation import Installation
    from perdure.client.command_line.session import Action

Json = Annotated[bool, typer.Option("--json", help="Print JSON: one object, or one a line where it follows.")]
Wait = Annotated[
    bool,
    typer.Option(
        "--wait", help="Without a terminal: stay while a person is needed, instead of ending with 5."
    ),
]


def _known_ids(context: typer.Context, incomplete: str) -> list[str]:
    from perdure.client.command_line.completion import task_ids

    return task_ids(context.find_root().obj, incomplete)


TaskId = Annotated[
    str | None,
    typer.Argument(
        metavar="[TASK]", help="The task's id; left out: the newest task.", autocompletion=_known_ids
    ),
]
NamedTask = Annotated[str, typer.Argument(metavar="TASK", help="The task's id.", autocompletion=_known_ids)]
TaskIds = Annotated[
    list[str] | None,
    typer.Argument(metavar="[TASK]...", help="Ids; left out: the newest task.", autocompletion=_known_ids),
]
InTask = Annotated[
    str | None,
    typer.Option("--task", metavar="TASK", help="Look in this task only.", autocompletion=_known_ids),
]
By = Annotated[str | None, typer.Option("--by", metavar="NAME", help="Who says so; left out: the user here.")]
Archive = Annotated[
    bool, typer.Option("--archive", help="Read the archive, whether Temporal knows the task or not.")
]
Positive = Annotated[float | None, typer.Option(min=0)]


def run(context: typer.Context, action: "Action", *, as_json: bool) -> None:
    """Run a command's action and end with its exit code."""
    from perdure.client.command_line.session import run as run_session

    installation: Installation = context.obj
    raise typer.Exit(run_session(installation, action, as_json=as_json).value)
