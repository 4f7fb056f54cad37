"""``steer``, ``pause`` and ``resume``: a word to a running task."""

from typing import Annotated

import typer

from perdure.client.command_line.commands.options import By, Json, NamedTask, run


def steer(
    context: typer.Context,
    task: NamedTask,
    message: Annotated[
        str, typer.Argument(metavar="MESSAGE", help="What the model is told; - reads it from standard input.")
    ],
    by: By = None,
    as_json: Json = False,
) -> None:
    """Tell the model something before its next decision.

    It ends with 0 once the task took the message. Without a worker it ends with 6: the server keeps the message, and
    the task takes it when a worker runs.
    """
    from perdure.client.command_line.steering import steer as action

    run(context, action(task, message, by=by), as_json=as_json)


def pause(context: typer.Context, task: NamedTask, by: By = None, as_json: Json = False) -> None:
    """Let a task stop before its next step.

    What runs now is finished first. The time of the pause does not count against the budget.
    """
    from perdure.client.command_line.steering import pause as action

    run(context, action(task, by=by), as_json=as_json)


def resume(context: typer.Context, task: NamedTask, by: By = None, as_json: Json = False) -> None:
    """Let a paused task go on."""
    from perdure.client.command_line.steering import resume as action

    run(context, action(task, by=by), as_json=as_json)


COMMANDS = {"steer": steer, "pause": pause, "resume": resume}
