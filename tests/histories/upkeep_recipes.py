"""How the recorded histories of maintenance runs come about."""

import asyncio

from temporalio.api.enums.v1 import EventType

from tests.faults.errand import COUNTER
from tests.faults.person import approving
from tests.histories.staging import (
    QUICK,
    Handle,
    Recipe,
    Stage,
    approve_all,
    counted,
    ended,
)
from tests.workflows.conftest import (
    make_repository,
    script_of,
)
from tests.workflows.own_playbooks import IGNORING, changing, command, playbook
from tests.workflows.test_maintenance_run import NO_KEY, TRAP, UNTIDY, approval_of, maintain, repository_of
from tests.workflows.test_reset import reset_to, task_before_decision
from tests.workflows.test_schedule import CHANGING, own, scheduled, started


async def maintained(stage: Stage) -> Handle:
    """A playbook's changes are kept as commits, and the push is approved."""
    async with stage.bench(script_of([]), **NO_KEY) as bench:
        repository, _ = repository_of(bench, UNTIDY)
        return await approve_all(bench, await maintain(bench, repository))


async def taken_back(stage: Stage) -> Handle:
    """A playbook's change breaks a test, so the workspace is rebuilt as it was before."""
    async with stage.bench(script_of([]), **NO_KEY) as bench:
        repository, _ = repository_of(bench, TRAP)
        return await ended(await maintain(bench, repository))


async def maintained_and_denied(stage: Stage) -> Handle:
    """The push of a maintenance run is denied."""
    async with stage.bench(script_of([]), **stage.own_playbook(CHANGING)) as bench:
        repository, _ = repository_of(bench, IGNORING)
        handle = await maintain(bench, repository, playbook="own")
        await bench.decide(handle, await approval_of(handle), "deny", reason="not on a Friday")
        return await ended(handle)


async def unchanged_after_denial(stage: Stage) -> Handle:
    """A schedule's second run finds the commit and playbook of the first, whose push was denied."""
    async with stage.bench(script_of([]), **stage.own_playbook(CHANGING)) as bench:
        repository, _ = repository_of(bench, IGNORING)
        async with scheduled(bench, own(repository)) as (client, id):
            handle = await started(client, bench, id)
            await bench.decide(handle, await approval_of(handle), "deny", reason="not on a Friday")
            await ended(handle)
            return await ended(await started(client, bench, id))


async def upkeep_taken_over(stage: Stage) -> Handle:
    """The workspace vanishes in the middle of a maintenance run, so it is rebuilt and set up again."""
    setup = {"title": "Make ready", "call": [command("mkdir -p made && echo ready > made/ready")]}
    lasting = changing("lasting", f"test -f made/ready && echo once >> {COUNTER} && sleep 3")
    text = playbook([changing("first", "echo 1 > first.txt"), lasting], setup=[setup])
    async with stage.installation(script_of([])) as at:
        settings = stage.own_playbook(text)
        worker = at.worker(changes={**QUICK, "playbooks": settings["playbooks"][0]})
        await worker.start()
        repository, _ = make_repository(stage.folder / "shop", IGNORING)
        handle: Handle = await at.servers.client.start_workflow(
            "MaintenanceRun",
            {"repository": str(repository), "playbook": "own"},
            id="upkeep-taken-over",
            task_queue=at.queue,
        )
        at.handles.append(handle)
        async with approving(handle):
            await counted(at)
            await worker.kill()
            await asyncio.sleep(4)
            await worker.start()
            return await ended(handle)


async def reset_after_push(stage: Stage) -> Handle:
    """A maintenance run is reset to before the approval of a push that happened."""
    async with stage.bench(script_of([]), **stage.own_playbook(CHANGING)) as bench:
        repository, _ = repository_of(bench, IGNORING)
        handle = await maintain(bench, repository, playbook="own")
        await bench.decide(handle, await approval_of(handle), "approve")
        await ended(handle)
        point = await task_before_decision(handle, EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED)
        return await ended(await reset_to(bench, handle, point))


RECIPES: tuple[Recipe, ...] = (
    maintained,
    taken_back,
    maintained_and_denied,
    unchanged_after_denial,
    upkeep_taken_over,
    reset_after_push,
)
