"""``keys``: keys that sign approvals."""

from typing import Annotated

import typer

from perdure.client.command_line.commands.options import Json, run

keys = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Make keys that sign approvals.")


@keys.command("create")
def create(
    context: typer.Context,
    file: Annotated[str, typer.Argument(metavar="FILE", help="A new file for the private key.")],
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="Whose key it is; left out: the user here.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Make a private key, and print what the administrator registers.

    The file can be read by its owner alone. The lines that are printed go into the file that PERDURE_APPROVERS names
    where the workers run.
    """
    from perdure.client.command_line.keys import create as action

    run(context, action(file, name=name), as_json=as_json)


GROUPS = {"keys": keys}
