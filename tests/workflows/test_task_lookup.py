"""Looking up a task's change and its stored bytes through the whole house, open and closed."""

from typing import Any

import pytest
from temporalio.client import WorkflowFailureError
from temporalio.exceptions import ApplicationError

from perdure.client import PerdureClient, TaskHandle
from perdure.client.lookups import Part
from perdure.contracts.errors import PerdureError
from perdure.contracts.names import TASK_LOOKUP
from perdure.embedded.database import connected
from tests.workflows.conftest import FIX, READ, TESTS, Bench, Benches, Call, script_of

LONG: Call = ("execute_command", {"command": "seq 1 40000"})
MAKING: Call = (
    "execute_command",
    {"command": "echo new > added.txt; printf 'a\\r\\nb' > 'odd name'; rm README.md", "writes": True},
)


async def whole(parts: Any) -> bytes:
    """All pages put together."""
    found: list[Part] = [part async for part in parts]
    return b"".join(part.data for part in found)


async def handle_of(bench: Bench, id: str) -> TaskHandle:
    """The task as a client sees it."""
    client = PerdureClient(bench.client, task_queue=bench.settings.task_queue)
    return await client.task(id)


async def test_the_change_shows_edits_new_and_removed_files_before_and_after_the_end(
    benches: Benches,
) -> None:
    async with benches(script_of([[READ], [FIX], [MAKING]])) as bench:
        started = await bench.start()
        command = await bench.approval(started)
        task = await handle_of(bench, started.id)
        patch = (await whole(task.diff())).decode()
        assert "-    return int(amount * 100)\n+    return round(amount * 100)\n" in patch
        assert "added.txt" not in patch
        await bench.decide(started, command, "approve")
        push = await bench.approval(started, but=command.id)
        await bench.decide(started, push, "approve")
        await started.result()
        names = (await whole(task.diff(form="names"))).decode().splitlines()
        assert names == ["README.md", "added.txt", "money/rounding.py", "odd name"]
        patch = (await whole(task.diff())).decode()
        assert "+++ b/added.txt\n@@ -0,0 +1 @@\n+new\n" in patch
        assert "deleted file mode 100644" in patch
        assert "+a\r\n+b\n\\ No newline at end of file" in patch
        assert "4 files changed" in (await whole(task.diff(form="stat"))).decode()


async def test_a_stored_output_is_read_whole(benches: Benches) -> None:
    async with benches(script_of([[LONG]])) as bench:
        started = await bench.start(mode="answer")
        await started.result()
        task = await handle_of(bench, started.id)
        stored = await task.artifacts()
        texts = {each.name: await whole(task.artifact(each.id)) for each in stored}
        assert any(b"\n39999\n40000" in text for text in texts.values()), sorted(texts)
        assert [each.bytes for each in stored] == [len(text) for text in texts.values()]
        assert {each.step for each in stored} == {1}


async def test_files_that_are_gone_from_the_host_come_from_the_store_and_else_are_said_to_be_gone(
    benches: Benches, database_url: str
) -> None:
    async with benches(script_of([[FIX]])) as bench:
        started = await bench.start()
        await bench.decide(started, await bench.approval(started), "deny")
        await started.result()
        task = await handle_of(bench, started.id)
        patch = await whole(task.diff())
        await bench.house.workspaces.remove(task.task_id)
        assert await whole(task.diff()) == patch != b""
        await bench.house.workspaces.remove(task.task_id)
        async with connected(database_url) as connection:
            await connection.execute("DELETE FROM artifacts WHERE media_type LIKE '%checkpoint%'")
        with pytest.raises(PerdureError, match="does not answer or has them no more"):
            await whole(task.diff())


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        ({}, "The field 'task_id' is missing"),
        ({"task_id": "t", "what": "secrets"}, "The field 'what' cannot be used"),
        (
            {"task_id": "t", "what": "artifact", "artifact_id": "../x"},
            "The field 'artifact_id' cannot be used",
        ),
        ({"task_id": "t", "what": "artifact", "artifact_id": "ab" * 32}, "has no artifact"),
        ({"task_id": "t", "what": "diff"}, "without a checkpoint"),
        ({"task_id": "t", "what": "artifact", "page_bytes": 10**9}, "The field 'page_bytes' cannot be used"),
    ],
)
async def test_a_lookup_that_cannot_be_answered_says_why(
    benches: Benches, request_: dict[str, Any], said: str
) -> None:
    async with benches(script_of([[TESTS]])) as bench:
        # Nothing of a worker's own queue is known where the input names none, so the lookup of a diff is sent there.
        given = {"host_queue": bench.house.own_queue, **request_} if "what" in request_ else request_
        with pytest.raises(WorkflowFailureError) as raised:
            await bench.client.execute_workflow(
                TASK_LOOKUP,
                given,
                id=f"lookup-{said[:12]}-{bench.house.host_id}",
                task_queue=bench.settings.task_queue,
            )
    assert isinstance(raised.value.cause, ApplicationError)
    assert said in raised.value.cause.message
