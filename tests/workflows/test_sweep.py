"""The sweep: closed runs come into the archive, and files of closed tasks go from their hosts and come back."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import History
from temporalio.client import ScheduleHandle, WorkflowHandle

from perdure.client.sweep_schedule import ensure_sweep
from perdure.contracts.archive import history_in
from perdure.contracts.names import SWEEP, sweep_id
from perdure.contracts.sweeping import Sweep, Swept
from perdure.tidying import keep_tidy
from tests.workflows.conftest import FIX, READ, Bench, Benches, git, script_of, until
from tests.workflows.test_reset import reset_to, task_before_decision


async def sweep(bench: Bench, **terms: Any) -> Swept:
    """One sweep, as somebody would start it by hand."""
    await bench.house.record.seen(bench.settings.task_queue, bench.house.host_id)
    number = f"{datetime.now(UTC):%H%M%S%f}"
    result = await bench.client.execute_workflow(
        SWEEP, Sweep(**terms), id=f"sweep-by-hand-{number}", task_queue=bench.settings.task_queue
    )
    return Swept.model_validate(result)


async def listed(bench: Bench, handle: WorkflowHandle[Any, Any]) -> str:
    """The task's id, once the server lists it as closed."""
    described = await handle.describe()
    query = f"WorkflowId = '{handle.id}' AND ExecutionStatus != 'Running'"

    async def look() -> str | None:
        return handle.id if [run async for run in bench.client.list_workflows(query)] else None

    await until(look)
    return described.raw_info.first_run_id


def folders(bench: Bench) -> list[Path]:
    """The folders of tasks on the bench's host."""
    return sorted(path.parent for path in bench.settings.home.glob("workspaces/*/workspace.json"))


async def test_a_closed_run_is_archived_once_with_the_bytes_that_the_server_gives(benches: Benches) -> None:
    async with benches(script_of([[READ]])) as bench:
        started = await bench.start(mode="answer")
        await started.result()
        task_id = await listed(bench, started)
        assert (await sweep(bench)).archived == 1
        [run] = await bench.house.record.archived_runs(task_id)
        assert (run.workflow_id, run.kind, run.status) == (started.id, "CodingTask", "completed")
        header, stored = history_in(await bench.house.record.artifact(task_id, run.artifact_id))
        events = [event async for event in started.fetch_history_events()]
        assert stored == History(events=events).SerializeToString(deterministic=True)
        assert header.events == run.events == len(events)
        again = await sweep(bench)
        assert (again.archived, again.failed) == (0, ())
        assert again.until is not None
        assert await bench.house.record.archived_runs(started.id) == [run]


async def test_files_of_closed_tasks_go_and_those_of_open_ones_stay(benches: Benches) -> None:
    async with benches(script_of([[FIX]])) as bench:
        waiting = await bench.start()
        await bench.approval(waiting)
        terminated = await bench.start()
        await bench.approval(terminated)
        await terminated.terminate("nobody wants it")
        gone = await listed(bench, terminated)
        assert len(folders(bench)) == 2
        [kept] = (await sweep(bench)).hosts
        assert (kept.host_id, kept.removed, kept.kept) == (bench.house.host_id, 0, 2)
        [swept] = (await sweep(bench, keep_workspaces_s=0)).hosts
        assert (swept.removed, swept.kept) == (1, 1)
        [left] = folders(bench)
        assert gone not in (left / "workspace.json").read_text()
        assert (await bench.finish(waiting))["pushed"]


async def test_a_closed_task_whose_files_were_removed_goes_on_after_a_reset(benches: Benches) -> None:
    async with benches(script_of([[FIX]])) as bench:
        started = await bench.start()
        approval = await bench.approval(started)
        await bench.decide(started, approval, "deny")
        await started.result()
        await listed(bench, started)
        [swept] = (await sweep(bench, keep_workspaces_s=0)).hosts
        assert (swept.removed, folders(bench)) == (1, [])
        kind = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED
        again = await reset_to(bench, started, await task_before_decision(started, kind))
        fresh = await bench.approval(again, but=approval.id)
        await bench.decide(again, fresh, "approve")
        assert (await again.result())["pushed"]
        branch = next(name for name in bench.remote_branches() if name != "main")
        assert "round(amount * 100)" in git(bench.remote, "show", f"{branch}:money/rounding.py")


async def test_a_workspace_that_is_prepared_meanwhile_is_not_taken_away(benches: Benches) -> None:
    async with benches(script_of([[FIX]])) as bench:
        started = await bench.start()
        approval = await bench.approval(started)
        await bench.decide(started, approval, "deny")
        await started.result()
        task_id = await listed(bench, started)
        record = bench.house.record
        known = await record.known_task(task_id)
        assert known is not None
        assert known.stored
        await record.prepare(task_id=task_id, host_id="elsewhere", dispatch=9, attempt=1, run_id="new")
        async with record.releasing(task_id, revision=known.revision, host_id=bench.house.host_id) as free:
            assert not free
        assert len(folders(bench)) == 1


async def triggered(bench: Bench, handle: ScheduleHandle, *, known: int) -> Swept:
    """The result of one more sweep of the schedule, which started so many before."""
    await handle.trigger()

    async def swept() -> Swept | None:
        done = (await handle.describe()).info.recent_actions
        if len(done) <= known:
            return None
        run: Any = done[-1].action
        return Swept.model_validate(await bench.client.get_workflow_handle(run.workflow_id).result())

    return await until(swept)


async def test_the_schedule_follows_the_settings_and_stays_paused(benches: Benches) -> None:
    async with benches(script_of([[READ]])) as bench:
        id = await keep_tidy(bench.settings, bench.client, bench.house.record, bench.house.host_id)
        handle = bench.client.get_schedule_handle(id)
        try:
            assert id == sweep_id(bench.settings.task_queue)
            await handle.pause(note="not now")
            queue = bench.settings.task_queue
            await ensure_sweep(
                bench.client,
                task_queue=queue,
                every=timedelta(hours=1),
                terms=Sweep(keep_workspaces_s=7),
            )
            schedule = (await handle.describe()).schedule
            assert (schedule.state.paused, schedule.state.note) == (True, "not now")
            assert [each.every for each in schedule.spec.intervals] == [timedelta(hours=1)]
            first = await triggered(bench, handle, known=0)
            second = await triggered(bench, handle, known=1)
            assert (first.failed, second.failed) == ((), ())
            assert first.whole_at is not None
            assert second.whole_at == first.whole_at
            assert second.until is not None
            assert second.until > first.whole_at
        finally:
            await handle.delete()
