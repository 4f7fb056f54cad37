"""Brings a database to the tables that this release expects: numbered SQL files, each applied once, in order.

A release expands: it adds tables, columns with defaults, indexes. What no release needs any more is taken away by a
later one, whose file begins with ``-- contracts``. So workers of two neighbouring releases work on one database: the
older one accepts what a newer one added, and refuses a database from which something was taken.
"""

from __future__ import annotations

import hashlib
import logging
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

logger = logging.getLogger("perdure.memory")

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
ADD_EFFECT = "ALTER TABLE migrations ADD COLUMN IF NOT EXISTS effect text"
RECORD = "INSERT INTO migrations (name, sha256, effect) VALUES ($1, $2, $3)"

EXPANDS, CONTRACTS = "expands", "contracts"


@dataclass(frozen=True)
class Migration:
    """One file: its name, its SQL and the digest of both the file and what was applied."""

    name: str
    sql: str

    @property
    def sha256(self) -> str:
        """SHA-256 of the SQL, 64 hex digits."""
        return hashlib.sha256(self.sql.encode()).hexdigest()

    @property
    def effect(self) -> str:
        """What it does to workers of the release before: ``expands`` lets them go on, ``contracts`` does not."""
        return CONTRACTS if self.sql.partition("\n")[0].strip() == f"-- {CONTRACTS}" else EXPANDS


@dataclass(frozen=True)
class _Applied:
    """A row of the ledger."""

    sha256: str
    effect: str | None
    """None where a release applied it that recorded no effect."""


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
        await connection.execute(ADD_EFFECT)
        rows = await connection.fetch("SELECT name, sha256, effect FROM migrations ORDER BY name")
        applied = {row["name"]: _Applied(row["sha256"], row["effect"]) for row in rows}
        _refuse_what_does_not_fit(database.name, applied, migrations)
        missing = [migration for migration in migrations if migration.name not in applied]
        for migration in missing:
            await connection.execute(migration.sql)
            await connection.execute(RECORD, migration.name, migration.sha256, migration.effect)
    return [migration.name for migration in missing]


def _refuse_what_does_not_fit(
    database: str, applied: dict[str, _Applied], migrations: Sequence[Migration]
) -> None:
    known = {migration.name: migration.sha256 for migration in migrations}
    for name, found in applied.items():
        if name not in known:
            _refuse_unless_expanding(database, name, found.effect)
        elif known[name] != found.sha256:
            raise ConfigurationError(
                f"The migration {name!r} is not the one that was applied to the database {database!r}: "
                f"SHA-256 {known[name][:12]} here, {found.sha256[:12]} there.",
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


def _refuse_unless_expanding(database: str, name: str, effect: str | None) -> None:
    """A newer release's migration is no trouble where it only added something."""
    if effect == EXPANDS:
        logger.info("the database has a newer release's migration, which only adds to it: %s", name)
        return
    why = "takes away what it needs" if effect == CONTRACTS else "does not say that it only adds something"
    raise ConfigurationError(
        f"The database {database!r} has the migration {name!r}, which this release of Perdure does not know and which "
        f"{why}.",
        "run the newer release that applied it, or restore the backup made before the upgrade",
    )
