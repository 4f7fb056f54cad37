"""``maintain --list``: the playbooks of this installation, with what each step does and needs."""

from collections.abc import Iterator, Sequence

from rich.padding import Padding

from perdure.client.command_line.exit_codes import ExitCode
from perdure.client.command_line.output import Output, clean
from perdure.client.command_line.session import Action, Session
from perdure.maintenance.catalogue import PartDescription, PlaybookDescription, described

SHOWN_CALL = 200
"""Characters of a call where all playbooks are shown."""
HERE = "These are the playbooks of this installation; a run takes those of the worker that opens it."


def list_playbooks(name: str | None) -> Action:
    """Show one playbook whole, or all with long calls cut; those that cannot be used are named with the reason, and end the command with 7."""

    async def action(session: Session) -> ExitCode:
        output, shelf = session.output, session.installation.shelf()
        if name is not None:
            filed, problems = [shelf.playbook(name)], {}
        else:
            filed, problems = shelf.all()
        found = [described(each) for each in filed]
        if output.as_json:
            output.data({"playbooks": [each.model_dump(mode="json") for each in found], "unusable": problems})
        else:
            for each in found:
                _show(output, each, whole=name is not None)
            for id, problem in problems.items():
                output.line(f"{id}: {problem}", "red")
            if not found and not problems:
                output.line("There are no playbooks here.")
            output.note(HERE)
        return ExitCode.INSTALLATION if problems else ExitCode.OK

    return action


def _show(output: Output, playbook: PlaybookDescription, *, whole: bool) -> None:
    output.line(f"{playbook.id}: {playbook.title}", "bold")
    _indented(output, 2, playbook.about)
    _indented(output, 2, playbook.file, "dim")
    limits = f"{playbook.changed_files:,} files and {playbook.changed_lines:,} lines a step"
    _indented(output, 2, f"takes at most {playbook.minutes:g} minutes; changes at most {limits}")
    for need in playbook.needs:
        _indented(output, 2, f"needs {need}")
    for heading, parts in (
        ("set-up", playbook.setup),
        ("steps", playbook.steps),
        ("checks", playbook.checks),
    ):
        _show_parts(output, heading, parts, whole=whole)
    output.line("")


def _show_parts(output: Output, heading: str, parts: Sequence[PartDescription], *, whole: bool) -> None:
    if parts:
        _indented(output, 2, heading, "bold")
    for part in parts:
        _indented(output, 4, f"{part.id}: {part.title}" if part.id else part.title)
        for line in _lines(part, whole=whole):
            _indented(output, 6, line, "dim")


def _lines(part: PartDescription, *, whole: bool) -> Iterator[str]:
    """What a part does, needs and leaves."""
    for call in part.does:
        yield f"does {call if whole or len(call) <= SHOWN_CALL else call[:SHOWN_CALL] + ' …'}"
    yield from (f"needs {need}" for need in part.needs)
    if part.commit:
        subject = part.commit.partition("\n")[0]
        yield f"is kept as the commit {subject!r}" + (", if tests vouch for it" if part.needs_tests else "")
    if part.report:
        yield f"lists findings ({part.report})"
    if part.vouches:
        yield "decides what is kept: no test that passed before may fail"


def _indented(output: Output, columns: int, text: str, style: str = "") -> None:
    output.show(Padding(clean(text, style), (0, 0, 0, columns)))
