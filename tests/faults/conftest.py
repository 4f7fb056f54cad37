"""A stack that may be harmed, and what a task that nothing disturbs leaves: both are the same for all tests here."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.faults.driver import own_servers
from tests.faults.installation import Servers
from tests.faults.runs import Outcome, run_errand


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def harmed(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Servers]:
    """Servers that tests stop and kill; whoever does so waits until they are there again."""
    folder: Path = tmp_path_factory.mktemp("harmed")
    async with own_servers(folder / "stack") as (_, servers):
        yield servers


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def undisturbed(harmed: Servers, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """What the reference task leaves where nothing happens to it."""
    return await run_errand(harmed, tmp_path_factory.mktemp("undisturbed"))
