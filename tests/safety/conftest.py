"""A probed sandbox and a workspace for it."""

from pathlib import Path

import pytest
import pytest_asyncio

from perdure.safety.sandbox import Sandbox
from tests.safety.ground import Ground


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def sandbox() -> Sandbox:
    """A sandbox that withstood its probes."""
    return await Sandbox.probe(max_parallel=4)


@pytest.fixture
def ground(sandbox: Sandbox, tmp_path: Path) -> Ground:
    """A workspace with one file, in a folder with mode 0700."""
    return Ground.make(sandbox, tmp_path)
