"""Where a command writes: text for people, or JSON for programs.

Text of unknown origin (requests, tool output, what the model says) never reaches a terminal raw: hidden and control
characters are escaped, and it is never read as markup.
"""

import errno
import json
import signal
import sys
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel
from rich.console import Console, RenderableType
from rich.text import Text

from perdure.client.command_line.exit_codes import ExitCode
from perdure.client.errors import (
    NotPending,
    NoWorker,
    Refused,
    ScheduleNotFound,
    ServerUnreachable,
    TaskEnded,
    TaskNotFound,
)
from perdure.contracts.errors import ConfigurationError, InvalidInput, PerdureError
from perdure.contracts.hidden import escape_in_json
from perdure.safety.display import escape_hidden

_CODES: tuple[tuple[type[PerdureError], ExitCode], ...] = (
    (ServerUnreachable, ExitCode.UNREACHABLE),
    (NoWorker, ExitCode.NO_WORKER),
    (ConfigurationError, ExitCode.INSTALLATION),
    (TaskNotFound, ExitCode.NOT_FOUND),
    (ScheduleNotFound, ExitCode.NOT_FOUND),
    (NotPending, ExitCode.NOT_FOUND),
    (Refused, ExitCode.NOT_DONE),
    (TaskEnded, ExitCode.NOT_DONE),
    (InvalidInput, ExitCode.USAGE),
)

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}


class Output:
    """One command's standard output and error."""

    def __init__(
        self, *, as_json: bool = False, console: Console | None = None, errors: Console | None = None
    ) -> None:
        self.as_json = as_json
        self.console = console if console is not None else Console(highlight=False)
        self._errors = errors if errors is not None else Console(stderr=True, highlight=False)

    @property
    def live(self) -> bool:
        """Whether the output is a terminal that can be redrawn."""
        return self.console.is_terminal and not self.as_json

    @property
    def person(self) -> bool:
        """Whether somebody sits there who can be asked."""
        return sys.stdin.isatty() and not self.as_json

    def data(self, value: BaseModel | dict[str, Any] | Sequence[BaseModel]) -> None:
        """Write one line of JSON."""
        sys.stdout.write(json_line(_plain(value)) + "\n")
        sys.stdout.flush()

    def show(self, *parts: RenderableType) -> None:
        """Write for people, wrapped to the width there is."""
        for part in parts:
            self.console.print(part)

    def line(self, text: str, style: str = "") -> None:
        """Write one text of any origin, wrapped."""
        self.show(clean(text, style))

    def log(self, text: Text) -> None:
        """Write one line; it stays one where the output is no terminal, so that programs can search it."""
        self.console.print(text, soft_wrap=not self.console.is_terminal)

    def note(self, text: str) -> None:
        """Write to standard error what is no part of the answer; nothing where JSON is wanted."""
        if not self.as_json:
            self._errors.print(clean(text, "dim"), soft_wrap=not self._errors.is_terminal)

    def raw(self, data: bytes) -> None:
        """Write bytes as they are: only where no terminal would take them for commands."""
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()

    def confirm(self, question: str) -> bool:
        """Ask a person at the terminal; anything but yes is no, the end of the input too."""
        return self.ask(f"{question} [y/N]").lower() in {"y", "yes"}

    def ask(self, question: str) -> str:
        """What a person answers at the terminal; nothing at the end of the input."""
        # asyncio's own handler lets a first Ctrl-C do nothing while we block on the terminal.
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            return self.console.input(Text(f"{question} ")).strip()
        except EOFError:
            return ""
        finally:
            signal.signal(signal.SIGINT, before)

    def error(self, error: PerdureError) -> ExitCode:
        """Write the error and its hint to standard error; gives the exit code that belongs to it."""
        code = exit_code_of(error)
        if self.as_json:
            problem = {"error": error.message, "hint": error.hint, "exit_code": code.value}
            sys.stderr.write(json_line(problem) + "\n")
            return code
        # Where no terminal is, a line stays one, so that a command in a hint can be found and copied.
        whole = not self._errors.is_terminal
        self._errors.print(
            Text.assemble(("error: ", "bold red"), escape_hidden(error.message)), soft_wrap=whole
        )
        if error.hint:
            self._errors.print(Text.assemble(("hint: ", "bold"), escape_hidden(error.hint)), soft_wrap=whole)
        return code


def exit_code_of(error: PerdureError) -> ExitCode:
    """The exit code that belongs to an error."""
    return next((code for kind, code in _CODES if isinstance(error, kind)), ExitCode.NOT_DONE)


def unwritten(error: OSError) -> PerdureError | None:
    """What is said where an open file took no more; None for any other error, which is a bug."""
    if error.errno not in _FULL or error.filename is not None:
        return None
    return PerdureError(
        f"The output could not be written: {error.strerror}.", "make room, or write it somewhere else."
    )


def clean(text: str, style: str = "") -> Text:
    """Text of any origin, harmless to a terminal."""
    return Text(escape_hidden(text), style=style, overflow="fold")


def json_line(value: object) -> str:
    """JSON on one line; hidden characters are JSON's escapes in it, which mean the same and do nothing to a terminal."""
    return escape_in_json(json.dumps(value, ensure_ascii=False))


def _plain(value: BaseModel | dict[str, Any] | Sequence[BaseModel]) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    return value if isinstance(value, dict) else [each.model_dump(mode="json") for each in value]
