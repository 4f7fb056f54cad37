"""``approvals``: shows the inbox, and decides several of it at once."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from perdure.client.command_line.exit_codes import ExitCode
from perdure.client.command_line.inbox_drawing import draw_inbox, draw_outcome, draw_questions, draw_table
from perdure.client.command_line.output import exit_code_of
from perdure.client.command_line.session import Action, Session, this_person
from perdure.client.command_line.task_table import moment_of
from perdure.client.errors import NotPending
from perdure.client.inbox import Inbox, InboxFilter, WaitingApproval, Word, batches_of
from perdure.client.signing import SigningKey
from perdure.client.validation import valid
from perdure.contracts.errors import InvalidInput, PerdureError


@dataclass(frozen=True)
class Wanted:
    """The filters that a command was told."""

    repository: str | None = None
    user: str | None = None
    tool: str | None = None
    effect: str | None = None
    safety: str | None = None
    older_than: str | None = None
    people: int | None = None
    assurance: str | None = None

    def filter(self, now: datetime) -> InboxFilter:
        """As the client takes them."""
        repository = self.repository
        if repository and Path(repository).expanduser().is_dir():
            repository = str(Path(repository).expanduser().resolve())
        return valid(
            InboxFilter,
            repository=repository,
            user=self.user,
            tool=self.tool,
            effect=self.effect,
            safety=self.safety,
            people=self.people,
            assurance=self.assurance,
            asked_before=moment_of(self.older_than, now) if self.older_than is not None else None,
        )

    def options(self) -> str:
        """The same filters for another command line."""
        given = {
            "--repository": self.repository,
            "--user": self.user,
            "--tool": self.tool,
            "--effect": self.effect,
            "--safety": self.safety,
            "--older-than": self.older_than,
            "--people": str(self.people) if self.people else None,
            "--assurance": self.assurance,
        }
        return "".join(f" {name} {shlex.quote(text)}" for name, text in given.items() if text is not None)


def show(wanted: Wanted, *, table: bool) -> Action:
    """List what waits for a person in every open task."""

    async def action(session: Session) -> ExitCode:
        output, now = session.output, datetime.now(UTC)
        async with session.client() as client:
            tasks = await client.approvals(wanted.filter(now))
        batches = batches_of(tasks)
        if output.as_json:
            output.data(batches if table else tasks)
        elif not tasks:
            output.line("Nothing waits for a person.")
        elif table:
            output.show(draw_table(batches, now))
            output.show(*draw_questions(tasks))
        else:
            output.show(*draw_inbox(tasks, width=output.console.width, options=wanted.options()))
        return ExitCode.OK

    return action


def decide(
    verdict: Word,
    ids: Sequence[str],
    key: str | None,
    wanted: Wanted,
    *,
    reason: str,
    remember: str,
    by: str | None,
    key_file: str | None = None,
) -> Action:
    """Decide the named approvals, or those of a batch, each by its own id."""

    async def action(session: Session) -> ExitCode:
        if bool(ids) == (key is not None):
            raise InvalidInput(
                "Either ids of approvals or --batch is needed, and not both.",
                "`python starter.py approvals` shows the ids and the keys.",
            )
        asked = wanted.filter(datetime.now(UTC))
        async with session.client() as client:
            inbox = client.approvals
            if key is not None:
                chosen: Sequence[WaitingApproval] = (await inbox.batch(key, asked)).members
            else:
                chosen = named(ids, await inbox.list(asked))
            return await decide_and_tell(
                session, inbox, chosen, verdict, reason=reason, remember=remember, by=by, key_file=key_file
            )

    return action


async def decide_and_tell(
    session: Session,
    inbox: Inbox,
    chosen: Sequence[WaitingApproval],
    verdict: Word,
    *,
    reason: str,
    by: str | None,
    remember: str = "once",
    key_file: str | None = None,
) -> ExitCode:
    """Send the decisions and print what became of each; the exit code says whether all were taken."""
    person = this_person() if by is None else by
    file = key_file or session.installation.signing_key()
    key = SigningKey.read(Path(file)) if file and verdict == "approve" else None
    decided = await inbox.try_many(chosen, verdict, reason=reason, remember=remember, by=person, key=key)
    outcomes = [outcome for outcome, _ in decided]
    failed = sum(not outcome.done for outcome in outcomes)
    if session.output.as_json:
        session.output.data(
            {
                "outcomes": [outcome.model_dump(mode="json") for outcome in outcomes],
                "done": len(outcomes) - failed,
                "failed": failed,
            }
        )
    else:
        session.output.show(*[draw_outcome(outcome) for outcome in outcomes])
        if failed and len(outcomes) > 1:
            session.output.line(f"{len(outcomes) - failed} of {len(outcomes)} were taken.", "yellow")
    return _exit_code([error for _, error in decided])


def _exit_code(errors: Sequence[PerdureError | None]) -> ExitCode:
    """Of one kind of failure its own code where nothing was taken; a part that was taken makes it ``NOT_DONE``."""
    codes = {ExitCode.OK if error is None else exit_code_of(error) for error in errors}
    return codes.pop() if len(codes) == 1 else ExitCode.NOT_DONE


def named(ids: Sequence[str], there: Sequence[WaitingApproval]) -> list[WaitingApproval]:
    """The approvals of these ids; NotPending before anything is decided where one of them does not wait."""
    known = {each.approval.id: each for each in there}
    missing = [id for id in ids if id not in known]
    if missing:
        raise NotPending(
            f"No approval {', '.join(map(repr, missing))} waits, so nothing was decided. What waits: "
            f"{', '.join(known) or 'nothing'}.",
            "`python starter.py approvals` shows what waits in every task.",
            tuple(known),
        )
    return [known[id] for id in dict.fromkeys(ids)]
