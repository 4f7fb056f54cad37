"""A reset of a maintenance run whose push was approved: what was not pushed is asked for anew; what was counts as done."""

from pathlib import Path

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

from tests.workflows.conftest import Benches, git, script_of
from tests.workflows.own_playbooks import IGNORING, changing, filed, playbook
from tests.workflows.test_maintenance_run import approval_of, maintain, repository_of
from tests.workflows.test_reset import reset_to, task_before_decision
from tests.workflows.test_upgrade import update
from workflows.maintenance_run import MaintenanceRun


async def test_an_approved_push_is_asked_for_anew_and_the_old_decision_refused(
    benches: Benches, tmp_path: Path
) -> None:
    settings = filed(tmp_path / "playbooks", playbook([changing("tidy", "echo tidy >> README.md")]))
    async with benches(script_of([]), **settings) as bench:
        repository, remote = repository_of(bench, IGNORING)
        handle = await maintain(bench, repository, playbook="own")
        # The push is approved and refused by the remote, so it is still to be done after the reset.
        hook = remote / "hooks" / "pre-receive"
        hook.write_text("#!/bin/sh\nexit 1\n")
        hook.chmod(0o755)
        old = await approval_of(handle)
        await bench.decide(handle, old, "approve")
        first = await handle.result()
        assert (first["pushed"], first["unpushed"]) == (False, "failed")
        hook.unlink()
        point = await task_before_decision(handle, EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED)
        again = await reset_to(bench, handle, point)
        fresh = await approval_of(again)
        assert (fresh.tool, fresh.id != old.id) == ("git_push", True)
        with pytest.raises(Exception, match="failed") as refused:
            await bench.decide(again, old, "approve")
        assert "belongs to an earlier run" in str(refused.value.__cause__)
        await bench.decide(again, fresh, "approve")
        result = await again.result()
        assert (result["status"], result["pushed"], result["unpushed"]) == ("completed", True, None)
        assert result["commits"] == first["commits"]
        assert git(remote, "rev-parse", result["branch"]) == result["commits"][-1]


async def test_what_was_pushed_before_the_reset_counts_as_pushed_and_is_not_asked_for_again(
    benches: Benches, tmp_path: Path
) -> None:
    settings = filed(tmp_path / "playbooks", playbook([changing("tidy", "echo tidy >> README.md")]))
    async with benches(script_of([]), **settings) as bench:
        repository, remote = repository_of(bench, IGNORING)
        handle = await maintain(bench, repository, playbook="own")
        await bench.decide(handle, await approval_of(handle), "approve")
        first = await handle.result()
        assert first["pushed"]
        point = await task_before_decision(handle, EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED)
        result = await (await reset_to(bench, handle, point)).result()
        assert result == first
        assert git(remote, "rev-parse", result["branch"]) == result["commits"][-1]
        assert len(git(remote, "for-each-ref", "refs/heads").splitlines()) == 2


async def test_a_maintenance_run_refuses_to_move_to_another_version_and_goes_on(
    benches: Benches, tmp_path: Path
) -> None:
    settings = filed(tmp_path / "playbooks", playbook([changing("tidy", "echo tidy >> README.md")]))
    async with benches(script_of([]), **settings) as bench:
        repository, _ = repository_of(bench, IGNORING)
        handle = await maintain(bench, repository, playbook="own")
        asked = await approval_of(handle)
        with pytest.raises(WorkflowUpdateFailedError) as refused:
            await update(handle, "upgrade")
        assert isinstance(refused.value.cause, ApplicationError)
        assert refused.value.cause.message == MaintenanceRun.immovable
        assert (await approval_of(handle)).id == asked.id
        await bench.decide(handle, asked, "approve")
        assert (await handle.result())["pushed"] is True
