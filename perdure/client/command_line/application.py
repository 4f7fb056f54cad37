"""The commands and their options. Every command loads what it needs when it runs, so that ``--help`` is instant."""

from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from perdure.client.command_line.exit_codes import explained

if TYPE_CHECKING:
    from perdure.client.command_line.installation import Installation
    from perdure.client.command_line.session import Action

app = typer.Typer(
    help="A durable coding agent: every request is one Temporal workflow that survives any crash.",
    epilog=explained(),
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Json = Annotated[bool, typer.Option("--json", help="Print JSON: one object, or one a line where it follows.")]
Wait = Annotated[
    bool,
    typer.Option(
        "--wait", help="Without a terminal: stay while a person is needed, instead of ending with 5."
    ),
]
TaskId = Annotated[
    str | None, typer.Argument(metavar="[TASK]", help="The task's id; left out: the newest task.")
]
InTask = Annotated[str | None, typer.Option("--task", metavar="TASK", help="Look in this task only.")]
By = Annotated[str | None, typer.Option("--by", metavar="NAME", help="Who says so; left out: the user here.")]
Positive = Annotated[float | None, typer.Option(min=0)]


def _run(context: typer.Context, action: "Action", *, as_json: bool) -> None:
    from perdure.client.command_line.session import run

    installation: Installation = context.obj
    raise typer.Exit(run(installation, action, as_json=as_json).value)


@app.command()
def up(context: typer.Context, as_json: Json = False) -> None:
    """Start the stack and a worker on this machine, until Ctrl-C."""
    from perdure.client.command_line.running import up as action

    _run(context, action, as_json=as_json)


@app.command()
def worker(context: typer.Context) -> None:
    """Run a worker in the foreground, until Ctrl-C."""
    installation: Installation = context.obj
    raise typer.Exit(installation.work())


@app.command()
def start(
    context: typer.Context,
    request: Annotated[str, typer.Argument(metavar="REQUEST", help="What is to be done, in your words.")],
    repository: Annotated[
        str,
        typer.Option(
            "--repository", "-r", metavar="PATH|URL", help="Folder on the worker's host, or Git URL."
        ),
    ] = ".",
    base_branch: Annotated[str | None, typer.Option(metavar="NAME", help="Branch to start from.")] = None,
    mode: Annotated[
        Literal["change", "plan", "answer"] | None, typer.Option(help="plan and answer cannot write.")
    ] = None,
    safety: Annotated[
        Literal["cautious", "standard", "autonomous"] | None,
        typer.Option(help="How much runs without a person, at most PERDURE_MAX_SAFETY."),
    ] = None,
    budget_usd: Positive = None,
    budget_tokens: Annotated[int | None, typer.Option(min=1)] = None,
    budget_minutes: Positive = None,
    budget_steps: Annotated[int | None, typer.Option(min=1)] = None,
    priority: Annotated[int | None, typer.Option(min=1, max=5, help="1 is served first.")] = None,
    user: Annotated[
        str | None, typer.Option(metavar="NAME", help="For whom; left out: the user here.")
    ] = None,
    label: Annotated[list[str] | None, typer.Option(metavar="NAME=VALUE", help="May be given again.")] = None,
    id: Annotated[
        str | None, typer.Option("--id", metavar="ID", help="The task's id; left out: made up.")
    ] = None,
    watch: Annotated[
        bool | None, typer.Option("--watch/--no-watch", help="Watch it; left out: on a terminal only.")
    ] = None,
    wait: Wait = False,
    as_json: Json = False,
) -> None:
    """Start a task: REQUEST is carried out in a clone of the repository."""
    from perdure.client.command_line.tasks import Start
    from perdure.client.command_line.tasks import start as action

    budget = {"usd": budget_usd, "tokens": budget_tokens, "minutes": budget_minutes, "steps": budget_steps}
    terms: dict[str, Any] = {
        "base_branch": base_branch, "mode": mode, "safety": safety, "priority": priority, "user": user
    }  # fmt: skip
    asked = Start(
        request=request,
        repository=repository,
        id=id,
        labels=tuple(label or ()),
        watch=watch,
        wait=wait,
        budget=budget,
        terms=terms,
    )
    _run(context, action(asked), as_json=as_json)


@app.command()
def watch(context: typer.Context, task: TaskId = None, wait: Wait = False, as_json: Json = False) -> None:
    """Follow a task to its end."""
    from perdure.client.command_line.tasks import watch as action

    _run(context, action(task, wait=wait), as_json=as_json)


@app.command()
def show(context: typer.Context, task: TaskId = None, as_json: Json = False) -> None:
    """Show a task as it stands: plan, what was done, what it waits for, cost, result."""
    from perdure.client.command_line.tasks import show as action

    _run(context, action(task), as_json=as_json)


@app.command()
def approvals(context: typer.Context, as_json: Json = False) -> None:
    """List what waits for a person: approvals and questions of every open task."""
    from perdure.client.command_line.decisions import approvals as action

    _run(context, action(), as_json=as_json)


@app.command()
def approve(
    context: typer.Context,
    id: Annotated[
        str | None,
        typer.Argument(metavar="[APPROVAL]", help="Left out: the only one that waits, once shown."),
    ] = None,
    reason: Annotated[str, typer.Option(metavar="TEXT")] = "",
    remember: Annotated[
        Literal["once", "task"], typer.Option(help="task: the same call is not asked again in this task.")
    ] = "once",
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Do not ask before approving the only one.")
    ] = False,
    task: InTask = None,
    by: By = None,
    as_json: Json = False,
) -> None:
    """Approve exactly the operation that an approval shows."""
    from perdure.client.command_line.decisions import approve as action

    _run(context, action(id, task=task, reason=reason, remember=remember, by=by, yes=yes), as_json=as_json)


@app.command()
def deny(
    context: typer.Context,
    id: Annotated[str, typer.Argument(metavar="APPROVAL")],
    reason: Annotated[str, typer.Option(metavar="TEXT", help="The model reads it.")] = "",
    task: InTask = None,
    by: By = None,
    as_json: Json = False,
) -> None:
    """Deny an operation; the task goes on without it."""
    from perdure.client.command_line.decisions import deny as action

    _run(context, action(id, task=task, reason=reason, by=by), as_json=as_json)


@app.command()
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
    """Answer a question of a task."""
    from perdure.client.command_line.decisions import answer as action

    budget = {"usd": usd, "tokens": tokens, "minutes": minutes, "steps": steps}
    _run(context, action(id, choice, task=task, text=text, budget=budget, by=by), as_json=as_json)


@app.command()
def cancel(
    context: typer.Context,
    task: Annotated[str, typer.Argument(metavar="TASK")],
    reason: Annotated[str, typer.Option(metavar="TEXT")] = "",
    as_json: Json = False,
) -> None:
    """Ask a task to stop; it records what it did."""
    from perdure.client.command_line.tasks import cancel as action

    _run(context, action(task, reason=reason), as_json=as_json)


@app.command()
def doctor(context: typer.Context, as_json: Json = False) -> None:
    """Look at everything a task needs, and say what to do about what is wrong."""
    from perdure.client.command_line.doctor import doctor as action

    _run(context, action, as_json=as_json)
