"""The user's history: commits, and who last changed each line of a file. Runs no program of the repository."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from perdure.contracts.errors import ToolRejected
from perdure.workspace.program import Folders, GitFailed, GitProgram
from perdure.workspace.refusals import shown

_LIMIT_S = 60.0
_FIELDS = ("%H", "%as", "%an", "%s")
_BETWEEN = "\x1f"
_HEADER = re.compile(rb"([0-9a-f]{40}) \d+ (\d+)(?: \d+)?\Z")
UNCOMMITTED = "0" * 40


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One commit as the log lists it."""

    oid: str
    date: str
    """``2026-11-28``, where its author was."""
    author: str
    subject: str


@dataclass(frozen=True, slots=True)
class Change:
    """One commit with the files that it changed."""

    date: str
    author: str
    """By the repository's .mailmap."""
    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BlamedLine:
    """One line with the commit that last changed it; ``UNCOMMITTED`` where no commit has it."""

    oid: str
    number: int
    text: str
    author: str
    date: str
    subject: str


class History:
    """Reads the history of one working copy."""

    def __init__(self, program: GitProgram, folders: Folders) -> None:
        self._program = program
        self._folders = folders

    @property
    def is_shallow(self) -> bool:
        """Whether the clone lacks older commits that the repository has."""
        return (self._folders.git / "shallow").is_file()

    async def log(
        self, revision: str, *, limit: int, skip: int = 0, paths: Sequence[str] = (), containing: str = ""
    ) -> list[LogEntry]:
        """Commits up to and with ``revision`` (a full id, or two as a range), newest first.

        ``paths`` are files and folders, taken literally; ``containing`` is a part of the message.
        """
        arguments = [
            "log", "-z", f"--max-count={limit}", f"--skip={skip}", "--no-show-signature", "--no-color",
            f"--format={_BETWEEN.join(_FIELDS)}",
        ]  # fmt: skip
        if containing:
            arguments += ["--fixed-strings", "--regexp-ignore-case", f"--grep={containing}"]
        arguments += [revision, "--", *(f":(top,literal){path}" for path in paths)]
        finished = await self._program.run(*arguments, folders=self._folders, limit_s=_LIMIT_S)
        lines = [part.decode("utf-8", "replace") for part in finished.output.split(b"\0") if part]
        return [LogEntry(*line.split(_BETWEEN, len(_FIELDS) - 1)) for line in lines]

    async def changes(self, revision: str, *, limit: int) -> list[Change]:
        """The latest commits up to and with ``revision``, newest first, without merges."""
        # No path begins so, since none has an empty part.
        arguments = [
            "log", "-z", f"--max-count={limit}", "--no-merges", "--no-show-signature", "--no-color", "--no-renames",
            "--name-only", "--format=//%as/%aN", revision, "--",
        ]  # fmt: skip
        finished = await self._program.run(*arguments, folders=self._folders, limit_s=_LIMIT_S)
        found: list[tuple[str, str, list[str]]] = []
        for field in os.fsdecode(finished.output).split("\0"):
            said = field.removeprefix("\n")
            if said.startswith("//"):
                date, _, author = said[2:].partition("/")
                found.append((date, author, []))
            elif said and found:
                found[-1][2].append(said)
        return [Change(date, author, tuple(paths)) for date, author, paths in found]

    async def count(self, revisions: str) -> int:
        """How many commits a range such as ``<id>..<id>`` holds."""
        finished = await self._program.run(
            "rev-list", "--count", revisions, "--", folders=self._folders, limit_s=_LIMIT_S
        )
        return int(finished.text)

    async def blame(
        self, path: str, *, first: int, last: int, revision: str = "", content: bytes = b""
    ) -> list[BlamedLine]:
        """Lines of a file with the commits that last changed them, at a commit or of ``content``.

        Git is given the content, because it would follow a link in the place of a folder to anywhere.
        """
        chosen = [revision] if revision else ["--contents", "-"]
        try:
            finished = await self._program.run(
                "blame", "--porcelain", "-L", f"{first},{last}", *chosen, "--", path,
                folders=self._folders, stdin=b"" if revision else content, limit_s=_LIMIT_S,
            )  # fmt: skip
        except GitFailed as error:
            if "no such path" in error.message:
                at = f"the commit {revision[:12]}" if revision else "the last commit"
                raise ToolRejected(
                    f"{shown(path)} is not in {at}, so there is nobody to name for its lines.",
                    "Name a committed file, or another commit.",
                ) from error
            if "has only" in error.message:
                raise ToolRejected(
                    f"{shown(path)} has fewer than {first} lines.", "Ask for lines that it has."
                ) from error
            raise
        return list(_blamed(finished.output))


def _blamed(output: bytes) -> list[BlamedLine]:
    facts: dict[str, dict[str, str]] = {}
    oid, number = "", 0
    lines: list[BlamedLine] = []
    for line in output.split(b"\n"):
        if header := _HEADER.match(line):
            oid, number = header[1].decode(), int(header[2])
            facts.setdefault(oid, {})
        elif line.startswith(b"\t"):
            known = facts[oid]
            day = datetime.fromtimestamp(int(known.get("author-time", "0")), UTC).date().isoformat()
            text = line[1:].decode("utf-8", "replace").rstrip("\r")
            author, subject = known.get("author", ""), known.get("summary", "")
            lines.append(BlamedLine(oid, number, text, author, day, subject))
        else:
            name, _, value = line.decode("utf-8", "replace").partition(" ")
            facts.get(oid, {})[name] = value
    return lines
