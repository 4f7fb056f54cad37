"""A whole task on hosts whose containers forbid what the sandbox is made of: level B does all of it, level C only reads."""

import asyncio
import contextlib
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import perdure
from perdure.contracts.decisions import Approval, Pending
from perdure.embedded.database import connected
from tests.faults.errand import COUNTER, make_script
from tests.faults.installation import Servers, installed
from tests.faults.person import NOBODY_THERE, PATIENCE, approve
from tests.faults.picture import Handle
from tests.faults.runs import ENDS_WITHIN_S
from tests.workflows.conftest import git

PROJECT = Path(perdure.__file__).parents[1]
OUTER = PROJECT / "tests" / "safety" / "outer_filter.py"
RECORDED = "SELECT json_agg(result ORDER BY step, call_index)::text FROM calls WHERE task_id = $1"


@dataclass
class Seen:
    """What a person and the record saw of a task."""

    result: Mapping[str, Any] = field(default_factory=dict[str, Any])
    approvals: list[Approval] = field(default_factory=list[Approval])
    calls: Sequence[Mapping[str, Any]] = ()
    details: str = ""
    log: str = ""

    def outcomes(self, tool: str) -> list[tuple[bool, str]]:
        """Whether each call of a tool went well, and who refused it."""
        return [(call["ok"], call["refused_by"]) for call in self.calls if call["tool"] == tool]


async def task_without(absent: str, servers: Servers, folder: Path) -> tuple[Seen, Path]:
    """The reference task with a worker whose host lacks something; also the remote that it pushed to."""
    seen = Seen()
    async with installed(servers, folder, make_script(delay_ms=0)) as installation:
        installation.before = (sys.executable, str(OUTER), absent)
        worker = installation.worker()
        try:
            await worker.start()
            await worker.ready()
            handle = await installation.start()
            person = asyncio.create_task(approving(handle, seen))
            async with asyncio.timeout(ENDS_WITHIN_S):
                seen.result = await handle.result()
            person.cancel()
            await asyncio.gather(person, return_exceptions=True)
            seen.details = str(await handle.query("__temporal_workflow_metadata"))
        except (TimeoutError, AssertionError) as error:
            error.add_note(installation.written())
            raise
        seen.log = worker.written()
        async with connected(servers.database_url) as connection:
            seen.calls = json.loads(str(await connection.fetchval(RECORDED, handle.first_execution_run_id)))
    return seen, installation.remote


async def approving(handle: Handle, seen: Seen) -> None:
    """Approve what waits, and keep what was shown."""
    known: set[str] = set()
    while True:
        with contextlib.suppress(*NOBODY_THERE):
            pending = await handle.query("pending", result_type=Pending, rpc_timeout=PATIENCE)
            for approval in pending.approvals:
                if approval.id not in known:
                    known.add(approval.id)
                    seen.approvals.append(approval)
                await approve(handle, approval)
        await asyncio.sleep(0.05)


async def test_at_level_b_a_whole_task_is_done_and_each_approval_names_the_level(
    harmed: Servers, tmp_path: Path
) -> None:
    seen, remote = await task_without("namespaces", harmed, tmp_path)
    assert seen.result["pushed"] is True, seen
    for tool in ("read_file", "edit_file", "execute_command", "run_tests", "git_commit", "git_push"):
        outcomes = seen.outcomes(tool)
        assert outcomes, tool
        assert set(outcomes) == {(True, "")}, (tool, seen.calls)
    assert git(remote, "show", f"{seen.result['branch']}:{COUNTER}") == "once"
    assert [approval.sandbox for approval in seen.approvals] == ["B"] * len(seen.approvals)
    assert all("level B" in approval.preview for approval in seen.approvals)
    assert len(seen.approvals) == 2
    assert "level B" in seen.details
    assert "the sandbox is not the best: level B" in seen.log


async def test_at_level_c_files_are_read_and_every_effect_is_refused_with_a_sentence(
    harmed: Servers, tmp_path: Path
) -> None:
    seen, remote = await task_without("namespaces,landlock", harmed, tmp_path)
    assert (seen.result["pushed"], seen.result["commits"], seen.approvals) == (False, [], [])
    assert set(seen.outcomes("read_file")) == {(True, "")}
    for tool in ("edit_file", "execute_command", "run_tests", "git_commit", "write_file"):
        outcomes = seen.outcomes(tool)
        assert outcomes, tool
        assert set(outcomes) == {(False, "sandbox")}, (tool, seen.calls)
    assert git(remote, "for-each-ref", "--format=%(refname:short)", "refs/heads").split() == ["main"]
    assert "level C" in seen.details
    assert "the sandbox is not the best: level C" in seen.log
