"""``grants list`` and ``grants revoke``."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import RenderableType
from rich.rule import Rule
from rich.text import Text

from perdure.client.command_line.exit_codes import ExitCode
from perdure.client.command_line.output import clean
from perdure.client.command_line.session import Action, Session, this_person
from perdure.contracts.grants import ListedGrant


def list_grants(*, repository: str | None, everything: bool) -> Action:
    """Show what is remembered."""

    async def action(session: Session) -> ExitCode:
        wanted = repository
        if wanted and Path(wanted).expanduser().is_dir():
            wanted = str(Path(wanted).expanduser().resolve())
        async with session.client() as client:
            found = await client.grants.list(repository=wanted, everything=everything)
        _tell(session, found, nothing="Nothing is remembered.")
        return ExitCode.OK

    return action


def revoke(ids: Sequence[str], *, reason: str, by: str | None) -> Action:
    """Revoke the named ones and show what they were."""

    async def action(session: Session) -> ExitCode:
        async with session.client() as client:
            revoked = await client.grants.revoke(*ids, by=this_person() if by is None else by, reason=reason)
        _tell(session, revoked, nothing="Nothing was revoked.")
        return ExitCode.OK

    return action


def _tell(session: Session, grants: Sequence[ListedGrant], *, nothing: str) -> None:
    if session.output.as_json:
        session.output.data(list(grants))
    elif not grants:
        session.output.line(nothing)
    for grant in () if session.output.as_json else grants:
        session.output.show(*draw_grant(grant))


def draw_grant(grant: ListedGrant) -> list[RenderableType]:
    """What is remembered, for what, by whom, until when, and what became of it."""
    where = f"task {grant.workflow_id}" if grant.scope == "task" else f"repository {grant.repository}"
    until = f"until {grant.expires_at:%Y-%m-%d %H:%M} UTC" if grant.expires_at else "until the task ends"
    lines: list[RenderableType] = [
        Text.assemble(
            ("grant ", "bold yellow"),
            (grant.id, "bold"),
            f" {grant.state}",
            style="" if grant.state == "active" else "dim",
        ),
        clean(grant.title, "bold"),
        clean(f"for {where}, {until}"),
        clean(
            f"by {grant.by or 'nobody named'} on {grant.given_at:%Y-%m-%d %H:%M} UTC, approval {grant.approval_id}",
            "dim",
        ),
    ]
    if grant.revoked_at is not None:
        because = f": {grant.revoked_because}" if grant.revoked_because else ""
        lines.append(
            clean(
                f"revoked by {grant.revoked_by or 'nobody named'} on {grant.revoked_at:%Y-%m-%d %H:%M} UTC{because}"
            )
        )
    return [*lines, Rule(style="dim")]
