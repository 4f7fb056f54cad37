"""A worker that is killed in the middle of a maintenance run: the set-up runs again, and nothing is lost or done twice."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import Client

from perdure.embedded.stack import Stack
from tests.faults.errand import COUNTER
from tests.faults.installation import Installation, Servers, installed
from tests.faults.person import approving
from tests.faults.picture import Handle, read_work
from tests.workflows.conftest import git, make_repository, script_of, until
from tests.workflows.own_playbooks import IGNORING, changing, command, filed, playbook
from tests.workflows.test_maintenance_run import steps_of

#: Fails where the set-up's folder, which no checkpoint holds, is not there; leaves time for a kill after its line.
LASTING = changing("lasting", f"test -f made/ready && echo once >> {COUNTER} && sleep 3")
SETUP = {"title": "Make ready", "call": [command("mkdir -p made && echo ready >> made/ready")]}
CHECK = {
    "id": "ready",
    "title": "made ready",
    "call": {"tool": "execute_command", "arguments": {"command": 'test "$(cat made/ready)" = ready'}},
}
STEPS = [changing("first", "echo once >> first.txt"), LASTING, changing("last", "cat made/ready >> last.txt")]
PATIENCE_S = 180


async def run_once(at: Installation, repository: Path, name: str) -> Handle:
    """Start a maintenance run with the test's own playbook."""
    handle: Handle = await at.servers.client.start_workflow(
        "MaintenanceRun",
        {"repository": str(repository), "playbook": "own"},
        id=f"{at.queue}-{name}",
        task_queue=at.queue,
    )
    at.handles.append(handle)
    return handle


def lines_of(at: Installation) -> set[Path]:
    """Where the lasting step has written its line: the folders of each workspace that hold it."""
    return {path for path in at.home().glob(f"workspaces/*/*/tree/{COUNTER}") if path.stat().st_size}


def outcome(result: dict[str, Any], remote: Path) -> dict[str, Any]:
    """What a run ended with, without what differs from run to run."""
    told = {name: result[name] for name in ("status", "summary", "findings", "withheld", "unpushed")}
    told["checks"] = [(check["name"], check["status"]) for check in result["checks"]]
    commits = git(remote, "log", "--format=%s", f"main..{result['branch']}").splitlines()
    return {**told, "tree": git(remote, "rev-parse", f"{result['branch']}^{{tree}}"), "commits": commits}


async def set_ups(handle: Handle) -> int:
    """How often the set-up was decided on, by the event history's summaries."""
    found = 0
    async for event in handle.fetch_history_events():
        found += event.user_metadata.summary.data.endswith(b'set up: Make ready"')
    return found


@pytest.mark.parametrize("pause_s", [0.0, 5.0], ids=["at-once", "after-its-host-counts-as-silent"])
async def test_a_killed_worker_changes_nothing_of_how_the_run_ends(
    stack: Stack, temporal_client: Client, database_url: str, tmp_path: Path, pause_s: float
) -> None:
    settings = filed(tmp_path / "playbooks", playbook(STEPS, setup=[SETUP], checks=[CHECK]))
    servers = Servers(temporal_client, stack.addresses.temporal, database_url)
    async with installed(servers, tmp_path / "installation", script_of([])) as at:
        repository, remote = make_repository(tmp_path / "shop", IGNORING)
        worker = at.worker(changes={"playbooks": settings["playbooks"][0]})
        await worker.start()
        undisturbed = await run_once(at, repository, "undisturbed")
        async with approving(undisturbed):
            expected = outcome(await undisturbed.result(), remote)
        assert expected["status"] == "completed"
        assert expected["commits"] == ["Do last", "Do lasting", "Do first"]
        assert expected["checks"] == [("made ready", "passed")]
        assert await set_ups(undisturbed) == 1

        before = lines_of(at)

        async def counted() -> bool | None:
            return bool(lines_of(at) - before) or None

        handle = await run_once(at, repository, "killed")
        async with approving(handle):
            await until(counted, within_s=PATIENCE_S)
            await worker.kill()
            await asyncio.sleep(pause_s)
            await worker.start()
            result = await handle.result()
        assert outcome(result, remote) == expected
        assert git(remote, "show", f"{result['branch']}:{COUNTER}") == "once"
        assert git(remote, "show", f"{result['branch']}:first.txt") == "once"
        assert "prepare_workspace takeover" in [each.name for each in (await read_work(handle))[0]]
        assert await set_ups(handle) == 2
        assert (await steps_of(handle))[-1] == "close_task"
        assert git(repository, "status", "--porcelain") == ""
