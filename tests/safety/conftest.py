"""A probed sandbox and a workspace for it."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from perdure.safety.probing import probed_sandbox
from perdure.safety.sandbox import Sandbox
from tests.safety.ground import Ground


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def sandbox() -> Sandbox:
    """A sandbox that withstood its probes."""
    return await probed_sandbox(max_parallel=4)


@pytest.fixture
def ground(sandbox: Sandbox, tmp_path: Path) -> Ground:
    """A workspace with one file, in a folder with mode 0700."""
    return Ground.make(sandbox, tmp_path)


@pytest.fixture
def open_folder(sandbox: Sandbox) -> Iterator[Path]:
    """A folder of the host that the uid of sandboxed programs may read and write: only the sandbox holds it back."""
    with tempfile.TemporaryDirectory(prefix="perdure-", dir="/var/tmp") as name:
        os.chown(name, sandbox.owner.uid, sandbox.owner.gid)
        yield Path(name)
