"""What a maintenance run may take, and how it ends where it is stopped: a step too large, a budget, a person."""

from pathlib import Path
from typing import Any

import pytest
from temporalio.client import WorkflowExecutionStatus, WorkflowFailureError
from temporalio.exceptions import CancelledError

from tests.faults.person import approving
from tests.safety.ground import wait_for_processes
from tests.workflows.conftest import Benches, git, script_of
from tests.workflows.own_playbooks import IGNORING, changing, filed, playbook
from tests.workflows.test_maintenance_run import approval_of, maintain, repository_of


def withheld_in(result: dict[str, Any]) -> dict[str, str]:
    """Why each thing was not done."""
    return {each["what"]: each["why"] for each in result["withheld"]}


@pytest.mark.parametrize(
    ("limit", "too_large", "why"),
    [
        ("changed_files", "for n in 1 2 3; do echo $n > file-$n.txt; done", "It changed 3 files"),
        ("changed_lines", "seq 5 > file-1.txt", "It changed 5 lines"),
    ],
)
async def test_a_change_above_a_limit_is_taken_back_and_the_next_step_is_kept(
    benches: Benches, tmp_path: Path, limit: str, too_large: str, why: str
) -> None:
    steps = [changing("much", too_large), changing("little", "echo well >> README.md")]
    settings = filed(tmp_path / "playbooks", playbook(steps, limits={limit: 2}))
    async with benches(script_of([]), **settings) as bench:
        repository, remote = repository_of(bench, IGNORING)
        handle = await maintain(bench, repository, playbook="own")
        await bench.decide(handle, await approval_of(handle), "approve")
        result = await handle.result()
        assert (result["status"], result["pushed"], result["unpushed"]) == ("completed", True, None)
        said = f"{why}; the playbook allows 2 for each step. It was taken back."
        assert withheld_in(result) == {"Do much": said}
        assert "Own: 1 change kept (Do little)." in result["summary"]
        changed = git(remote, "diff", "--name-only", "main", result["branch"])
        assert changed == "README.md"


async def test_a_reached_step_budget_withholds_the_rest_and_keeps_what_was_done(
    benches: Benches, tmp_path: Path
) -> None:
    steps = [changing("first", "echo 1 > first.txt"), changing("second", "echo 2 > second.txt")]
    settings = filed(tmp_path / "playbooks", playbook(steps))
    async with benches(script_of([]), **settings) as bench:
        repository, remote = repository_of(bench, IGNORING)
        # Before the first step the conditions are looked at twice and the set-up's change is measured once.
        handle = await maintain(bench, repository, playbook="own", budget={"steps": 4})
        await bench.decide(handle, await approval_of(handle), "approve")
        result = await handle.result()
        assert (result["status"], result["pushed"]) == ("budget_exhausted", True)
        assert withheld_in(result) == {"Do second": "The budget was reached before it: steps (6 of 4)."}
        assert git(remote, "diff", "--name-only", "main", result["branch"]) == "first.txt"


async def test_reached_minutes_withhold_the_rest(benches: Benches, tmp_path: Path) -> None:
    steps = [changing("slow", "sleep 1.2; echo 1 > slow.txt"), changing("late", "echo 2 > late.txt")]
    # The playbook allows more than what is asked for, and the lower of both counts.
    settings = filed(tmp_path / "playbooks", playbook(steps, limits={"minutes": 60}))
    async with benches(script_of([]), **settings) as bench:
        repository, remote = repository_of(bench, IGNORING)
        handle = await maintain(bench, repository, playbook="own", budget={"minutes": 0.02})
        # Whether the first step still fits depends on the machine; where it does, its push is asked for.
        async with approving(handle):
            result = await handle.result()
        assert result["status"] == "budget_exhausted"
        assert withheld_in(result)["Do late"].startswith("The budget was reached before it: minutes (")
        assert "late.txt" not in git(remote, "log", "--all", "--name-only", "--format=")


async def test_a_cancelled_run_leaves_no_process_and_the_repository_as_it_was(
    benches: Benches, tmp_path: Path
) -> None:
    marker = f"sleep 600.{tmp_path.stat().st_ino}"
    steps = [changing("first", "echo 1 > first.txt"), changing("long", f"echo 2 > long.txt; {marker}")]
    settings = filed(tmp_path / "playbooks", playbook(steps))
    async with benches(script_of([]), **settings) as bench:
        repository, remote = repository_of(bench, IGNORING)
        before = git(repository, "rev-parse", "HEAD"), git(repository, "for-each-ref")
        handle = await maintain(bench, repository, playbook="own")
        await wait_for_processes(marker, number=1, patience_s=120)
        await handle.cancel()
        with pytest.raises(WorkflowFailureError) as ended:
            await handle.result()
        assert isinstance(ended.value.cause, CancelledError)
        # Before the run says that it is cancelled, its tool's processes are gone.
        await wait_for_processes(marker, number=0, patience_s=0.1)
        assert (await handle.describe()).status is WorkflowExecutionStatus.CANCELED
        assert (await handle.query("status"))["status"] == "canceled"
        after = git(repository, "rev-parse", "HEAD"), git(repository, "for-each-ref")
        assert (after, git(repository, "status", "--porcelain")) == (before, "")
        assert list(bench.remote_branches()) == ["main"]
        assert git(remote, "for-each-ref", "--format=%(refname:short)") == "main"
