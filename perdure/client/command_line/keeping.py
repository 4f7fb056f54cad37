"""``rebuild``, ``gc`` and ``forget``: what is kept of tasks, and for how long."""

from datetime import timedelta

from perdure.client.command_line.exit_codes import ExitCode
from perdure.client.command_line.output import Output, clean
from perdure.client.command_line.scheduling import span
from perdure.client.command_line.session import Action, Session
from perdure.contracts.errors import InvalidInput
from perdure.contracts.keeping import Garbage, Rebuilt

SHORTEST = timedelta(hours=1)
"""A running step stores bytes a while before it records that they are there."""


def rebuild(id: str, *, dry_run: bool) -> Action:
    """Compare a task's rows with what is primary, and mend them."""

    async def action(session: Session) -> ExitCode:
        report = await session.installation.rebuild(id, dry_run=dry_run)
        if session.output.as_json:
            session.output.data({**report.model_dump(mode="json"), "differs": report.differs})
        else:
            _tell(session.output, report)
        return ExitCode.NOT_DONE if report.lost else ExitCode.OK

    return action


def collect_garbage(*, older_than: str, dry_run: bool) -> Action:
    """Remove, or count, what nothing refers to."""

    async def action(session: Session) -> ExitCode:
        age = span(older_than)
        if age < SHORTEST:
            raise InvalidInput(
                f"--older-than {older_than} is less than an hour, and a step may store what it records only later.",
                "give at least 1h.",
            )
        garbage = await session.installation.collect_garbage(older_than=age, dry_run=dry_run)
        if session.output.as_json:
            session.output.data(garbage)
        else:
            _tell_garbage(session.output, garbage)
        return ExitCode.OK

    return action


def forget(id: str, *, confirmed: bool) -> Action:
    """Remove a task for good."""

    async def action(session: Session) -> ExitCode:
        if not confirmed:
            raise InvalidInput(
                f"Forgetting {id!r} removes its histories, its transcript and everything it stored, for good.",
                "say --yes where that is wanted.",
            )
        gone = await session.installation.forget(id)
        if session.output.as_json:
            session.output.data(gone)
        else:
            session.output.line(
                f"Forgot {gone.workflow_id}: {gone.runs} runs at the server and {gone.artifacts} artifacts are gone. "
                "Files on its hosts go with the next sweep."
            )
        return ExitCode.OK

    return action


def _tell(output: Output, report: Rebuilt) -> None:
    would = "would be " if report.dry_run else ""
    lines = [f"{report.workflow_id}, from {report.source}: the row of the task is {report.row}"]
    lines.append(f"{report.entries} transcript entries in artifacts")
    counted = {
        "rows missing, made again": report.missing_rows,
        "rows damaged, replaced": report.damaged_rows,
        "entries in rows alone, stored as an artifact": report.rows_alone,
    }
    lines += [f"{number} {what.replace(', ', f', {would}')}" for what, number in counted.items() if number]
    lines += [f"lost: no chain leads to the entry {head[:12]}" for head in report.lost]
    lines += [report.short_term, report.vectors]
    if not report.differs:
        lines.append("Nothing differs.")
    for line in lines:
        output.show(clean(line))


def _tell_garbage(output: Output, garbage: Garbage) -> None:
    verb = "would go" if garbage.dry_run else "are gone"
    output.line(
        f"{garbage.artifacts:,} artifacts with {garbage.bytes:,} bytes {verb}, of {garbage.tasks:,} tasks."
    )
    if garbage.open:
        output.line(f"{garbage.open:,} tasks are open or not archived yet: nothing of theirs is taken.")
    for sentence in garbage.left:
        output.show(clean(sentence))
