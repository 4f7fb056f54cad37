"""The symbols of a whole workspace, kept by the files' contents in one SQLite file in the task's folder.

What a file defines and uses is found once for its content, in whichever generation of the workspace that is. The file can
be deleted at any time: the next look finds everything again.
"""

import asyncio
import contextlib
import hashlib
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from perdure.contracts.errors import ToolRejected
from perdure.workspace.paths import Files
from tools.symbols.grammars import LANGUAGES, edition_of, language_of_path
from tools.symbols.listing import Look, looks_of, source_files
from tools.symbols.parsing import Source, parsed_in_sandbox
from tools.symbols.tags import Tag, read_tags
from tools.text_files import MARKS, decoded
from tools.tool_schemas import ToolContext

FILE = "symbols.sqlite"
LARGEST_FILE = 2 * 1024**2
CODE = tuple(name for name, language in LANGUAGES.items() if language.is_code)
SCHEMA = """
CREATE TABLE IF NOT EXISTS tags (content BLOB PRIMARY KEY, lines BLOB) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS looks (
  path TEXT PRIMARY KEY, content BLOB, bytes INTEGER, modified_ns INTEGER, changed_ns INTEGER, inode INTEGER
) WITHOUT ROWID;
"""
FORM = 1
MOST_FORMER = 2_000


@dataclass(frozen=True)
class Coverage:
    """What one look at the workspace found."""

    files: int
    parsed: int
    """Files that were parsed anew."""
    too_large: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    """Files whose parser crashed or took too long."""

    @property
    def note(self) -> str:
        """What is missing, for whoever reads the answer; empty where nothing is."""
        left_out = [*self.too_large, *self.failed]
        if not left_out:
            return ""
        more = f" and {len(left_out) - 3} more" if len(left_out) > 3 else ""
        return f"Not looked at, because too large or not parsed: {', '.join(left_out[:3])}{more}."


class SymbolIndex:
    """Definitions and uses by name. Make one with :meth:`current`."""

    def __init__(self, database: Path, contents: Mapping[str, bytes], coverage: Coverage) -> None:
        self._database = database
        self._contents = contents
        self.coverage = coverage

    @classmethod
    async def current(cls, context: ToolContext) -> "SymbolIndex":
        """The index of the workspace as it is now; what has changed is parsed in the sandbox."""
        paths = await source_files(context, CODE)
        database = context.copy.task_folder / FILE
        files = context.copy.files
        update = await asyncio.to_thread(_Update.begin, database, files, context.copy.root, paths)
        answers = await parsed_in_sandbox(context, "tags", [source for _, source in update.wanted])
        await asyncio.to_thread(update.keep, answers)
        return cls(database, update.contents, update.coverage(answers))

    @property
    def paths(self) -> Sequence[str]:
        """Every file that is indexed, sorted."""
        return sorted(self._contents)

    async def named(self, name: str) -> list[Tag]:
        """Every definition and use of this name, by path and line."""
        return await asyncio.to_thread(self._named, name)

    async def definitions(self, name: str) -> list[Tag]:
        """Definitions of a name, which may be dotted: ``Class.method``, ``module.function``."""
        last = name.rpartition(".")[2]
        found = [tag for tag in await self.named(last) if tag.is_definition]
        return [tag for tag in found if _fits(tag, name)]

    async def tags(self, path: str) -> list[Tag]:
        """Every definition and use in one file."""
        return await asyncio.to_thread(lambda: list(read_tags(path, self._lines([path]).get(path, b""))))

    async def all_tags(self) -> list[Tag]:
        """Every definition and use in the workspace."""

        def read() -> list[Tag]:
            lines = self._lines(self.paths)
            return [tag for path in self.paths for tag in read_tags(path, lines.get(path, b""))]

        return await asyncio.to_thread(read)

    def _named(self, name: str) -> list[Tag]:
        wanted = name.encode("utf-8", "surrogateescape")
        by_content: dict[bytes, list[str]] = {}
        for path, content in self._contents.items():
            by_content.setdefault(content, []).append(path)
        found: list[Tag] = []
        with contextlib.closing(_opened(self._database)) as database:
            rows = database.execute(
                "SELECT content, lines FROM tags WHERE instr(lines, ?)", (b"\t%b\t" % wanted,)
            )
            for content, lines in rows:
                for path in by_content.get(content, ()):
                    found += read_tags(path, lines, name=name)
        return sorted(found, key=lambda tag: (tag.path, tag.line))

    def _lines(self, paths: Sequence[str]) -> dict[str, bytes]:
        with contextlib.closing(_opened(self._database)) as database:
            found: dict[str, bytes] = {}
            for path in paths:
                content = self._contents.get(path)
                row = database.execute("SELECT lines FROM tags WHERE content = ?", (content,)).fetchone()
                if row is not None:
                    found[path] = row[0]
            return found


def _fits(tag: Tag, name: str) -> bool:
    """Whether a dotted name may mean this definition: by what it is in, or by the file it is in."""
    owner = name.rpartition(".")[0]
    if not owner:
        return True
    module = tag.path.rpartition(".")[0].removesuffix("/__init__").removesuffix("/index").replace("/", ".")
    whole = f".{module}.{tag.dotted}"
    return whole.endswith(f".{name}")


class _Update:
    """One look at the workspace: what is known, what must be parsed, what is kept."""

    def __init__(self, database: Path) -> None:
        self._database = database
        self._looks: list[tuple[str, bytes, Look]] = []
        self._gone: list[str] = []
        self._too_large: list[str] = []
        self.contents: dict[str, bytes] = {}
        self.wanted: list[tuple[bytes, Source]] = []

    @classmethod
    def begin(cls, database: Path, files: Files, root: Path, paths: Sequence[str]) -> "_Update":
        """Look at every file, and read those that look other than before."""
        self = cls(database)
        with contextlib.closing(_opened(database)) as opened:
            rows = opened.execute("SELECT path, content, bytes, modified_ns, changed_ns, inode FROM looks")
            known = {path: (content, Look(*look)) for path, content, *look in rows}
            parsed = {content for (content,) in opened.execute("SELECT content FROM tags")}
        for path, look in looks_of(str(root), paths):
            content, before = known.get(path, (b"", None))
            if before == look and content in parsed:
                self.contents[path] = content
            elif look.bytes > LARGEST_FILE:
                self._too_large.append(path)
            else:
                self._read(files, path, look, parsed)
        self._gone = [path for path in known if path not in self.contents]
        return self

    def _read(self, files: Files, path: str, look: Look, parsed: set[bytes]) -> None:
        language = language_of_path(path)
        try:
            data = files.read(path, limit_bytes=LARGEST_FILE)
        except ToolRejected:
            # It went away, or became something that is not read, since it was listed.
            return
        if language is None:
            return
        content = f"{edition_of(language.name)} ".encode() + hashlib.sha256(data).digest()
        self.contents[path] = content
        if look.is_settled:
            self._looks.append((path, content, look))
        if content not in parsed:
            parsed.add(content)
            self.wanted.append((content, Source(language.name, as_utf8(path, data))))

    def keep(self, answers: Sequence[bytes | None]) -> None:
        """Write what was found, and forget what no file has any more."""
        if not (answers or self._looks or self._gone):
            return
        found = [
            (content, lines)
            for (content, _), lines in zip(self.wanted, answers, strict=True)
            if lines is not None
        ]
        with contextlib.closing(_opened(self._database)) as database, database:
            database.executemany("INSERT OR REPLACE INTO tags VALUES (?, ?)", found)
            database.executemany("DELETE FROM looks WHERE path = ?", [(path,) for path in self._gone])
            rows = [
                (path, content, look.bytes, look.modified_ns, look.changed_ns, look.inode)
                for path, content, look in self._looks
            ]
            database.executemany("INSERT OR REPLACE INTO looks VALUES (?, ?, ?, ?, ?, ?)", rows)
            self._forget(database)

    def _forget(self, database: sqlite3.Connection) -> None:
        """Drop what former contents held, once that is more than what the present ones do."""
        count = database.execute("SELECT count(*) FROM tags").fetchone()[0]
        if count > 2 * len(self.contents) + MOST_FORMER:
            database.execute("CREATE TEMP TABLE present (content BLOB PRIMARY KEY)")
            database.executemany(
                "INSERT OR IGNORE INTO present VALUES (?)", [(each,) for each in self.contents.values()]
            )
            database.execute("DELETE FROM tags WHERE content NOT IN (SELECT content FROM present)")

    def coverage(self, answers: Sequence[bytes | None]) -> Coverage:
        """What was looked at."""
        crashed = {content for (content, _), lines in zip(self.wanted, answers, strict=True) if lines is None}
        failed = tuple(path for path, content in self.contents.items() if content in crashed)
        return Coverage(
            files=len(self.contents),
            parsed=len(answers) - len(crashed),
            too_large=tuple(self._too_large),
            failed=failed,
        )


def _opened(path: Path) -> sqlite3.Connection:
    """The database; made anew where it is of another form or is none."""
    for attempt in (1, 2):
        database = sqlite3.connect(path, timeout=30)
        try:
            if database.execute("PRAGMA user_version").fetchone()[0] != FORM:
                _lay_out(database)
            # It holds nothing that cannot be found again.
            database.execute("PRAGMA synchronous = OFF")
        except sqlite3.DatabaseError as error:
            database.close()
            if attempt == 2 or isinstance(error, sqlite3.OperationalError):
                raise
            path.unlink(missing_ok=True)
        else:
            return database
    raise AssertionError


def _lay_out(database: sqlite3.Connection) -> None:
    """Make the tables in one transaction, unless another search has done so meanwhile."""
    database.execute("PRAGMA journal_mode = WAL")
    with database:
        database.execute("BEGIN IMMEDIATE")
        if database.execute("PRAGMA user_version").fetchone()[0] == FORM:
            return
        former = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        for statement in [*(f'DROP TABLE "{name}"' for (name,) in former), *SCHEMA.split(";")]:
            database.execute(statement)
        database.execute(f"PRAGMA user_version = {FORM}")


def as_utf8(path: str, data: bytes) -> bytes:
    """The bytes as parsers take them: those of a marked encoding in UTF-8, all others as they are."""
    if not data.startswith(tuple(mark for mark, _ in MARKS)):
        return data
    try:
        return decoded(path, data).text.encode("utf-8", "surrogateescape")
    except ToolRejected:
        return b""
