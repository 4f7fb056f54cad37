"""``schedule``: runs that Temporal starts again and again."""

from typing import Annotated, Literal

import typer

from perdure.client.command_line.commands.options import Json, Positive, run

Id = Annotated[str, typer.Argument(metavar="SCHEDULE", help="The schedule's id.")]
Note = Annotated[str, typer.Option(metavar="TEXT", help="Shown with the schedule.")]

schedule = typer.Typer(
    help="Start tasks and maintenance runs again and again.", no_args_is_help=True, rich_markup_mode=None
)


@schedule.command("create")
def create(
    context: typer.Context,
    id: Id,
    playbook: Annotated[
        str | None, typer.Option(metavar="NAME", help="A maintenance run by this playbook.")
    ] = None,
    request: Annotated[str | None, typer.Option(metavar="TEXT", help="A task with this request.")] = None,
    repository: Annotated[
        str,
        typer.Option(
            "--repository", "-r", metavar="PATH|URL", help="Folder on the worker's host, or Git URL."
        ),
    ] = ".",
    cron: Annotated[
        list[str] | None, typer.Option(metavar="LINE", help="Such as '0 3 * * 1-5'; may be given again.")
    ] = None,
    every: Annotated[str | None, typer.Option(metavar="SPAN", help="Such as 30m, 6h, 1d or 1w.")] = None,
    time_zone: Annotated[
        str, typer.Option(metavar="NAME", help="Of the cron lines, such as Europe/Zurich.")
    ] = "UTC",
    jitter: Annotated[
        str | None, typer.Option(metavar="SPAN", help="Each run starts up to so much later.")
    ] = None,
    overlap: Annotated[
        Literal["skip", "buffer_one", "cancel_other"],
        typer.Option(help="What happens while the run before is not over."),
    ] = "skip",
    catch_up: Annotated[
        str, typer.Option(metavar="SPAN", help="How old a missed run may be to be made up for.")
    ] = "1h",
    pause_on_failure: Annotated[bool, typer.Option(help="Pause the schedule when a run fails.")] = True,
    runs: Annotated[int | None, typer.Option(min=1, help="Stop after so many runs.")] = None,
    paused: Annotated[bool, typer.Option("--paused", help="Make it paused.")] = False,
    now: Annotated[bool, typer.Option("--now", help="Also start a first run at once.")] = False,
    base_branch: Annotated[str | None, typer.Option(metavar="NAME", help="Branch to start from.")] = None,
    budget_minutes: Positive = None,
    user: Annotated[
        str | None, typer.Option(metavar="NAME", help="For whom; left out: the user here.")
    ] = None,
    note: Note = "",
    as_json: Json = False,
) -> None:
    """Make a schedule.

    It starts a maintenance run (--playbook) or a task (--request), by cron lines, at an interval, or both. A run whose
    repository and playbook did not change since the last one ends at once. What a run asks waits for a person as
    always, and meanwhile the schedule skips. When a run fails the schedule pauses itself, unless --no-pause-on-failure.
    """
    from perdure.client.command_line.scheduling import Create
    from perdure.client.command_line.scheduling import create as action

    asked = Create(
        id=id, playbook=playbook, request=request, repository=repository, cron=tuple(cron or ()), every=every,
        time_zone=time_zone, jitter=jitter, overlap=overlap, catch_up=catch_up, pause_on_failure=pause_on_failure,
        runs=runs, paused=paused, now=now, base_branch=base_branch, budget_minutes=budget_minutes, user=user, note=note,
    )  # fmt: skip
    run(context, action(asked), as_json=as_json)


@schedule.command("list")
def list_schedules(context: typer.Context, as_json: Json = False) -> None:
    """List the schedules of this namespace."""
    from perdure.client.command_line.scheduling import list_schedules as action

    run(context, action(), as_json=as_json)


@schedule.command("show")
def show(context: typer.Context, id: Id, as_json: Json = False) -> None:
    """Show a schedule: its terms, its next runs, and how the last ones went."""
    from perdure.client.command_line.scheduling import show as action

    run(context, action(id), as_json=as_json)


@schedule.command("pause")
def pause(context: typer.Context, id: Id, note: Note = "", as_json: Json = False) -> None:
    """Start no more runs until it is resumed; a run that is under way goes on."""
    from perdure.client.command_line.scheduling import pause as action

    run(context, action(id, note=note), as_json=as_json)


@schedule.command("resume")
def resume(context: typer.Context, id: Id, note: Note = "", as_json: Json = False) -> None:
    """Let a paused schedule go on with the next time that is due."""
    from perdure.client.command_line.scheduling import resume as action

    run(context, action(id, note=note), as_json=as_json)


@schedule.command("run")
def run_now(context: typer.Context, id: Id, as_json: Json = False) -> None:
    """Start a run at once, also where the schedule is paused."""
    from perdure.client.command_line.scheduling import run_now as action

    run(context, action(id), as_json=as_json)


@schedule.command("delete")
def delete(context: typer.Context, id: Id, as_json: Json = False) -> None:
    """Delete a schedule; its runs that are under way go on."""
    from perdure.client.command_line.scheduling import delete as action

    run(context, action(id), as_json=as_json)


@schedule.command("backfill")
def backfill(
    context: typer.Context,
    id: Id,
    begin: Annotated[
        str, typer.Option("--from", metavar="TIME", help="A date (ISO 8601), or 3d for three days ago.")
    ],
    end: Annotated[str, typer.Option("--to", metavar="TIME", help="The same; left out: now.")] = "",
    overlap: Annotated[
        Literal["skip", "buffer_one", "cancel_other"],
        typer.Option(help="What happens while the run before is not over."),
    ] = "buffer_one",
    as_json: Json = False,
) -> None:
    """Make up for the times of a past span, as if they passed now."""
    from perdure.client.command_line.scheduling import backfill as action

    run(context, action(id, begin=begin, end=end, overlap=overlap), as_json=as_json)


GROUPS = {"schedule": schedule}
