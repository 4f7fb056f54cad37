"""``diff`` and ``artifacts``: what a task changed and stored, on the terminal, to a program, or into a file."""

import re
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from pathlib import Path
from tempfile import NamedTemporaryFile

from rich.table import Table
from rich.text import Text

from perdure.client.command_line.exit_codes import ExitCode
from perdure.client.command_line.output import Output, clean
from perdure.client.command_line.session import Action, ReadableTask, Session
from perdure.client.lookups import Part, StoredArtifact
from perdure.contracts.errors import ConfigurationError, InvalidInput
from perdure.contracts.lookups import Form

SHOWN_ID = 12
_HUNK = re.compile(r"@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@")


def diff(
    id: str | None, *, stat: bool, name_only: bool, output: str | None, begin: int, archive: bool = False
) -> Action:
    """Show the change of a task."""

    async def action(session: Session) -> ExitCode:
        form = _form(stat=stat, name_only=name_only)
        if output is not None and begin:
            raise InvalidInput(
                "--output writes all of it, so it cannot begin at a byte.", "leave --from out."
            )
        async with (
            session.reading(id, archive=archive) as task,
            aclosing(task.diff(form=form, offset=begin)) as parts,
        ):
            if output is not None:
                await _write(session.output, parts, Path(output), task)
            else:
                await _show(session.output, parts, task, whole=not session.output.live and not begin)
        return ExitCode.OK

    return action


def artifacts(id: str | None, artifact: str | None, *, output: str | None, archive: bool = False) -> Action:
    """List the artifacts of a task, or write one into a file."""

    async def action(session: Session) -> ExitCode:
        if (artifact is None) != (output is None):
            raise InvalidInput(
                "An artifact is written into a file, so its id and --output belong together.",
                "`python starter.py artifacts TASK ARTIFACT --output FILE`.",
            )
        async with session.reading(id, archive=archive) as task:
            if artifact is not None and output is not None:
                async with aclosing(task.artifact(artifact)) as parts:
                    await _write(session.output, parts, Path(output), task)
            else:
                _list(session.output, await task.artifacts())
        return ExitCode.OK

    return action


def _form(*, stat: bool, name_only: bool) -> Form:
    if stat and name_only:
        raise InvalidInput("--stat and --name-only show different things.", "leave one of them out.")
    return "stat" if stat else "names" if name_only else "patch"


async def _show(output: Output, parts: AsyncGenerator[Part], task: ReadableTask, *, whole: bool) -> None:
    painter = Painter()
    async for part in parts:
        if output.as_json:
            output.data(
                {
                    "id": task.id,
                    "offset": part.offset,
                    "next_offset": part.next_offset,
                    "total_bytes": part.total_bytes,
                    "sha256": part.sha256,
                    "text": part.data.decode("utf-8", "replace"),
                }
            )
        elif output.live:
            for line in diff_lines(part.data):
                output.show(painter.draw(line))
        else:
            output.raw(part.data)
        if not part.total_bytes:
            output.note("The task changed no file.")
        if output.as_json or not whole:
            if part.next_offset is not None:
                output.note(
                    f"{part.next_offset:,} of {part.total_bytes:,} bytes were shown. It goes on with: python starter.py "
                    f"diff {task.id} --from {part.next_offset} (--output FILE writes all of it)"
                )
            return


def diff_lines(data: bytes) -> list[str]:
    """The lines, parted at line feeds alone: what follows another control character is no line of the diff."""
    text = data.decode("utf-8", "replace")
    return text.removesuffix("\n").split("\n") if text else []


class Painter:
    """Draws a diff line by line. It counts the lines of each hunk: a removed ``-- x`` looks like a file's heading."""

    def __init__(self) -> None:
        self._before = self._after = 0

    def draw(self, line: str) -> Text:
        """The line in its colour."""
        if self._before > 0 or self._after > 0:
            kind = line[:1]
            self._before -= kind in {"-", " ", ""}
            self._after -= kind in {"+", " ", ""}
            return clean(line, {"+": "green", "-": "red"}.get(kind, ""))
        hunk = _HUNK.match(line)
        if hunk is not None:
            self._before, self._after = (1 if count is None else int(count) for count in hunk.groups())
            return clean(line, "cyan")
        heading = line.startswith(("diff ", "index ", "--- ", "+++ ", "new file", "deleted file"))
        # Outside of a hunk where only the end of a long diff is shown.
        return clean(line, "bold" if heading else {"+": "green", "-": "red"}.get(line[:1], ""))


async def _write(output: Output, parts: AsyncGenerator[Part], target: Path, task: ReadableTask) -> None:
    """The file is there only once it is complete: a part of it would look like the whole."""
    size = 0
    try:
        with NamedTemporaryFile(dir=target.parent, prefix=f".{target.name}-", delete=False) as file:
            unfinished = Path(file.name)
            try:
                async for part in parts:
                    file.write(part.data)
                    size += len(part.data)
                file.flush()
                unfinished.replace(target)
            finally:
                unfinished.unlink(missing_ok=True)
    except OSError as error:
        raise ConfigurationError(
            f"{str(target)!r} cannot be written: {error.strerror}.",
            "name a file in a folder that you may write to.",
        ) from error
    if output.as_json:
        output.data({"id": task.id, "file": str(target), "bytes": size})
    else:
        output.line(f"{size:,} bytes in {target}")


def _list(output: Output, found: Sequence[StoredArtifact]) -> None:
    if output.as_json:
        output.data(found)
        return
    if not found:
        output.line("The task stored nothing: what it did fits into its history.")
        return
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("id", no_wrap=True)
    table.add_column("step", justify="right", no_wrap=True)
    table.add_column("bytes", justify="right", no_wrap=True)
    for heading in ("name", "type"):
        table.add_column(heading, overflow="fold")
    for each in found:
        table.add_row(
            clean(each.id[:SHOWN_ID]),
            str(each.step),
            f"{each.bytes:,}",
            clean(f"{each.tool}: {each.name}"),
            clean(each.media_type),
        )
    output.show(table)
