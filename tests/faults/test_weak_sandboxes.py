"""A whole task on hosts whose containers forbid what the sandbox is made of: level B does all of it, level C only reads."""

import asyncio
import contextlib
import json
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

import perdure
from perdure.contracts.decisions import Approval, Pending
from perdure.embedded.database import connected
from tests.faults.errand import COUNTER, make_script
from tests.faults.installation import Servers, installed
from tests.faults.person import NOBODY_THERE, PATIENCE, approve
from tests.faults.picture import Handle
from tests.faults.runs import ENDS_WITHIN_S
from tests.workflows.conftest import git
from tests.workflows.test_metrics import free_port

PROJECT = Path(perdure.__file__).parents[1]
OUTER = PROJECT / "tests" / "safety" / "outer_filter.py"
SERVED = re.compile(r'^perdure_sandbox\{.*?level="(\w)".*?\} ([\d.]+)$', re.MULTILINE)
AUDITED = """
SELECT json_object_agg(kind, levels)::text FROM (
  SELECT kind, json_agg(coalesce(body->>'sandbox', body->'approval'->>'sandbox', body->'workspace'->>'sandbox')) AS levels
  FROM entries WHERE task_id = $1 GROUP BY kind) AS named
"""
RECORDED = "SELECT json_agg(result ORDER BY step, call_index)::text FROM calls WHERE task_id = $1"


@dataclass
class Seen:
    """What a person and the record saw of a task."""

    result: Mapping[str, Any] = field(default_factory=dict[str, Any])
    approvals: list[Approval] = field(default_factory=list[Approval])
    calls: Sequence[Mapping[str, Any]] = ()
    details: str = ""
    log: str = ""
    served: Mapping[str, float] = field(default_factory=dict[str, float])
    """What the worker's own address serves of the levels."""
    audited: Mapping[str, set[str | None]] = field(default_factory=dict[str, set[str | None]])
    """The levels that the transcript names, by the kind of entry."""

    def outcomes(self, tool: str) -> list[tuple[bool, str]]:
        """Whether each call of a tool went well, and who refused it."""
        return [(call["ok"], call["refused_by"]) for call in self.calls if call["tool"] == tool]


async def task_without(absent: str, servers: Servers, folder: Path) -> tuple[Seen, Path]:
    """The reference task with a worker whose host lacks something; also the remote that it pushed to."""
    seen = Seen()
    async with installed(servers, folder, make_script(delay_ms=0)) as installation:
        installation.before = (sys.executable, str(OUTER), absent) if absent else ()
        address = f"127.0.0.1:{free_port()}"
        worker = installation.worker(changes={"metrics_address": address})
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
            async with aiohttp.ClientSession() as session, session.get(f"http://{address}/metrics") as reply:
                seen.served = {level: float(value) for level, value in SERVED.findall(await reply.text())}
        except (TimeoutError, AssertionError) as error:
            error.add_note(installation.written())
            raise
        seen.log = worker.written()
        async with connected(servers.database_url) as connection:
            seen.calls = json.loads(str(await connection.fetchval(RECORDED, handle.first_execution_run_id)))
            named = json.loads(str(await connection.fetchval(AUDITED, handle.first_execution_run_id)))
            seen.audited = {kind: set(levels) for kind, levels in named.items()}
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


def said_everywhere(seen: Seen, level: str, *kinds: str) -> None:
    """Assert that the worker's address and these entries of the transcript say this level, and no other."""
    assert seen.served == {each: float(each == level) for each in "ABCD"}
    assert {kind: seen.audited.get(kind) for kind in kinds} == {kind: {level} for kind in kinds}
    assert f"level {level}" in seen.details


async def test_at_level_a_the_worker_serves_it_and_the_transcript_names_it(
    harmed: Servers, tmp_path: Path
) -> None:
    seen, _ = await task_without("", harmed, tmp_path)
    assert seen.result["pushed"] is True, seen
    said_everywhere(seen, "A", "workspace", "result", "approval")
    assert [approval.sandbox for approval in seen.approvals] == ["A"] * 2


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
    [counting] = [approval for approval in seen.approvals if approval.tool == "execute_command"]
    assert "Ran ahead in a throw-away copy" in counting.preview
    assert f"created `{COUNTER}`" in counting.preview
    assert len(seen.approvals) == 2
    said_everywhere(seen, "B", "workspace", "result", "approval")
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
    said_everywhere(seen, "C", "workspace", "result")
    assert "the sandbox is not the best: level C" in seen.log
