"""``list``: tasks and maintenance runs as a table that fits 80 columns."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rich.table import Table
from rich.text import Text

from perdure.client.command_line.exit_codes import ExitCode
from perdure.client.command_line.output import Output, clean
from perdure.client.command_line.session import Action, Session
from perdure.client.task_list import ListedTask, TaskFilter
from perdure.client.validation import valid
from perdure.contracts.errors import InvalidInput

WIDE = 120
"""From here on there is room for repository, user and cost."""
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_STYLES = {"completed": "green", "unchanged": "green", "waiting": "yellow"}


@dataclass(frozen=True)
class Wanted:
    """What ``list`` was told."""

    status: str | None
    needs: str | None
    repository: str | None
    user: str | None
    since: str | None
    open: bool | None
    limit: int

    def filter(self, now: datetime) -> TaskFilter:
        """As the client takes it."""
        repository = self.repository
        if repository and Path(repository).expanduser().is_dir():
            repository = str(Path(repository).expanduser().resolve())
        return valid(
            TaskFilter,
            status=self.status,
            needs=self.needs,
            repository=repository,
            user=self.user,
            since=moment_of(self.since, now) if self.since is not None else None,
            open=self.open,
            limit=self.limit,
        )


def list_tasks(wanted: Wanted) -> Action:
    """List the tasks that fit."""

    async def action(session: Session) -> ExitCode:
        now = datetime.now(UTC)
        asked = wanted.filter(now)
        async with session.client() as client:
            tasks = await client.tasks(asked)
        output = session.output
        if output.as_json:
            output.data(tasks)
        elif not tasks:
            output.line("No task fits.")
        else:
            show_tasks(output, tasks, now)
            if len(tasks) == asked.limit:
                output.line(f"The first {asked.limit}; --limit shows more.", "dim")
        return ExitCode.OK

    return action


def show_tasks(output: Output, tasks: Sequence[ListedTask], now: datetime) -> None:
    """A line each. Ids stay whole, so that they can be copied."""
    wide = output.console.width >= WIDE
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), show_header=True)
    table.add_column("task", overflow="fold")
    table.add_column("status", no_wrap=True)
    table.add_column("age", justify="right", no_wrap=True)
    for heading in ("repository", "user", "USD") if wide else ():
        table.add_column(heading, overflow="fold")
    for task in tasks:
        status = task.status if task.needs == "nothing" else f"{task.status}: {task.needs}"
        style = _STYLES.get(task.status, "cyan" if task.open else "red")
        cells: list[Text] = [clean(task.id), clean(status, style), Text(age(now - task.started_at))]
        if wide:
            cost = "" if task.cost_usd is None else f"{task.cost_usd:.4f}"
            cells += [clean(task.repository), clean(task.user), Text(cost)]
        table.add_row(*cells)
    output.show(table)


def age(since: timedelta) -> str:
    """A span in one number, such as ``3h``."""
    seconds = max(0, int(since.total_seconds()))
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "m")):
        if seconds >= size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def moment_of(text: str, now: datetime) -> datetime:
    """A span before ``now`` (``90m``, ``2h``, ``3d``, ``1w``) or a date and time by ISO 8601, here without a zone."""
    span = re.fullmatch(r"(\d{1,6})([mhdw])", text)
    try:
        if span is not None:
            return now - timedelta(**{_UNITS[span[2]]: int(span[1])})
        # A date without a zone is meant as the clock on this wall shows it.
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise InvalidInput(
            f"{text!r} is no span and no date.", "write 90m, 2h, 3d or 1w, or a date such as 2026-05-31."
        ) from error
