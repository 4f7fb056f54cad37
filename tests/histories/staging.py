"""Where recorded histories are played, and what their recipes share."""

import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from temporalio.client import WorkflowFailureError, WorkflowHandle

from perdure.embedded.stack import Stack
from perdure.llm.scripted.script import Script
from tests.faults.errand import COUNTER
from tests.faults.installation import Installation, Servers, installed
from tests.faults.person import approving
from tests.workflows.conftest import (
    Bench,
    bench_of,
    until,
)
from tests.workflows.own_playbooks import filed

Handle = WorkflowHandle[Any, Any]

QUICK = {"heartbeat_s": 1, "host_answer_s": 1.5}


@dataclass(frozen=True)
class Stage:
    """Where a recipe is played."""

    stack: Stack
    servers: Servers
    folder: Path

    def bench(self, script: Script, **changes: Any) -> contextlib.AbstractAsyncContextManager[Bench]:
        """A worker in this process."""
        servers = self.servers
        return bench_of(self.stack, servers.client, servers.database_url, self.folder, script, **changes)

    def own_playbook(self, text: str) -> dict[str, Any]:
        """Settings of a worker that has this playbook, ``own``, and no model."""
        self.folder.mkdir(parents=True, exist_ok=True)
        return filed(self.folder / "playbooks", text)

    def installation(self, script: Script) -> contextlib.AbstractAsyncContextManager[Installation]:
        """Workers in processes of their own."""
        return installed(self.servers, self.folder, script)


Recipe = Callable[[Stage], Awaitable[Handle]]


async def approve_all(bench: Bench, handle: Handle) -> Handle:
    """Approve whatever waits until the task ends."""
    async with approving(handle):
        return await ended(handle)


async def ended(handle: Handle) -> Handle:
    """Wait for the end, whichever it is."""
    with contextlib.suppress(WorkflowFailureError):
        await handle.result()
    return handle


async def answer(handle: Handle, question_id: str, choice: str, **more: Any) -> None:
    """Answer a question."""
    said = {"question_id": question_id, "choice": choice, "by": "Ada", **more}
    # The overloads of the SDK's method are partly untyped.
    await handle.execute_update("answer", said)  # pyright: ignore[reportUnknownMemberType]


async def has_called(bench: Bench, handle: Handle) -> bool | None:
    """True once a call is done."""
    return bool(await bench.calls(handle)) or None


async def counted(at: Installation, host: str = "host") -> None:
    """Wait until the command has written its line."""

    async def look() -> bool | None:
        found = at.home(host).glob(f"workspaces/*/*/tree/{COUNTER}")
        return any(path.stat().st_size for path in found) or None

    await until(look)
