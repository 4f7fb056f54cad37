"""A schedule of the client with the real maintenance run: what changed is looked at, what did not is left alone."""

import contextlib
import uuid
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

from perdure.client import PerdureClient, ScheduleDescription, ScheduleTimes
from perdure.contracts.maintenance import MaintenanceRequest, MaintenanceResult
from tests.workflows.conftest import Bench, Benches, git, script_of, until
from tests.workflows.own_playbooks import IGNORING, changing, filed, playbook
from tests.workflows.test_maintenance_run import Handle, approval_of, repository_of, steps_of

#: Generous, since the machine may be busy.
WITHIN_S = 180
CHANGING = playbook([changing("tidy", "echo tidy >> README.md")])


async def test_a_second_run_of_an_unchanged_repository_ends_at_the_precheck(benches: Benches) -> None:
    async with benches(script_of([])) as bench:
        client = PerdureClient(bench.client, task_queue=bench.settings.task_queue)
        id = f"upkeep-{uuid.uuid4().hex[:8]}"
        request = MaintenanceRequest(repository=str(bench.repository), playbook="python-hygiene", user="ada")
        await client.schedules.create(id, request, times=ScheduleTimes(cron=("0 3 1 1 *",)))
        try:
            first = await client.task(await client.schedules.run_now(id))
            assert (await first.wait(WITHIN_S)).status == "completed"
            run = await client.task(await client.schedules.run_now(id))
            assert (await run.wait(WITHIN_S)).status == "unchanged"
            told = [event.kind async for event in run.events()]
            assert (told[0], told[-1], "opened" in told) == ("started", "ended", True)
            # Nothing was copied, set up or tested for it.
            assert await steps_of(bench.client.get_workflow_handle(run.id)) == [
                "open_maintenance",
                "close_task",
            ]
        finally:
            await client.schedules.delete(id)


@contextlib.asynccontextmanager
async def scheduled(bench: Bench, request: MaintenanceRequest) -> AsyncGenerator[tuple[PerdureClient, str]]:
    """A client, and the id of a schedule with this request that never falls due in time."""
    client, id = (
        PerdureClient(bench.client, task_queue=bench.settings.task_queue),
        f"own-{uuid.uuid4().hex[:8]}",
    )
    await client.schedules.create(id, request, times=ScheduleTimes(cron=("0 3 1 1 *",)))
    try:
        yield client, id
    finally:
        await client.schedules.delete(id)


def own(repository: Path, **fields: Any) -> MaintenanceRequest:
    """A request for the test's own playbook."""
    return MaintenanceRequest(repository=str(repository), playbook="own", user="ada", **fields)


async def started(client: PerdureClient, bench: Bench, id: str) -> Handle:
    """A run that the schedule starts now."""
    handle: Handle = bench.client.get_workflow_handle(await client.schedules.run_now(id))
    bench.handles.append(handle)
    return handle


async def result_of(handle: Handle) -> MaintenanceResult:
    """What the run ends with."""
    return MaintenanceResult.model_validate(await handle.result())


async def test_a_scheduled_run_asks_and_pushes_what_is_approved_and_the_next_has_nothing_to_do(
    benches: Benches, tmp_path: Path
) -> None:
    async with benches(script_of([]), **filed(tmp_path / "playbooks", CHANGING)) as bench:
        repository, remote = repository_of(bench, IGNORING)
        async with scheduled(bench, own(repository)) as (client, id):
            handle = await started(client, bench, id)
            approval = await approval_of(handle)
            assert list((await client.schedules.describe(id)).running) == [handle.id]
            await bench.decide(handle, approval, "approve")
            result = await result_of(handle)
            assert (result.status, result.pushed, result.unpushed) == ("completed", True, None)
            assert git(remote, "rev-parse", str(result.branch)) == result.commits[-1]
            second = await result_of(await started(client, bench, id))
            assert (second.status, second.unpushed) == ("unchanged", None)
            assert second.summary.endswith("changed since the last run, so there was nothing to do.")


async def test_a_denied_push_is_not_offered_again_until_something_changes(
    benches: Benches, tmp_path: Path
) -> None:
    async with benches(script_of([]), **filed(tmp_path / "playbooks", CHANGING)) as bench:
        repository, remote = repository_of(bench, IGNORING)
        async with scheduled(bench, own(repository, base_branch="main")) as (client, id):
            handle = await started(client, bench, id)
            await bench.decide(handle, await approval_of(handle), "deny", reason="not on a Friday")
            first = await result_of(handle)
            assert (first.status, first.pushed, first.unpushed) == ("completed", False, "denied")
            # The denial is still known where the last run itself only found that nothing changed.
            for _ in range(2):
                later = await result_of(await started(client, bench, id))
                assert (later.status, later.unpushed) == ("unchanged", "denied")
                assert later.summary.endswith(
                    "changed since the last run, whose push a person denied, so it is not offered again. hint: to "
                    "have it offered once more, start the run by hand: python starter.py maintain own --repository "
                    f"{repository} --base-branch main"
                )
            by_hand = await client.maintain(own(repository))
            bench.handles.append(bench.client.get_workflow_handle(by_hand.id))
            await approval_of(bench.handles[-1])
            (repository / "more.txt").write_text("more\n")
            git(repository, "add", "--all")
            git(repository, "commit", "--quiet", "--message", "Go on")
            handle = await started(client, bench, id)
            await bench.decide(handle, await approval_of(handle), "approve")
            assert (await result_of(handle)).pushed
            assert len(git(remote, "for-each-ref", "--format=%(refname)").splitlines()) == 2


async def test_a_push_that_nobody_decided_is_offered_again_by_the_next_run(
    benches: Benches, tmp_path: Path
) -> None:
    settings = filed(tmp_path / "playbooks", CHANGING)
    async with benches(script_of([]), approval_deadline_s=1.5, approval_reminder_s=0.5, **settings) as bench:
        repository, remote = repository_of(bench, IGNORING)
        async with scheduled(bench, own(repository)) as (client, id):
            for _ in range(2):
                result = await result_of(await started(client, bench, id))
                assert (result.status, result.pushed, result.unpushed) == ("completed", False, "expired")
                assert len(result.commits) == 1
                assert "Nobody decided before the deadline" in result.withheld[-1].why
        assert git(remote, "for-each-ref", "--format=%(refname:short)") == "main"


async def test_a_push_that_the_remote_could_not_take_is_offered_again_by_the_next_run(
    benches: Benches, tmp_path: Path
) -> None:
    async with benches(script_of([]), **filed(tmp_path / "playbooks", CHANGING)) as bench:
        repository, remote = repository_of(bench, IGNORING)
        hook = remote / "hooks" / "pre-receive"
        hook.write_text("#!/bin/sh\nexit 1\n")
        hook.chmod(0o755)
        async with scheduled(bench, own(repository)) as (client, id):
            handle = await started(client, bench, id)
            await bench.decide(handle, await approval_of(handle), "approve")
            first = await result_of(handle)
            assert (first.status, first.pushed, first.unpushed) == ("completed", False, "failed")
            hook.unlink()
            handle = await started(client, bench, id)
            await bench.decide(handle, await approval_of(handle), "approve")
            assert (await result_of(handle)).pushed


async def test_a_failed_run_pauses_the_schedule_until_it_is_resumed(benches: Benches, tmp_path: Path) -> None:
    settings = filed(tmp_path / "playbooks", CHANGING)
    file = tmp_path / "playbooks" / "own.toml"
    file.write_text(CHANGING.replace("v = 1", "v = 2"))
    async with benches(script_of([]), **settings) as bench:
        repository, _ = repository_of(bench, IGNORING)
        async with scheduled(bench, own(repository)) as (client, id):
            await client.schedules.run_now(id)

            async def look() -> ScheduleDescription | None:
                found = await client.schedules.describe(id)
                return found if found.paused else None

            paused = await until(look, within_s=WITHIN_S)
            assert "failure" in paused.note
            [run] = paused.recent
            assert run.status == "failed"
            assert f"The playbook {str(file)!r} cannot be used: v: Input should be 1" in run.summary
            file.write_text(CHANGING)
            await client.schedules.resume(id)
            handle = await started(client, bench, id)
            await bench.decide(handle, await approval_of(handle), "approve")
            assert (await result_of(handle)).status == "completed"
            assert not (await client.schedules.describe(id)).paused
