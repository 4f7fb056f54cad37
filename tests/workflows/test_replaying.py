"""``make replay``: what the program says of recorded histories, and of the open runs of a live server."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from google.protobuf.duration_pb2 import Duration
from temporalio import workflow
from temporalio.api.workflowservice.v1 import RegisterNamespaceRequest
from temporalio.client import Client
from temporalio.service import RPCError
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from perdure.client.conversion import data_converter
from perdure.embedded.ports import free_port
from perdure.embedded.stack import Stack
from scripts import replay
from tests.histories.record import HISTORIES
from tests.workflows.conftest import READ, Benches, script_of, until

WRITING = ("execute_command", {"command": "echo changed > made.txt", "writes": True})
QUEUE = "of-another-release"


@workflow.defn(name="CodingTask")
class OtherTask:
    """What the workflow could be in another release: its first command is another one."""

    @workflow.run
    async def run(self, request: dict[str, Any]) -> None:
        """Wait for ever."""
        await workflow.sleep(100_000)


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Any:
    """What the program wrote so far, both streams."""

    def read() -> str:
        captured = capsys.readouterr()
        return captured.out + captured.err

    return read


@pytest_asyncio.fixture(loop_scope="session")
async def namespace(temporal_client: Client) -> AsyncIterator[str]:
    """A namespace of its own, so that no other test's runs are replayed."""
    name = "replayed"
    request = RegisterNamespaceRequest(
        namespace=name, workflow_execution_retention_period=Duration(seconds=86_400)
    )
    await temporal_client.workflow_service.register_namespace(request)
    yield name


def arguments_of(*given: str) -> Any:
    """The program's arguments, parsed."""
    return replay.parser().parse_args(given)


async def test_every_recorded_history_is_replayed_and_counted(said: Any) -> None:
    assert await replay.replay_all(arguments_of(), replay.say) == 0
    count = len(list(HISTORIES.glob("*.json")))
    assert f"{count} of {count} replay" in said()


async def test_a_history_that_does_not_replay_is_named_with_the_reason(tmp_path: Path, said: Any) -> None:
    text = (HISTORIES / "completed.json").read_text()
    (tmp_path / "whole.json").write_text(text)
    history = json.loads(text)
    for event in history["events"]:
        kind = event.get("activityTaskScheduledEventAttributes", {}).get("activityType")
        if kind == {"name": "plan"}:
            kind["name"] = "dream"
    (tmp_path / "changed.json").write_text(json.dumps(history))
    assert await replay.replay_all(arguments_of("--folder", str(tmp_path)), replay.say) == 1
    told = said()
    assert "does not replay: changed (run " in told
    assert "dream" in told
    assert "1 of 2 replay (2 CodingTask)" in told
    assert "1 would be stuck with this code." in told


async def test_open_runs_of_a_live_server_are_replayed_as_far_as_they_are(
    benches: Benches, stack: Stack, said: Any
) -> None:
    async with benches(script_of([[READ], [WRITING]])) as bench:
        handle = await bench.start()
        await bench.approval(handle)
        given = ["--address", stack.addresses.temporal, "--namespace", stack.addresses.namespace]
        given += ["--task-queue", bench.settings.task_queue]

        async def listed() -> bool | None:
            code = await replay.replay_all(arguments_of(*given), replay.say)
            return ("1 of 1 replay (1 CodingTask)" in said() and code == 0) or None

        assert await until(listed)
        assert (await handle.query("status"))["needs"] == "approval"


async def test_an_open_run_that_would_be_stuck_is_named(stack: Stack, namespace: str, said: Any) -> None:
    address = stack.addresses.temporal
    client = await Client.connect(address, namespace=namespace, data_converter=data_converter)
    runner = UnsandboxedWorkflowRunner()
    other = Worker(client, task_queue=QUEUE, workflows=[OtherTask], workflow_runner=runner)

    async def started() -> Any:
        try:
            return await client.start_workflow(
                OtherTask.run, {"request": "?"}, id="of-another-release", task_queue=QUEUE
            )
        except RPCError:
            # The server learns of a new namespace a moment later.
            return None

    handle = await until(started)
    async with other:

        async def begun() -> bool | None:
            return (await handle.describe()).history_length >= 5 or None

        await until(begun)
    try:

        async def found() -> str | None:
            code = await replay.replay_all(
                arguments_of("--address", address, "--namespace", namespace), replay.say
            )
            told = said()
            return told if code == 1 else None

        told = await until(found)
        assert f"does not replay: of-another-release (run {handle.first_execution_run_id})" in told
        assert "0 of 1 replay (1 CodingTask)" in told
    finally:
        await handle.terminate("the test is over")


def test_a_server_that_does_not_answer_and_an_empty_folder_are_said(tmp_path: Path, said: Any) -> None:
    assert replay.main(["--address", f"127.0.0.1:{free_port()}"]) == 7
    assert "does not answer" in said()
    assert replay.main(["--folder", str(tmp_path)]) == 7
    assert "There is no recorded history in" in said()
