"""A reset of one of several runs of a task, as the Web UI makes it: what is told is what stands."""

import asyncio
from contextlib import aclosing
from typing import Any

from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHandle

from perdure.client import PerdureClient, TaskHandle
from perdure.client.events import Decided, Ended, Event, Rewound, Started
from perdure.client.logbook import LogLine
from tests.workflows.conftest import FIX, Bench, Benches, Call, script_of, until
from tests.workflows.test_reset import first_task, reset_to
from tests.workflows.test_steps_over_runs import SHORT, latest, looks, runs_of, task_of

Handle = WorkflowHandle[Any, Any]
LONG: Call = ("execute_command", {"command": "seq 1 20000"})


def run_of(bench: Bench, run_id: str) -> Handle:
    """One run of the bench's first task."""
    return bench.client.get_workflow_handle(bench.handles[0].id, run_id=run_id)


async def a_task_in_the_middle(handle: Handle) -> int:
    """A finished workflow task after which the run still took steps."""
    finished = [
        event.event_id
        async for event in handle.fetch_history_events()
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED
    ]
    return finished[len(finished) // 2]


async def reset_run(bench: Bench, run_id: str, finished_task: int) -> str:
    """Reset one run of the task, which need not be its last; the id of the run that goes on."""
    fresh = await reset_to(bench, run_of(bench, run_id), finished_task)
    return str(fresh.run_id)


async def told(task: TaskHandle[Any]) -> list[Event]:
    """All that stands now."""
    return [event async for event in task.events(wait=False)]


async def test_all_of_what_stands_is_told_after_a_later_run_was_reset(benches: Benches) -> None:
    async with benches(script_of([[FIX], [LONG], *looks(34)]), **SHORT) as bench:
        handle = await bench.start()
        push = await bench.approval(handle)
        before = await runs_of(bench)
        assert len(before) >= 3
        second = before[1]
        fresh = await reset_run(bench, second, await a_task_in_the_middle(run_of(bench, second)))
        await bench.approval(latest(bench), but=push.id)
        after = await runs_of(bench)
        assert after[:2] == [before[0], fresh]
        assert not set(after[1:]) & set(before)

        task = await task_of(bench)
        events = await told(task)
        assert list(dict.fromkeys(event.run_id for event in events)) == after
        assert not [event for event in events if isinstance(event, Rewound)]
        assert [event.step for event in events if isinstance(event, Decided)] == list(range(1, 38))
        assert list(dict.fromkeys([run async for run, _ in task.raw_events()])) == after
        lines: list[LogLine] = [line async for line in task.log()]
        assert list(dict.fromkeys(line.run_id for line in lines)) == after
        assert [line.step for line in lines if line.activity == "decide"] == list(range(1, 38))
        assert [each.step for each in await task.artifacts()] == [2]
        assert (await task.status()).step == 38
        assert [each.tool for each in (await task.pending()).approvals] == ["git_push"]

        result = await bench.finish(latest(bench))
        assert (await task.result()).model_dump(mode="json") == result
        last = (await told(task))[-1]
        assert isinstance(last, Ended)
        assert last.run_id == after[-1]


async def test_a_task_that_was_reset_is_listed_once_and_as_it_is_now(benches: Benches) -> None:
    async with benches(script_of([[FIX], *looks(30)]), **SHORT) as bench:
        handle = await bench.start()
        push = await bench.approval(handle)
        second = (await runs_of(bench))[1]
        await reset_run(bench, second, await a_task_in_the_middle(run_of(bench, second)))
        await bench.approval(latest(bench), but=push.id)
        current = (await runs_of(bench))[-1]
        client = PerdureClient(bench.client, task_queue=bench.settings.task_queue)
        repository = str(bench.repository)

        async def listed() -> bool | None:
            open_ones = await client.tasks(repository=repository, open=True)
            every = [each async for each in bench.client.list_workflows(f"WorkflowId = '{handle.id}'")]
            terminated = [
                each for each in every if each.status is not None and each.status.name == "TERMINATED"
            ]
            return ([each.run_id for each in open_ones] == [current] and bool(terminated)) or None

        assert await until(listed)
        assert await client.tasks(repository=repository, open=False) == []
        assert await client.tasks(repository=repository, status="failed") == []
        assert [each.run_id for each in await client.tasks(repository=repository)] == [current]


async def test_who_watches_while_a_later_run_is_reset_is_told_all_that_stands_again(benches: Benches) -> None:
    async with benches(script_of([[FIX], *looks(34)]), **SHORT) as bench:
        handle = await bench.start()
        task = await task_of(bench)
        seen: list[Event] = []

        async def watch() -> None:
            async with aclosing(task.watch()) as watching:
                async for event in watching:
                    seen.append(event)

        watching = asyncio.create_task(watch())
        push = await bench.approval(handle)
        second = (await runs_of(bench))[1]
        await reset_run(bench, second, await a_task_in_the_middle(run_of(bench, second)))
        await bench.approval(latest(bench), but=push.id)
        await bench.finish(latest(bench))
        await asyncio.wait_for(watching, 120)
        at = max(at for at, event in enumerate(seen) if isinstance(event, Rewound))
        again = seen[at + 1 :]
        started = [event for event in again if isinstance(event, Started)]
        assert [event.run_id for event in started] == await runs_of(bench)
        assert [event.continued for event in started] == [False, *[True] * (len(started) - 1)]
        assert [event.step for event in again if isinstance(event, Decided)] == list(range(1, 37))
        assert isinstance(again[-1], Ended)


async def test_a_reset_to_the_beginning_of_a_later_run_is_heeded_like_any_other(benches: Benches) -> None:
    async with benches(script_of([[FIX], *looks(12)]), **SHORT) as bench:
        handle = await bench.start()
        before = await bench.finish(handle)
        first, *_ = await runs_of(bench)
        second = (await runs_of(bench))[1]
        await reset_run(bench, second, await first_task(run_of(bench, second)))
        result = await bench.finish(latest(bench))
        assert (await runs_of(bench))[0] == first
        # The commit that was pushed is none of this run's any more, so its branch is left alone.
        assert (result["branch"], result["pushed"]) == (f"{before['branch']}-2", True)
        spent = await (await task_of(bench)).cost()
        assert spent.dropped.model_calls > 0
        assert result["cost"]["model_calls"] == before["cost"]["model_calls"] + spent.dropped.model_calls
