"""``schedule create|list|show|pause|resume|run|delete|backfill``."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from rich.table import Table

from perdure.client.command_line.exit_codes import ExitCode
from perdure.client.command_line.output import Output, clean
from perdure.client.command_line.session import Action, Session, this_person
from perdure.client.command_line.task_table import moment_of
from perdure.client.command_line.tasks import whole_path
from perdure.client.schedule_terms import Overlap, ScheduleDescription, ScheduleTerms, ScheduleTimes
from perdure.client.starting import Request, maintenance_request, task_request
from perdure.client.validation import valid
from perdure.contracts.errors import InvalidInput

_SPAN = re.compile(r"(\d{1,6})([smhdw])")
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_SHOWN_TIMES = 5


@dataclass(frozen=True)
class Create:
    """What ``schedule create`` was told."""

    id: str
    playbook: str | None
    request: str | None
    repository: str
    cron: tuple[str, ...]
    every: str | None
    time_zone: str
    jitter: str | None
    overlap: Overlap
    catch_up: str
    pause_on_failure: bool
    runs: int | None
    paused: bool
    now: bool
    base_branch: str | None
    budget_minutes: float | None
    user: str | None
    note: str

    def asked(self) -> Request:
        """What each run is started with."""
        if (self.playbook is None) == (self.request is None):
            raise InvalidInput(
                "A schedule starts either a maintenance run or a task.",
                "give --playbook NAME, or --request TEXT.",
            )
        fields = {
            "base_branch": self.base_branch,
            "user": this_person() if self.user is None else self.user,
            "budget": {} if self.budget_minutes is None else {"minutes": self.budget_minutes},
        }
        repository = whole_path(self.repository)
        if self.request is not None:
            return task_request(self.request, repository=repository, **fields)
        return maintenance_request(repository, self.playbook, **fields)

    def times(self) -> ScheduleTimes:
        """When runs are due."""
        if not self.cron and self.every is None:
            raise InvalidInput(
                "It is not said when the schedule runs.", "give --cron '0 3 * * 1-5' or --every 6h."
            )
        return valid(
            ScheduleTimes,
            cron=self.cron,
            every=None if self.every is None else span(self.every),
            time_zone=self.time_zone,
            jitter=None if self.jitter is None else span(self.jitter),
        )

    def terms(self) -> ScheduleTerms:
        """How runs follow each other."""
        return valid(
            ScheduleTerms,
            overlap=self.overlap,
            catch_up=span(self.catch_up),
            pause_on_failure=self.pause_on_failure,
            paused=self.paused,
            runs=self.runs,
            made_by=this_person()[:64],
            note=self.note,
        )


def create(asked: Create) -> Action:
    """Make a schedule."""

    async def action(session: Session) -> ExitCode:
        async with session.client() as client:
            made = await client.schedules.create(
                asked.id, asked.asked(), times=asked.times(), terms=asked.terms(), run_now=asked.now
            )
        _tell(session.output, made)
        return ExitCode.OK

    return action


def list_schedules() -> Action:
    """List the schedules."""

    async def action(session: Session) -> ExitCode:
        output = session.output
        async with session.client() as client:
            found = await client.schedules.list()
        if output.as_json:
            output.data(found)
            return ExitCode.OK
        if not found:
            output.line("There is no schedule.")
            return ExitCode.OK
        table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
        for heading in ("schedule", "what", "next run", "last run"):
            table.add_column(heading, overflow="fold")
        for each in found:
            following = _time(each.next_runs[0]) if each.next_runs else "none"
            table.add_row(
                clean(each.id),
                clean(each.summary or each.kind),
                clean("paused", "yellow") if each.paused else clean(following),
                clean(each.last_run),
            )
        output.show(table)
        return ExitCode.OK

    return action


def show(id: str) -> Action:
    """Show a schedule."""

    async def action(session: Session) -> ExitCode:
        async with session.client() as client:
            _tell(session.output, await client.schedules.describe(id))
        return ExitCode.OK

    return action


def pause(id: str, *, note: str) -> Action:
    """Pause a schedule."""

    async def action(session: Session) -> ExitCode:
        async with session.client() as client:
            await client.schedules.pause(id, note=note or _by("paused"))
        return _said(session.output, f"Schedule {id} starts no more runs.", {"id": id, "paused": True})

    return action


def resume(id: str, *, note: str) -> Action:
    """Let a paused schedule go on."""

    async def action(session: Session) -> ExitCode:
        async with session.client() as client:
            await client.schedules.resume(id, note=note or _by("resumed"))
        return _said(session.output, f"Schedule {id} goes on.", {"id": id, "paused": False})

    return action


def run_now(id: str) -> Action:
    """Start a run at once."""

    async def action(session: Session) -> ExitCode:
        async with session.client() as client:
            started = await client.schedules.run_now(id)
        return _said(session.output, started, {"id": id, "run": started})

    return action


def delete(id: str) -> Action:
    """Delete a schedule."""

    async def action(session: Session) -> ExitCode:
        async with session.client() as client:
            running = await client.schedules.delete(id)
        under_way = f" These go on: {', '.join(running)}." if running else ""
        facts = {"id": id, "deleted": True, "running": list(running)}
        return _said(session.output, f"Schedule {id} is deleted.{under_way}", facts)

    return action


def backfill(id: str, *, begin: str, end: str, overlap: Overlap) -> Action:
    """Make up for a past span."""

    async def action(session: Session) -> ExitCode:
        now = datetime.now(UTC)
        start_at, end_at = moment_of(begin, now), moment_of(end, now) if end else now
        async with session.client() as client:
            started = await client.schedules.backfill(id, start_at=start_at, end_at=end_at, overlap=overlap)
        runs = f"{started} {'run was' if started == 1 else 'runs were'} started so far"
        text = f"Schedule {id} makes up for {_time(start_at)} to {_time(end_at)}; {runs}."
        facts = {"id": id, "from": start_at.isoformat(), "to": end_at.isoformat(), "started": started}
        return _said(session.output, text, facts)

    return action


def span(text: str) -> timedelta:
    """A span such as ``90s``, ``30m``, ``6h``, ``1d`` or ``1w``."""
    match = _SPAN.fullmatch(text.strip())
    if match is None:
        raise InvalidInput(f"{text!r} is no span of time.", "write 30m, 6h, 1d or 1w.")
    return timedelta(seconds=int(match[1]) * _SECONDS[match[2]])


def _tell(output: Output, found: ScheduleDescription) -> None:
    if output.as_json:
        output.data(found)
        return
    output.line(found.id, "bold")
    output.line(found.summary or found.kind)
    output.line("; ".join(found.times))
    if found.paused:
        output.line(f"paused: {found.note}" if found.note else "paused", "yellow")
    elif found.note:
        output.line(found.note, "dim")
    following = ", ".join(_time(each) for each in found.next_runs[:_SHOWN_TIMES])
    output.line(f"next: {following or 'none'}")
    for run in found.recent:
        well = run.status in {"completed", "unchanged"}
        style = "green" if well else "yellow" if run.state == "running" else "red"
        output.line(f"{run.id}: {run.status} {run.summary.partition(chr(10))[0]}".rstrip(), style)
    if found.skipped or found.missed:
        output.line(f"skipped {found.skipped}, missed {found.missed}", "dim")


def _by(word: str) -> str:
    person = this_person()
    return f"{word} by {person}" if person else word


def _time(at: datetime) -> str:
    return at.astimezone().isoformat(sep=" ", timespec="minutes")


def _said(output: Output, text: str, facts: dict[str, Any]) -> ExitCode:
    if output.as_json:
        output.data(facts)
    else:
        output.line(text)
    return ExitCode.OK
