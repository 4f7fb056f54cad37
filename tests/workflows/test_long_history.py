"""Two hundred steps with 4 KB outputs: the history holds references, so it stays small and grows in a line."""

from typing import Any

from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHandle

from tests.workflows.conftest import FILES, make_repository, script_of

STEPS = 200
OUTPUT_BYTES = 4_096


async def bytes_by_step(handle: WorkflowHandle[Any, Any]) -> list[int]:
    """The history's size after each executed step."""
    sizes: list[int] = []
    total = 0
    scheduled: dict[int, str] = {}
    async for event in handle.fetch_history_events():
        total += event.ByteSize()
        if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
            name = event.activity_task_scheduled_event_attributes.activity_type.name
            scheduled[event.event_id] = name
        if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED:
            of = event.activity_task_completed_event_attributes.scheduled_event_id
            if scheduled[of] == "execute_calls":
                sizes.append(total)
    return sizes


async def test_two_hundred_steps_stay_below_a_megabyte_and_grow_in_a_line(benches: Any) -> None:
    reads = [[("read_file", {"path": f"data/{number}.txt"})] for number in range(STEPS)]
    async with benches(script_of(reads), budget_steps=STEPS + 5) as bench:
        lines = "0123456789abcdef" * 4 + "\n"
        text = (lines * (OUTPUT_BYTES // len(lines) + 1))[:OUTPUT_BYTES]
        files = {**FILES, **{f"data/{number}.txt": text for number in range(STEPS)}}
        repository, _ = make_repository(bench.folder / "long", files)
        handle = await bench.start(repository=str(repository))
        result = await handle.result()
        assert (result["status"], result["steps"]) == ("completed", STEPS + 2)
        sizes = await bytes_by_step(handle)
        assert len(sizes) == STEPS
        described = (await handle.describe()).raw_description.workflow_execution_info
        assert described.history_size_bytes < 1_000_000
        first_half, second_half = sizes[99] - sizes[0], sizes[199] - sizes[100]
        assert second_half < 1.1 * first_half
