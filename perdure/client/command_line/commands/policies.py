"""``policy``: what is allowed, bounded, asked and denied."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from perdure.client.command_line.commands.options import Json, run

policy = typer.Typer(
    help="Check and explain what is allowed, bounded, asked or denied, and try a change of it.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

File = Annotated[
    Path | None,
    typer.Option(
        "--file", metavar="FILE", help="The administrator's file; left out: that of PERDURE_POLICY."
    ),
]
Users = Annotated[
    Path | None,
    typer.Option("--users", metavar="FOLDER", help="Users' files; left out: those of PERDURE_USER_POLICIES."),
]


@policy.command("check")
def check(context: typer.Context, file: File = None, users: Users = None, as_json: Json = False) -> None:
    """Read every policy file and try every example of its rules.

    A file that cannot be used is named with the rule and what to do; the command then ends with 7, and no worker would
    start.
    """
    from perdure.client.command_line.policies import Files
    from perdure.client.command_line.policies import check as action

    run(context, action(Files(file, users)), as_json=as_json)


@policy.command("explain")
def explain(
    context: typer.Context,
    line: Annotated[str, typer.Argument(metavar="[LINE]", help="A line of shell.")] = "",
    tool: Annotated[str, typer.Option(metavar="NAME", help="In its place: a tool.")] = "",
    arguments: Annotated[str, typer.Option(metavar="JSON", help="Its arguments.")] = "",
    writes: Annotated[bool, typer.Option("--writes", help="The line says that it changes files.")] = False,
    safety: Annotated[
        Literal["cautious", "standard", "autonomous"], typer.Option(help="The task's safety level.")
    ] = "cautious",
    mode: Annotated[
        Literal["change", "plan", "answer"], typer.Option(help="What the task may do.")
    ] = "change",
    untrusted: Annotated[bool, typer.Option("--untrusted", help="It follows untrusted text.")] = False,
    user: Annotated[str, typer.Option(metavar="NAME", help="Whose task it is.")] = "",
    repository: Annotated[str, typer.Option(metavar="PATH|URL", help="The task's repository.")] = "",
    branch: Annotated[str, typer.Option(metavar="NAME", help="The branch that it would push.")] = "",
    remote: Annotated[str, typer.Option(metavar="URL", help="Where it would push to.")] = "",
    request: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A task's request as JSON, whose own rules count.")
    ] = None,
    file: File = None,
    users: Users = None,
    as_json: Json = False,
) -> None:
    """Say what becomes of a call, rule by rule and layer by layer.

    A line of shell is taken as execute_command would run it; what its analysis says is shown too.
    """
    from perdure.client.command_line.policies import Asked, Files
    from perdure.client.command_line.policies import explain as action
    from perdure.contracts.calls import Author
    from perdure.contracts.judging import Standing
    from perdure.contracts.task import Mode, Safety

    standing = Standing(Mode(mode), Safety(safety), Author.MODEL, untrusted, user, repository)
    asked = Asked(line, tool, arguments, writes, standing, branch, remote, request)
    run(context, action(Files(file, users), asked), as_json=as_json)


@policy.command("suggest")
def suggest(
    context: typer.Context,
    file: File = None,
    users: Users = None,
    corpora: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Also judge the lines of every commands.json below it."),
    ] = None,
    tasks: Annotated[
        int, typer.Option(min=0, help="As many of the newest tasks are looked at; 0: none.")
    ] = 200,
    as_json: Json = False,
) -> None:
    """Show which calls of recorded tasks a changed file would judge otherwise, loosened ones first.

    The files that the settings name are compared with those that are given. It also suggests narrow rules for plain
    commands that people approved over and over, never for interpreters, shells and wrappers. Calls are read from the
    database.
    """
    from perdure.client.command_line.policies import Files
    from perdure.client.command_line.policies import suggest as action

    run(context, action(Files(file, users), corpora=corpora, tasks=tasks), as_json=as_json)


GROUPS = {"policy": policy}
