"""``approvals``: one inbox over all tasks."""

from typing import Annotated, Literal

import typer

from perdure.client.command_line.commands.options import By, Json, run

Repository = Annotated[
    str | None,
    typer.Option("--repository", "-r", metavar="PATH|URL", help="Only tasks of this repository."),
]
User = Annotated[str | None, typer.Option(metavar="NAME", help="Only tasks for this user.")]
Tool = Annotated[str | None, typer.Option(metavar="NAME", help="Only calls of this tool.")]
Effect = Annotated[
    Literal["read", "write", "run", "run_writing", "network", "destructive", "commit", "publish"] | None,
    typer.Option(help="Only calls that may do this."),
]
Safety = Annotated[
    Literal["cautious", "standard", "autonomous"] | None, typer.Option(help="Only tasks at this level.")
]
OlderThan = Annotated[
    str | None, typer.Option(metavar="SPAN", help="Only what waits longer: 90m, 2h, 3d, or since a date.")
]
People = Annotated[
    int | None,
    typer.Option(min=1, metavar="NUMBER", help="Only what so many people or more must approve."),
]
Assurance = Annotated[
    Literal["claimed", "signed"] | None,
    typer.Option(help="Only what a name is enough for, or only what has to be signed."),
]
Key = Annotated[
    str | None, typer.Option("--batch", metavar="KEY", help="All of a batch, as it was shown; no ids then.")
]
Ids = Annotated[list[str] | None, typer.Argument(metavar="APPROVAL", help="Ids of approvals.")]

approvals = typer.Typer(invoke_without_command=True, rich_markup_mode=None)


@approvals.callback()
def list_approvals(
    context: typer.Context,
    repository: Repository = None,
    user: User = None,
    tool: Tool = None,
    effect: Effect = None,
    safety: Safety = None,
    older_than: OlderThan = None,
    people: People = None,
    assurance: Assurance = None,
    table: Annotated[bool, typer.Option("--table", help="A line for each batch, without previews.")] = False,
    as_json: Json = False,
) -> None:
    """List what waits for a person: approvals and questions of every open task.

    Each approval stands there with the exact operation, each question with its choices. Calls of the same tool with the
    same arguments are a batch: shown once, with the tasks that ask for it, and with every preview that differs. Fits 40
    columns.
    """
    if context.invoked_subcommand is not None:
        return
    from perdure.client.command_line.inbox import Wanted
    from perdure.client.command_line.inbox import show as action

    wanted = Wanted(repository, user, tool, effect, safety, older_than, people, assurance)
    run(context, action(wanted, table=table), as_json=as_json)


@approvals.command("approve")
def approve(
    context: typer.Context,
    ids: Ids = None,
    batch: Key = None,
    reason: Annotated[str, typer.Option(metavar="TEXT")] = "",
    remember: Annotated[
        Literal["once", "task", "repository"],
        typer.Option(help="task, repository: exactly this call is not asked again there."),
    ] = "once",
    key: Annotated[
        str | None,
        typer.Option(
            "--key", metavar="FILE", help="Sign each with this private key; left out: PERDURE_SIGNING_KEY."
        ),
    ] = None,
    repository: Repository = None,
    user: User = None,
    tool: Tool = None,
    effect: Effect = None,
    safety: Safety = None,
    older_than: OlderThan = None,
    people: People = None,
    assurance: Assurance = None,
    by: By = None,
    as_json: Json = False,
) -> None:
    """Approve several operations, or a whole batch.

    Each is approved by its own id, for exactly what it shows; what came to the batch since it was shown has another key,
    and is not approved. Filters are those that the batch was listed with. What became of each is printed. One whose preview
    is shortened is refused here: `approve` takes it by its digest.
    """
    from perdure.client.command_line.inbox import Wanted
    from perdure.client.command_line.inbox import decide as action

    wanted = Wanted(repository, user, tool, effect, safety, older_than, people, assurance)
    run(
        context,
        action("approve", ids or (), batch, wanted, reason=reason, remember=remember, by=by, key_file=key),
        as_json=as_json,
    )


@approvals.command("deny")
def deny(
    context: typer.Context,
    ids: Ids = None,
    batch: Key = None,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="The model reads it.")] = "",
    repository: Repository = None,
    user: User = None,
    tool: Tool = None,
    effect: Effect = None,
    safety: Safety = None,
    older_than: OlderThan = None,
    people: People = None,
    assurance: Assurance = None,
    by: By = None,
    as_json: Json = False,
) -> None:
    """Deny several operations, or a whole batch; the tasks go on without them."""
    from perdure.client.command_line.inbox import Wanted
    from perdure.client.command_line.inbox import decide as action

    wanted = Wanted(repository, user, tool, effect, safety, older_than, people, assurance)
    run(
        context,
        action("deny", ids or (), batch, wanted, reason=reason, remember="once", by=by),
        as_json=as_json,
    )


@approvals.command("walk")
def walk(
    context: typer.Context,
    repository: Repository = None,
    user: User = None,
    tool: Tool = None,
    effect: Effect = None,
    safety: Safety = None,
    older_than: OlderThan = None,
    people: People = None,
    assurance: Assurance = None,
    by: By = None,
) -> None:
    """Go through what waits, one batch after the other, at a terminal.

    Each is shown and decided by y (approve), n (deny), s (leave it), d (show all of it) or q (stop here).
    """
    from perdure.client.command_line.inbox import Wanted
    from perdure.client.command_line.inbox_walk import walk as action

    wanted = Wanted(repository, user, tool, effect, safety, older_than, people, assurance)
    run(context, action(wanted, by=by), as_json=False)


GROUPS = {"approvals": approvals}
