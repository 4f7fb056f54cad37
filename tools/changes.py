"""Changes to text files: worked out whole before anything is written, then written all or not at all."""

from collections.abc import Sequence
from dataclasses import dataclass

from perdure.contracts.errors import PerdureError, ToolRejected
from perdure.safety.display import fenced, for_display
from perdure.workspace.paths import Files
from tools.differences import unified
from tools.paths import text_file_facts
from tools.text_files import TextFile, decoded
from tools.titles import one_line, shown_path
from tools.tool_schemas import Preview

LARGEST_BYTES = 16 * 1024**2
PREVIEW_CHARACTERS = 3_600


@dataclass(frozen=True)
class Change:
    """One file before and after; ``before`` is None where the file is new."""

    path: str
    before: TextFile | None
    data_before: bytes | None
    after: TextFile
    data_after: bytes

    @property
    def difference(self) -> str:
        """The change as a unified diff."""
        return unified(self.path, self.before.text if self.before else None, self.after.text)


def open_for_change(files: Files, path: str) -> tuple[TextFile, bytes]:
    """An existing file's text and bytes; ToolRejected where it must not or cannot be changed as text."""
    facts = text_file_facts(files, path)
    if facts.bytes > LARGEST_BYTES:
        raise ToolRejected(
            f"{path!r} has {facts.bytes:,} bytes, more than the {LARGEST_BYTES:,} that can be changed."
        )
    if not facts.mode & 0o222:
        raise ToolRejected(
            f"{path!r} is read-only (mode {facts.mode & 0o777:o}), so it was left as it is.",
            "Make it writable first, by execute_command with chmod and writes=true, if it really has to change.",
        )
    data = files.read(path)
    return decoded(path, data), data


def write_all(files: Files, changes: Sequence[Change]) -> None:
    """Write every change; where one cannot be written, those before it are taken back."""
    written: list[Change] = []
    try:
        for change in changes:
            files.write(change.path, change.data_after)
            written.append(change)
    except (PerdureError, OSError):
        for change in reversed(written):
            if change.data_before is None:
                files.delete(change.path)
            else:
                files.write(change.path, change.data_before)
        raise


def counted(changes: Sequence[Change]) -> str:
    """How many lines come and go, per file: ``app/money.py (+2 -1)``."""
    parts: list[str] = []
    for change in changes:
        lines = change.difference.split("\n")[2:]
        added, removed = (sum(line.startswith(sign) for line in lines) for sign in "+-")
        parts.append(
            f"{shown_path(change.path)} (+{added} -{removed}{', new' if change.before is None else ''})"
        )
    return ", ".join(parts)


def preview_of_changes(title: str, changes: Sequence[Change]) -> Preview:
    """The changes as a diff that a person can judge."""
    difference = "".join(change.difference for change in changes)
    shown = fenced(difference, PREVIEW_CHARACTERS, language="diff")
    return Preview(title=one_line(title), markdown=f"{for_display(counted(changes), 300)}\n\n{shown}")
