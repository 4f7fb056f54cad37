"""``approvals walk``: one batch after the other, at a terminal."""

from datetime import UTC, datetime

from perdure.client.command_line.exit_codes import ExitCode
from perdure.client.command_line.inbox import Wanted, decide_and_tell
from perdure.client.command_line.inbox_drawing import draw_batch, draw_details, draw_questions
from perdure.client.command_line.session import Action, Session
from perdure.client.inbox import Batch, Inbox, Word, batches_of
from perdure.contracts.errors import InvalidInput

QUESTION = "approve? y(es), n(o, deny), s(kip), d(etails), q(uit):"
_WORDS: dict[str, Word] = {"y": "approve", "yes": "approve", "n": "deny", "no": "deny"}


def walk(wanted: Wanted, *, by: str | None) -> Action:
    """Show each batch and do what the person at the terminal says; an empty line leaves it."""

    async def action(session: Session) -> ExitCode:
        if not session.output.person:
            raise InvalidInput(
                "There is no terminal to ask at.",
                "`python starter.py approvals` lists what waits, and `approvals approve` and `approvals deny` decide it.",
            )
        codes: set[ExitCode] = set()
        async with session.client() as client:
            tasks = await client.approvals(wanted.filter(datetime.now(UTC)))
            batches = batches_of(tasks)
            for number, batch in enumerate(batches, 1):
                session.output.line(f"{number} of {len(batches)}", "dim")
                code = await _ask(session, client.approvals, batch, by)
                if code is None:
                    break
                codes.add(code)
        if not batches:
            session.output.line("No approval waits.")
        session.output.show(*draw_questions(tasks))
        return next((code for code in codes if code is not ExitCode.OK), ExitCode.OK)

    return action


async def _ask(session: Session, inbox: Inbox, batch: Batch, by: str | None) -> ExitCode | None:
    """What became of one batch; None where the person wants to stop."""
    output = session.output
    output.show(*draw_batch(batch, width=output.console.width))
    while True:
        said = output.ask(QUESTION).lower()
        if said in {"q", "quit"}:
            return None
        if said in {"d", "details"}:
            output.show(*draw_details(batch, width=output.console.width))
            continue
        if said in {"", "s", "skip"}:
            return ExitCode.OK
        verdict = _WORDS.get(said)
        if verdict is None:
            output.line(f"{said!r} is none of these.")
            continue
        reason = output.ask("reason (the model reads it; empty: none):") if verdict == "deny" else ""
        return await decide_and_tell(session, inbox, batch.members, verdict, reason=reason, by=by)
