"""``approve``, ``deny`` and ``answer``: what a person says of one thing that waits."""

from typing import Annotated, Literal

import typer

from perdure.client.command_line.commands.options import By, InTask, Json, Positive, run


def approve(
    context: typer.Context,
    id: Annotated[
        str | None,
        typer.Argument(metavar="[APPROVAL]", help="Left out: the only one that waits, once shown."),
    ] = None,
    reason: Annotated[str, typer.Option(metavar="TEXT")] = "",
    remember: Annotated[
        Literal["once", "task", "repository"],
        typer.Option(help="task, repository: exactly this call is not asked again there."),
    ] = "once",
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Do not ask before approving the only one.")
    ] = False,
    key: Annotated[
        str | None,
        typer.Option(
            "--key",
            metavar="FILE",
            help="Sign with this private key; left out: PERDURE_SIGNING_KEY, if it is set.",
        ),
    ] = None,
    digest: Annotated[
        str,
        typer.Option(
            metavar="SHA256",
            help="Of the operation as it was looked at; needed where the preview is shortened.",
        ),
    ] = "",
    task: InTask = None,
    by: By = None,
    as_json: Json = False,
) -> None:
    """Approve exactly the operation that an approval shows.

    Without an id it takes the only one that waits: it is shown, and approved after a yes at the terminal or with --yes.
    Where the preview leaves something out, `show --approval` prints all of it with its digest; at least 12 digits of it
    are given back by --digest. Where the policy demands more than a name, --key signs; two people approve one after the
    other.
    """
    from perdure.client.command_line.decisions import Word
    from perdure.client.command_line.decisions import approve as action

    word = Word(reason=reason, remember=remember, by=by, digest=digest, key=key)
    run(context, action(id, word, task=task, yes=yes), as_json=as_json)


def deny(
    context: typer.Context,
    id: Annotated[str, typer.Argument(metavar="APPROVAL")],
    reason: Annotated[str, typer.Option(metavar="TEXT", help="The model reads it.")] = "",
    task: InTask = None,
    by: By = None,
    as_json: Json = False,
) -> None:
    """Deny an operation; the task goes on without it.

    The model reads the reason.
    """
    from perdure.client.command_line.decisions import deny as action

    run(context, action(id, task=task, reason=reason, by=by), as_json=as_json)


def answer(
    context: typer.Context,
    id: Annotated[str, typer.Argument(metavar="QUESTION")],
    choice: Annotated[str, typer.Argument(metavar="CHOICE", help="One of the question's choices.")],
    text: Annotated[str, typer.Option(metavar="TEXT", help="The model reads it.")] = "",
    usd: Positive = None,
    tokens: Annotated[int | None, typer.Option(min=1)] = None,
    minutes: Positive = None,
    steps: Annotated[
        int | None, typer.Option(min=1, help="New total, for the choice extend; so are the others.")
    ] = None,
    task: InTask = None,
    by: By = None,
    as_json: Json = False,
) -> None:
    """Answer a question of a task.

    The choice is one of those that the question shows; the model reads the text. For the choice extend, --usd,
    --tokens, --minutes and --steps give the new totals.
    """
    from perdure.client.command_line.decisions import answer as action

    budget = {"usd": usd, "tokens": tokens, "minutes": minutes, "steps": steps}
    run(context, action(id, choice, task=task, text=text, budget=budget, by=by), as_json=as_json)


COMMANDS = {"approve": approve, "deny": deny, "answer": answer}
