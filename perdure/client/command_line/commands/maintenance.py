"""``maintain``: upkeep by a playbook, without a language model."""

from typing import Annotated

import typer

from perdure.client.command_line.commands.options import Json, Positive, Wait, run


def maintain(
    context: typer.Context,
    playbook: Annotated[
        str | None, typer.Argument(metavar="PLAYBOOK", help="Such as python-hygiene; --list shows all.")
    ] = None,
    repository: Annotated[
        str,
        typer.Option(
            "--repository", "-r", metavar="PATH|URL", help="Folder on the worker's host, or Git URL."
        ),
    ] = ".",
    base_branch: Annotated[str | None, typer.Option(metavar="NAME", help="Branch to start from.")] = None,
    user: Annotated[
        str | None, typer.Option(metavar="NAME", help="For whom; left out: the user here.")
    ] = None,
    budget_minutes: Positive = None,
    id: Annotated[
        str | None, typer.Option("--id", metavar="ID", help="The run's id; left out: made up.")
    ] = None,
    watch: Annotated[
        bool | None, typer.Option("--watch/--no-watch", help="Watch it; left out: on a terminal only.")
    ] = None,
    wait: Wait = False,
    list_them: Annotated[
        bool,
        typer.Option(
            "--list",
            help="Start nothing; show the playbooks here.",
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Keep a repository in order by a playbook of the installation.

    A playbook is a list of tool calls with checks; no language model is asked. A change is kept only where no test that
    passed before fails, in commits of its own on a new branch, and a push is asked for like any other. At the end it
    says what was kept, what it found, and what it did not do and why. `schedule create` does it again and again.

    `--list` shows the playbooks of this installation, with what each step does and needs, and asks no server; with a
    name it shows that one whole.
    """
    from perdure.client.command_line.maintaining import Maintain
    from perdure.client.command_line.maintaining import maintain as action
    from perdure.client.command_line.playbook_list import list_playbooks

    asked = Maintain(
        playbook=playbook,
        repository=repository,
        base_branch=base_branch,
        user=user,
        budget_minutes=budget_minutes,
        id=id,
        watch=watch,
        wait=wait,
    )
    run(context, list_playbooks(playbook) if list_them else action(asked), as_json=as_json)


COMMANDS = {"maintain": maintain}
