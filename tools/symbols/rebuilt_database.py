"""One SQLite file of what can be found again: made anew where it is damaged, of another form, or not there."""

import contextlib
import sqlite3
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class RebuiltDatabase:
    """``schema``: statements with a semicolon between them. ``form``: its number, raised with every change of it."""

    file: Path
    schema: str
    form: int

    @contextlib.contextmanager
    def opened(self) -> Generator[sqlite3.Connection]:
        """A connection of its own, so that threads and processes may share the file."""
        database = self._connected()
        try:
            yield database
        finally:
            database.close()

    def _connected(self) -> sqlite3.Connection:
        for attempt in (1, 2):
            database = sqlite3.connect(self.file, timeout=30)
            try:
                if database.execute("PRAGMA user_version").fetchone()[0] != self.form:
                    self._lay_out(database)
                # It holds nothing that cannot be found again.
                database.execute("PRAGMA synchronous = OFF")
            except sqlite3.DatabaseError as error:
                database.close()
                if attempt == 2 or isinstance(error, sqlite3.OperationalError):
                    raise
                self.file.unlink(missing_ok=True)
            else:
                return database
        raise AssertionError

    def _lay_out(self, database: sqlite3.Connection) -> None:
        """Make the tables in one transaction, unless another process has done so meanwhile."""
        database.execute("PRAGMA journal_mode = WAL")
        with database:
            database.execute("BEGIN IMMEDIATE")
            if database.execute("PRAGMA user_version").fetchone()[0] == self.form:
                return
            former = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
            for statement in [*(f'DROP TABLE "{name}"' for (name,) in former), *self.schema.split(";")]:
                database.execute(statement)
            database.execute(f"PRAGMA user_version = {self.form}")
