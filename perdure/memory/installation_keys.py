"""Random keys that every worker on one database shares."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from perdure.contracts.errors import ConfigurationError

if TYPE_CHECKING:
    from perdure.memory.database import Database

KEY_BYTES = 32

MAKE = "INSERT INTO installation_keys (purpose, key) VALUES ($1, $2) ON CONFLICT DO NOTHING"
READ = "SELECT key FROM installation_keys WHERE purpose = $1"


async def installation_key(database: Database, purpose: str) -> bytes:
    """The key for this purpose, made by the first that asks."""
    # Two statements, so that who came second reads what the first one committed.
    await database.fetch(MAKE, purpose, secrets.token_bytes(KEY_BYTES))
    row = await database.fetchrow(READ, purpose)
    if row is None:
        raise ConfigurationError(
            f"The key for {purpose!r} was made and is gone from the database {database.name!r}.",
            "do not delete rows of a running installation; start the worker again",
        )
    return bytes(row["key"])
