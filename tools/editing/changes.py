"""Changes to files: worked out whole before anything is written, then all of them made or none."""

import posixpath
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from perdure.contracts.errors import PerdureError, ToolRejected
from perdure.safety.display import fenced_and_left_out, for_display
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
    """One file before and after; ``before`` is None where it is new, ``after`` where it is deleted."""

    path: str
    before: TextFile | None
    data_before: bytes | None
    after: TextFile | None
    data_after: bytes | None
    moved_to: str = ""
    """The new path where the file moves; what stands there is replaced."""
    executable: bool | None = None

    @property
    def target(self) -> str:
        """Where the file is afterwards."""
        return self.moved_to or self.path

    @property
    def difference(self) -> str:
        """The change as a unified diff."""
        before = self.before.text if self.before else None
        if self.after is None:
            return unified(self.path, before or "", None)
        return unified(self.path, before, self.after.text, moved_to=self.moved_to)


@dataclass(frozen=True)
class Replacement(Change):
    """A file that is there afterwards."""

    after: TextFile
    data_after: bytes


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
    file = decoded(path, data)
    if file.guessed and file.encoding.startswith("utf-16"):
        raise ToolRejected(
            f"{path!r} looks like {file.encoding} without a byte order mark, which is only a guess, so it was left "
            "as it is.",
            "Write it by a program of its own that knows the encoding.",
        )
    return file, data


class _Steps:
    """What was done so far, so that it can be taken back: names put aside, files written, folders made."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._undo: list[Callable[[], None]] = []
        self._aside: list[str] = []

    def put_aside(self, path: str) -> None:
        """Move what stands there out of the way; it is deleted in the end, or comes back as it was."""
        aside = posixpath.join(posixpath.dirname(path), f".perdure-{secrets.token_hex(8)}.tmp")
        self._files.move(path, aside)
        self._aside.append(aside)
        self._undo.append(lambda: self._files.move(aside, path))

    def make_folders_for(self, path: str) -> None:
        """Make the folders above a path; those that are new go again with it."""
        missing: list[str] = []
        folder = posixpath.dirname(posixpath.normpath(path))
        while folder and not self._files.exists(folder):
            missing.append(folder)
            folder = posixpath.dirname(folder)
        for each in reversed(missing):
            self._files.make_folder(each)
            self._undo.append(lambda each=each: self._files.delete(each))

    def move(self, path: str, target: str) -> None:
        self._files.move(path, target)
        self._undo.append(lambda: self._files.move(target, path))

    def write(self, path: str, data: bytes, before: bytes | None, executable: bool | None) -> None:
        self._files.write(path, data, executable=executable)
        if before is None:
            self._undo.append(lambda: self._files.delete(path))
        else:
            self._undo.append(lambda: self._files.write(path, before))

    def finish(self) -> None:
        for aside in self._aside:
            self._files.delete(aside)

    def take_back(self) -> None:
        for step in reversed(self._undo):
            step()


def write_all(files: Files, changes: Sequence[Change]) -> None:
    """Make every change; where one cannot be made, those before it are taken back."""
    steps = _Steps(files)
    try:
        for change in changes:
            _make(files, steps, change)
    except (PerdureError, OSError):
        steps.take_back()
        raise
    steps.finish()


def _make(files: Files, steps: _Steps, change: Change) -> None:
    if change.data_before is not None and files.read(change.path) != change.data_before:
        raise ToolRejected(
            f"{change.path!r} was changed by something else at this moment; nothing was written.",
            "Read it again, and send the edit for what it says now.",
        )
    if change.data_after is None:
        steps.put_aside(change.path)
        return
    steps.make_folders_for(change.target)
    if change.moved_to:
        if files.exists(change.moved_to):
            steps.put_aside(change.moved_to)
        steps.move(change.path, change.moved_to)
    if change.data_after != change.data_before or change.executable is not None:
        steps.write(change.target, change.data_after, change.data_before, change.executable)


def counted(changes: Sequence[Change]) -> str:
    """How many lines come and go, per file: ``app/money.py (+2 -1)``."""
    parts: list[str] = []
    for change in changes:
        lines = change.difference.split("\n")[2:]
        added, removed = (sum(line.startswith(sign) for line in lines) for sign in "+-")
        word = ", deleted" if change.after is None else ", new" if change.before is None else ""
        moved = f", moved to {shown_path(change.moved_to)}" if change.moved_to else ""
        parts.append(f"{shown_path(change.path)} (+{added} -{removed}{word}{moved})")
    return ", ".join(parts)


def changed_paths(changes: Sequence[Change]) -> tuple[str, ...]:
    """Every path that is another file afterwards, or none."""
    paths = [path for change in changes for path in (change.path, change.moved_to) if path]
    return tuple(dict.fromkeys(paths))


def preview_of_changes(title: str, changes: Sequence[Change]) -> Preview:
    """The changes as a diff that a person can judge."""
    difference = "".join(change.difference for change in changes)
    shown, left_out = fenced_and_left_out(difference, PREVIEW_CHARACTERS, language="diff")
    markdown = f"{for_display(counted(changes), 300)}\n\n{shown}"
    return Preview(title=one_line(title), markdown=markdown, left_out=left_out)
