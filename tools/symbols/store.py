"""What the files of a workspace define and use, in one SQLite file, kept by the files' contents.

The file can be deleted at any time: the next look finds everything again.
"""

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from tools.symbols.listing import Look
from tools.symbols.rebuilt_database import RebuiltDatabase

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
        self._database = RebuiltDatabase(file, SCHEMA, FORM)

    def known(self) -> tuple[dict[str, tuple[str, Look]], set[str]]:
        """How each file looked and the key of what it held then, and the keys whose names are kept."""
        with self._database.opened() as database:
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
        with self._database.opened() as database, database:
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
        with self._database.opened() as database:
            for key in keys:
                row = database.execute("SELECT lines FROM tags WHERE key = ?", (key,)).fetchone()
                if row is not None:
                    found[key] = row[0]
        return found

    def lines_with(self, field: str) -> dict[str, bytes]:
        """The lines of each key in which a field is exactly this."""
        with self._database.opened() as database:
            wanted = b"\t%b\t" % _bytes(field)
            return dict(database.execute("SELECT key, lines FROM tags WHERE instr(lines, ?)", (wanted,)))


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _forget(database: sqlite3.Connection, present: Sequence[str]) -> None:
    """Drop what former contents held, once that is more than what the present ones do."""
    count = database.execute("SELECT count(*) FROM tags").fetchone()[0]
    if count > 2 * len(present) + MOST_FORMER:
        database.execute("CREATE TEMP TABLE present (key TEXT PRIMARY KEY)")
        database.executemany("INSERT OR IGNORE INTO present VALUES (?)", [(each,) for each in present])
        database.execute("DELETE FROM tags WHERE key NOT IN (SELECT key FROM present)")
