"""Moving an open task over to the version of the workers that takes new tasks."""

import asyncio

from pydantic import BaseModel, ConfigDict
from temporalio.client import WorkflowUpdateFailedError, WorkflowUpdateStage

from perdure.client.decoding import telling_message
from perdure.client.deployments import Polled, Version, polled
from perdure.client.errors import NoWorker, Refused
from perdure.client.server import Server
from perdure.contracts.decisions import MovingReceipt

_AGAIN_S = 0.1


class Upgrade(BaseModel):
    """What became of an ``upgrade``."""

    model_config = ConfigDict(frozen=True)

    id: str
    version_before: str
    version: str
    """The one that takes new tasks."""
    withdrawn: tuple[str, ...]
    """Ids of what was asked and is asked anew."""
    moved: bool
    """Whether the new run has begun; False: it does so before the task's next step."""
    message: str


async def upgrade(server: Server, workflow_id: str, *, wait_s: float) -> Upgrade:
    """Ask the task to move over, and wait a moment for its new run; Refused and NoWorker say why it cannot."""
    described = await server.describe(workflow_id)
    raw = described.raw_description.workflow_execution_info
    if described.close_time is not None:
        raise Refused(
            f"Task {workflow_id!r} is over, so it stays on the version that it ended on.",
            f"`python starter.py show {workflow_id}` shows how it ended.",
        )
    pinned = raw.versioning_info.deployment_version
    before = Version(pinned.deployment_name, pinned.build_id)
    seen = await polled(server, described.task_queue)
    _refuse(workflow_id, before, seen)
    receipt = await _ask(server, workflow_id, described.run_id)
    moved = await _begun(server, workflow_id, described.run_id, wait_s)
    return Upgrade(
        id=workflow_id,
        version_before=str(before),
        version=str(seen.current),
        withdrawn=receipt.withdrawn,
        moved=moved,
        message=receipt.message,
    )


def _refuse(workflow_id: str, before: Version, seen: Polled) -> None:
    if not before.build_id:
        raise Refused(
            f"Task {workflow_id!r} is pinned to no version: any worker goes on with it, one of a new release too.",
            "start workers of the new release, and stop the old ones.",
        )
    if before == seen.current:
        raise Refused(
            f"Task {workflow_id!r} is on {str(before)!r} already, which takes new tasks.",
            "promote another version first: `python starter.py promote BUILD_ID`.",
        )
    if not seen.live.get(before):
        raise NoWorker(
            f"Task {workflow_id!r} is on {str(before)!r}, and no worker of that version asked for work a moment ago, so "
            "nobody can let it go.",
            f"start a worker with PERDURE_BUILD_ID={before.build_id} until it has moved.",
        )


async def _ask(server: Server, workflow_id: str, run_id: str) -> MovingReceipt:
    handle = server.client.get_workflow_handle(workflow_id, run_id=run_id)

    async def send() -> MovingReceipt:
        # One id a run: the same word again gets the same answer. The SDK leaves an overload's arguments untyped.
        update = await handle.start_update(  # pyright: ignore[reportUnknownMemberType]
            "upgrade",
            id=f"upgrade-{run_id}",
            wait_for_stage=WorkflowUpdateStage.ACCEPTED,
            result_type=MovingReceipt,
            rpc_timeout=2 * server.limit,
        )
        return await update.result()

    try:
        return await server.ask_worker("the update 'upgrade'", send(), task=workflow_id)
    except WorkflowUpdateFailedError as error:
        said, _, hint = telling_message(error.cause).partition(" hint: ")
        raise Refused(
            f"Task {workflow_id!r} does not move over: {said}",
            hint or "a version from before this command does not know it: let the task finish there.",
        ) from error


async def _begun(server: Server, workflow_id: str, run_id: str, wait_s: float) -> bool:
    try:
        async with asyncio.timeout(wait_s):
            while True:
                if (await server.describe(workflow_id)).run_id != run_id:
                    return True
                await asyncio.sleep(_AGAIN_S)
    except TimeoutError:
        return False
