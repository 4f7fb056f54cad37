"""Refuses an end state that no longer parses where the file parsed before."""

import re
from collections.abc import Sequence
from typing import NoReturn

from perdure.contracts.errors import ToolRejected
from perdure.safety.secrets.cutting import beginning
from tools.editing.changes import Change
from tools.syntax import syntax_error
from tools.text_files import visible


def refuse_new_syntax_errors(changes: Sequence[Change]) -> None:
    """ToolRejected for the first file that the changes would break, with its lines around the error."""
    for change in changes:
        if change.data_after is None or change.after is None or change.data_after == change.data_before:
            continue
        error = syntax_error(change.target, change.data_after)
        if error and not syntax_error(change.path, change.data_before or b""):
            refuse_broken(change.target, change.after.text, error)


def refuse_broken(path: str, text: str, error: str) -> NoReturn:
    """The refusal of a text with an error such as ``line 3: '(' was never closed``."""
    raise ToolRejected(
        f"Nothing was written: after this edit {path!r} would no longer parse, {error.rstrip('.')}.\n"
        f"{_around(text, error)}",
        "Check indentation and brackets of the new text, and send the whole edit again.",
    )


def _around(text: str, error: str) -> str:
    """The lines around the one that the error names, as they would read."""
    named = re.search(r"line (\d+)", error)
    if not named:
        return ""
    line, lines = int(named[1]), text.split("\n")
    first = max(1, line - 3)
    shown = "\n".join(
        f"{number}\t{lines[number - 1]}" for number in range(first, min(len(lines), line + 2) + 1)
    )
    return f"It would read:\n{visible(beginning(shown, 1_500))}\n"
