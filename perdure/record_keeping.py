"""What the command line does with the database itself. Entry points alone import it; it loads nothing until it is used."""

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from perdure.client.archived import ReadsArchive
    from perdure.settings import Settings


class RecordKeeping(ABC):
    """The part of an installation that needs no worker, and mostly no Temporal server."""

    @abstractmethod
    def settings(self) -> "Settings":
        """Which database, among others."""

    @asynccontextmanager
    async def archive(self) -> AsyncGenerator["ReadsArchive"]:
        """The archive, read from the database."""
        from perdure.installation import record_of

        async with record_of(self.settings()) as record:
            await record.require_archive()
            yield record
