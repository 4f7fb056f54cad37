"""What the demo leaves on the servers: nothing that goes on without its worker."""

from datetime import timedelta

import pytest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from examples.demo_house import remove_sweep
from perdure.client.sweep_schedule import ensure_sweep
from perdure.contracts.names import sweep_id
from perdure.contracts.sweeping import Sweep


async def test_the_schedule_of_a_demos_worker_goes_with_it(temporal_client: Client) -> None:
    queue = "perdure-demo-that-ends"
    await ensure_sweep(temporal_client, task_queue=queue, every=timedelta(days=1), terms=Sweep())
    await remove_sweep(temporal_client, queue)
    with pytest.raises(RPCError) as gone:
        await temporal_client.get_schedule_handle(sweep_id(queue)).describe()
    assert gone.value.status is RPCStatusCode.NOT_FOUND


async def test_a_demo_whose_worker_made_no_schedule_ends_all_the_same(temporal_client: Client) -> None:
    await remove_sweep(temporal_client, "perdure-demo-that-never-began")
