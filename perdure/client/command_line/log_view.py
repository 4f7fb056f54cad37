"""``logs``: what the program did for a task, from the history or from the logs of the workers on this machine."""

from contextlib import aclosing

from rich.text import Text

from perdure.client.command_line.exit_codes import ExitCode
from perdure.client.command_line.output import clean
from perdure.client.command_line.session import Action, Session
from perdure.client.command_line.worker_logs import lines_about, worker_logs
from perdure.client.logbook import RUNNING, LogLine
from perdure.contracts.errors import InvalidInput

_STYLES = {"completed": "green", RUNNING: "cyan", "canceled": "yellow"}


def logs(id: str | None, *, follow: bool, worker: bool, archive: bool = False) -> Action:
    """Print the log of a task."""

    async def action(session: Session) -> ExitCode:
        if worker:
            if follow:
                raise InvalidInput(
                    "--follow reads the history and --worker reads files, so both together mean nothing.",
                    "leave one of them out.",
                )
            return await _show_worker_logs(session, id)
        output = session.output
        async with (
            session.reading(id, archive=archive) as task,
            aclosing(task.log(wait=follow)) as lines,
        ):
            async for line in lines:
                if output.as_json:
                    output.data(line)
                else:
                    output.log(draw_log_line(line))
        return ExitCode.OK

    return action


def draw_log_line(line: LogLine) -> Text:
    """Time, step, activity, outcome, attempt, seconds, then what it was for and why it failed."""
    took = "" if line.seconds is None else f"{line.seconds:.2f}s"
    text = Text(f"{line.at.astimezone():%Y-%m-%d %H:%M:%S} ", style="dim")
    text.append(f"{line.step or '':>4} ", style="dim")
    text.append_text(clean(f"{line.activity:<19} "))
    text.append_text(clean(f"{line.outcome:<9} ", _STYLES.get(line.outcome, "red")))
    text.append(f"#{line.attempt:<2} {took:>8}")
    if line.title and line.title != line.activity:
        text.append("  ").append_text(clean(" ".join(line.title.split())))
    if line.follows:
        head = "follows untrusted text: " if line.untrusted else "follows "
        said = " ".join("; ".join(line.follows).split())
        text.append("  ").append_text(clean(f"{head}{said}", "yellow" if line.untrusted else "dim"))
    if line.because:
        text.append("  ").append_text(clean(" ".join(line.because.split()), "yellow"))
    return text


async def _show_worker_logs(session: Session, id: str | None) -> ExitCode:
    async with session.client() as client:
        task = await session.task(client, id)
    found = 0
    for line in lines_about({task.id, task.task_id}, worker_logs(session.installation.place().home)):
        found += 1
        if session.output.as_json:
            session.output.data({"file": str(line.file), "line": line.text})
        else:
            session.output.log(clean(line.text))
    if not found and not session.output.as_json:
        session.output.line("No line of the workers on this machine names this task.")
    return ExitCode.OK
