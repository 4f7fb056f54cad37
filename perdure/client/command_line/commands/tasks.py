"""``start``, ``watch``, ``show`` and ``cancel``: one task from its start to its end."""

from typing import Annotated, Any, Literal

import typer

from perdure.client.command_line.commands.options import (
    Archive,
    Json,
    NamedTask,
    Positive,
    TaskId,
    TaskIds,
    Wait,
    run,
)


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
    """Start a task: REQUEST is carried out in a clone of the repository.

    It prints the task's id, and follows the task where somebody looks on at a terminal. An id that is running already
    is refused.
    """
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
    run(context, action(asked), as_json=as_json)


def watch(
    context: typer.Context,
    tasks: TaskIds = None,
    every: Annotated[bool, typer.Option("--all", help="Every task that is open now.")] = False,
    wait: Wait = False,
    as_json: Json = False,
) -> None:
    """Follow tasks to their ends.

    It shows the plan with ticks, the current step, cost against budget, whether a script answers instead of a language
    model, and approvals and questions as they come. On a terminal it is one picture that is redrawn, with a block for
    each task where there are several; elsewhere it is a line for each thing that happens, which begins with the task's
    id where there are several. With --json each line is one event with its task.

    Where nothing happens it says for what the task waits: a store or a model that does not answer, with the attempt and
    when the next one is due, or a worker. It reads the event history, so it costs the task nothing and needs no worker,
    and it goes on by itself when the Temporal server was away.

    Without a terminal it leaves a task that needs a person, and ends with 5; --wait lets it stay.
    """
    from perdure.client.command_line.tasks import watch as action

    run(context, action(tasks or (), every=every, wait=wait), as_json=as_json)


def show(
    context: typer.Context,
    task: TaskId = None,
    approval: Annotated[
        str | None,
        typer.Option(metavar="ID", help="All of an operation that waits for approval, with its digest."),
    ] = None,
    archive: Archive = False,
    as_json: Json = False,
) -> None:
    """Show a task as it stands: plan, what was done, what it waits for, cost, result.

    A closed task that Temporal does not know any more is read from the archive: through a worker, and where the server
    or a worker is away, from the database that PERDURE_DATABASE_URL or the running stack names.

    Where a step is tried again, it says for what it waits, at which attempt, and when the next one is due.
    """
    if approval is not None:
        from perdure.client.command_line.decisions import show_approval

        run(context, show_approval(approval, task=task), as_json=as_json)
        return
    from perdure.client.command_line.tasks import show as action

    run(context, action(task, archive=archive), as_json=as_json)


def cancel(
    context: typer.Context,
    task: NamedTask,
    reason: Annotated[str, typer.Option(metavar="TEXT")] = "",
    as_json: Json = False,
) -> None:
    """Ask a task to stop; it records what it did.

    It stops what it is doing and ends Canceled. The reason is kept in the history.
    """
    from perdure.client.command_line.tasks import cancel as action

    run(context, action(task, reason=reason), as_json=as_json)


COMMANDS = {"start": start, "watch": watch, "show": show, "cancel": cancel}
