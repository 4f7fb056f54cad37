"""A person who approves whatever waits, and is patient while no worker is there."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from datetime import timedelta

from temporalio.client import RPCTimeoutOrCancelledError, WorkflowQueryFailedError
from temporalio.service import RPCError

from perdure.contracts.decisions import Approval, Pending
from tests.faults.picture import Handle

LOOK_EVERY_S = 0.05
PATIENCE = timedelta(seconds=5)

#: What a server says while nobody answers for the workflow.
NOBODY_THERE = (RPCError, RPCTimeoutOrCancelledError, WorkflowQueryFailedError, TimeoutError)


@contextlib.asynccontextmanager
async def approving(handle: Handle) -> AsyncGenerator[None]:
    """Approve each pending approval once while the body runs."""
    person = asyncio.create_task(_approve_for_ever(handle))
    try:
        yield
    finally:
        person.cancel()
        await asyncio.gather(person, return_exceptions=True)


async def _approve_for_ever(handle: Handle) -> None:
    while True:
        with contextlib.suppress(*NOBODY_THERE):
            pending = await handle.query("pending", result_type=Pending, rpc_timeout=PATIENCE)
            for approval in pending.approvals:
                await approve(handle, approval)
        await asyncio.sleep(LOOK_EVERY_S)


async def approve(handle: Handle, approval: Approval) -> None:
    """Approve. The update's id makes a second try the same update, so a lost answer decides nothing twice."""
    decision = {"approval_id": approval.id, "verdict": "approve", "by": "Ada"}
    # The overloads of the SDK's method are partly untyped.
    await handle.execute_update(  # pyright: ignore[reportUnknownMemberType]
        "decide", decision, id=f"approve-{approval.id}", rpc_timeout=PATIENCE
    )
