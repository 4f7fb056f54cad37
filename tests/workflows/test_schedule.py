"""A schedule of the client with the real maintenance run: what changed is looked at, what did not is left alone."""

import uuid

from perdure.client import PerdureClient, ScheduleTimes
from perdure.contracts.maintenance import MaintenanceRequest
from tests.workflows.conftest import Benches, script_of


async def test_a_second_run_of_an_unchanged_repository_ends_at_the_precheck(benches: Benches) -> None:
    async with benches(script_of([])) as bench:
        client = PerdureClient(bench.client, task_queue=bench.settings.task_queue)
        id = f"upkeep-{uuid.uuid4().hex[:8]}"
        request = MaintenanceRequest(repository=str(bench.repository), playbook="python-hygiene", user="ada")
        await client.schedules.create(id, request, times=ScheduleTimes(cron=("0 3 1 1 *",)))
        try:
            first = await client.task(await client.schedules.run_now(id))
            assert (await first.wait(90)).status == "completed"
            run = await client.task(await client.schedules.run_now(id))
            assert (await run.wait(90)).status == "unchanged"
            told = [event.kind async for event in run.events()]
            assert (told[0], told[-1], "opened" in told) == ("started", "ended", True)
            description = await run.describe()
            assert description.closed_at is not None
            assert (description.closed_at - description.started_at).total_seconds() < 3
        finally:
            await client.schedules.delete(id)
