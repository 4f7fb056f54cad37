"""What the files of a workspace define and use, in one SQLite file, kept by the files' contents.

The file can be deleted at any time: the next look finds everything again.
"""

import contextlib
import sqlite3
from collections.abc import Generator, Iterable, Mapping, Sequence
from pathlib import Path

from tools.symbols.listing import Look

SCHEMA = """
CREATE TABLE tags (key TEXT NOT NULL UNIQUE, lines BLOB NOT NULL);
CREATE TABLE looks (
  path BLOB PRIMARY KEY, key TEXT, bytes INTEGER, modified_ns INTEGER, changed_ns INTEGER, inode INTEGER
) WITHOUT ROWID;
"""
FORM = 2
MOST_FORMER = 2_000


class SymbolStore:
    """One file. Every method opens it, so that threads and processes may share it."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def known(self) -> tuple[dict[str, tuple[str, Look]], set[str]]:
        """How each file looked and the key of what it held then, and the keys whose names are kept."""
        with self._opened() as database:
            rows = database.execute("SELECT path, key, bytes, modified_ns, changed_ns, inode FROM looks")
            looks = {path.decode("utf-8", "surrogateescape"): (key, Look(*look)) for path, key, *look in rows}
            return looks, {key for (key,) in database.execute("SELECT key FROM tags")}

    def keep(
        self,
        *,
        found: Mapping[str, bytes],
        looks: Mapping[str, tuple[str, Look]],
        gone: Iterable[str],
        present: Sequence[str],
    ) -> None:
        """Write what was found, and forget the files that are gone and what none of the ``present`` keys names."""
        with self._opened() as database, database:
            database.executemany("INSERT OR REPLACE INTO tags VALUES (?, ?)", found.items())
            # A name need not be UTF-8, and a text of SQLite must be.
            database.executemany("DELETE FROM looks WHERE path = ?", [(_bytes(path),) for path in gone])
            rows = [
                (_bytes(path), key, look.bytes, look.modified_ns, look.changed_ns, look.inode)
                for path, (key, look) in looks.items()
            ]
            database.executemany("INSERT OR REPLACE INTO looks VALUES (?, ?, ?, ?, ?, ?)", rows)
            if found:
                _forget(database, present)

    def lines(self, keys: Iterable[str]) -> dict[str, bytes]:
        """The lines of each key that is kept."""
        found: dict[str, bytes] = {}
        with self._opened() as database:
            for key in keys:
                row = database.execute("SELECT lines FROM tags WHERE key = ?", (key,)).fetchone()
                if row is not None:
                    found[key] = row[0]
        return found

    def lines_with(self, field: str) -> dict[str, bytes]:
        """The lines of each key in which a field is exactly this."""
        with self._opened() as database:
            wanted = b"\t%b\t" % _bytes(field)
            return dict(database.execute("SELECT key, lines FROM tags WHERE instr(lines, ?)", (wanted,)))

    @contextlib.contextmanager
    def _opened(self) -> Generator[sqlite3.Connection]:
        database = _connected(self._file)
        try:
            yield database
        finally:
            database.close()


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _forget(database: sqlite3.Connection, present: Sequence[str]) -> None:
    """Drop what former contents held, once that is more than what the present ones do."""
    count = database.execute("SELECT count(*) FROM tags").fetchone()[0]
    if count > 2 * len(present) + MOST_FORMER:
        database.execute("CREATE TEMP TABLE present (key TEXT PRIMARY KEY)")
        database.executemany("INSERT OR IGNORE INTO present VALUES (?)", [(each,) for each in present])
        database.execute("DELETE FROM tags WHERE key NOT IN (SELECT key FROM present)")


def _connected(file: Path) -> sqlite3.Connection:
    """The database; made anew where it is of another form or is none."""
    for attempt in (1, 2):
        database = sqlite3.connect(file, timeout=30)
        try:
            if database.execute("PRAGMA user_version").fetchone()[0] != FORM:
                _lay_out(database)
            # It holds nothing that cannot be found again.
            database.execute("PRAGMA synchronous = OFF")
        except sqlite3.DatabaseError as error:
            database.close()
            if attempt == 2 or isinstance(error, sqlite3.OperationalError):
                raise
            file.unlink(missing_ok=True)
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
