"""Brings a database to the tables that this release expects: numbered SQL files, each applied once, in order."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING

import asyncpg

from perdure.contracts.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.resources.abc import Traversable

    from perdure.memory.database import Database

LOCK = 7_306_086_821_470_127
"""Key of the advisory lock: one process migrates, the others wait and then find nothing left to do."""

FILE_NAME = re.compile(r"\d{4}_[a-z0-9_]+\.sql")

CREATE_LEDGER = """
CREATE TABLE IF NOT EXISTS migrations (
    name       text PRIMARY KEY,
    sha256     text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
)
"""


@dataclass(frozen=True)
class Migration:
    """One file: its name, its SQL and the digest of both the file and what was applied."""

    name: str
    sql: str

    @property
    def sha256(self) -> str:
        """SHA-256 of the SQL, 64 hex digits."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


def packaged_migrations(folder: Traversable | None = None) -> tuple[Migration, ...]:
    """The migrations of this release, in order."""
    place = folder or files("perdure.memory").joinpath("migrations")
    found = [
        Migration(file.name.removesuffix(".sql"), file.read_text("utf-8"))
        for file in place.iterdir()
        if FILE_NAME.fullmatch(file.name)
    ]
    return tuple(sorted(found, key=lambda migration: migration.name))


async def migrate(database: Database, migrations: Sequence[Migration]) -> list[str]:
    """Apply what is missing, all in one transaction under the lock; gives the names that were applied."""
    try:
        return await _migrate(database, migrations)
    except asyncpg.InsufficientPrivilegeError as error:
        raise ConfigurationError(
            f"The user of PERDURE_DATABASE_URL may not create tables in the database {database.name!r}: {error}.",
            "make this user the database's owner, or grant it CREATE on the schema 'public'",
        ) from error


async def _migrate(database: Database, migrations: Sequence[Migration]) -> list[str]:
    async with database.transaction() as connection:
        await connection.execute("SELECT pg_advisory_xact_lock($1)", LOCK)
        await connection.execute(CREATE_LEDGER)
        rows = await connection.fetch("SELECT name, sha256 FROM migrations ORDER BY name")
        applied: dict[str, str] = {row["name"]: row["sha256"] for row in rows}
        _refuse_what_does_not_fit(database.name, applied, migrations)
        missing = [migration for migration in migrations if migration.name not in applied]
        for migration in missing:
            await connection.execute(migration.sql)
            await connection.execute(
                "INSERT INTO migrations (name, sha256) VALUES ($1, $2)", migration.name, migration.sha256
            )
    return [migration.name for migration in missing]


def _refuse_what_does_not_fit(
    database: str, applied: dict[str, str], migrations: Sequence[Migration]
) -> None:
    known = {migration.name: migration.sha256 for migration in migrations}
    for name, sha256 in applied.items():
        if name not in known:
            raise ConfigurationError(
                f"The database {database!r} has the migration {name!r}, which this release of Perdure does not know.",
                "run the newer release that applied it, or restore the backup made before the upgrade",
            )
        if known[name] != sha256:
            raise ConfigurationError(
                f"The migration {name!r} is not the one that was applied to the database {database!r}: "
                f"SHA-256 {known[name][:12]} here, {sha256[:12]} there.",
                "install an unchanged release; an applied migration is never edited, a new file is added",
            )
    newest = max(applied, default="")
    for migration in migrations:
        if migration.name not in applied and migration.name < newest:
            raise ConfigurationError(
                f"The migration {migration.name!r} was never applied to the database {database!r}, "
                f"although the later {newest!r} was.",
                "install an unchanged release; migrations are numbered in the order in which they were made",
            )
