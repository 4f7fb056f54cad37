"""``grants``: what people let be remembered."""

from typing import Annotated

import typer

from perdure.client.command_line.commands.options import By, Json, run

grants = typer.Typer(
    help="List and revoke what people let be remembered, so that they are not asked again.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@grants.command("list")
def list_grants(
    context: typer.Context,
    repository: Annotated[
        str | None,
        typer.Option("--repository", "-r", metavar="PATH|URL", help="Only of tasks of this repository."),
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Also what expired, was revoked, is void or over.")
    ] = False,
    as_json: Json = False,
) -> None:
    """List what is remembered: for which call, in which task or repository, by whom, until when.

    Each is for calls of exactly the same tool with the same arguments, and counts only as long as the policy asks as it did
    when it was given.
    """
    from perdure.client.command_line.grants import list_grants as action

    run(context, action(repository=repository, everything=everything), as_json=as_json)


@grants.command("revoke")
def revoke(
    context: typer.Context,
    ids: Annotated[list[str], typer.Argument(metavar="GRANT", help="Ids, as the list shows them.")],
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Kept with them.")] = "",
    by: By = None,
    as_json: Json = False,
) -> None:
    """Revoke grants: from now on people are asked again, also in tasks that run."""
    from perdure.client.command_line.grants import revoke as action

    run(context, action(ids, reason=reason, by=by), as_json=as_json)


GROUPS = {"grants": grants}
