"""A host that falls silent, comes back or wakes up late, and workspaces that vanish: nothing is lost or done twice."""

import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowFailureError
from temporalio.exceptions import ApplicationError

from perdure.contracts.decisions import Pending, Question
from perdure.embedded.database import connected
from perdure.embedded.stack import Stack
from perdure.llm.scripted.script import Script
from tests.faults.errand import COUNTER
from tests.faults.installation import Installation, Servers, installed
from tests.faults.person import NOBODY_THERE, PATIENCE, approving
from tests.faults.picture import Handle, read_work
from tests.workflows.conftest import FIX, NOTHING_AHEAD, READ, Bench, Call, git, script_of, until

QUICK: dict[str, object] = {"heartbeat_s": 2, "host_answer_s": 3, "policy": NOTHING_AHEAD}

#: Long enough that a worker can be killed or frozen before and after the line is written.
COUNTING: Call = (
    "execute_command",
    {"command": f"sleep 0.2; echo once >> {COUNTER}; sleep 3", "writes": True},
)
Installs = Callable[[Script], AbstractAsyncContextManager[Installation]]


@pytest_asyncio.fixture(loop_scope="session")
async def installs(
    stack: Stack, temporal_client: Client, database_url: str, tmp_path: Path
) -> AsyncIterator[Installs]:
    """Makes an installation for a script: ``async with installs(script) as installation``."""
    servers = Servers(temporal_client, stack.addresses.temporal, database_url)
    yield lambda script: installed(servers, tmp_path / "installation", script)


async def counted(at: Installation, host: str = "host") -> None:
    """Wait until the command has written its line in some generation of the host's workspace."""

    async def look() -> bool | None:
        found = at.home(host).glob(f"workspaces/*/*/tree/{COUNTER}")
        return any(path.stat().st_size for path in found) or None

    await until(look)


async def question_of(handle: Handle) -> Question:
    """The pending question, asked for patiently while workers come and go."""

    async def look() -> Question | None:
        try:
            pending = await handle.query("pending", result_type=Pending, rpc_timeout=PATIENCE)
        except NOBODY_THERE:
            return None
        return next(iter(pending.questions), None)

    return await until(look)


async def answer(handle: Handle, question: Question, choice: str) -> None:
    """Answer a question as the Web UI does."""
    said = {"question_id": question.id, "choice": choice, "by": "Ada"}
    # The overloads of the SDK's method are partly untyped.
    await handle.execute_update("answer", said)  # pyright: ignore[reportUnknownMemberType]


async def lease(at: Installation, handle: Handle) -> tuple[int, int, str]:
    """Epoch, generation and host of the workspace by the record."""
    query = "SELECT json_build_array(epoch, generation, host_id)::text FROM workspaces WHERE task_id = $1"
    async with connected(at.servers.database_url) as connection:
        row = str(await connection.fetchval(query, handle.first_execution_run_id))
    epoch, generation, host = row.strip("[]").split(", ")
    return int(epoch), int(generation), host.strip('"')


async def completed(handle: Handle) -> list[str]:
    """The pieces of work that completed, by the event history."""
    return [each.name for each in (await read_work(handle))[0] if each.completed is not None]


def generations(home: Path) -> list[int]:
    """The folders of the one workspace below a home."""
    return sorted(int(path.name) for path in home.glob("workspaces/*/*") if path.name.isdigit())


async def test_a_host_that_comes_back_rebuilds_its_workspace_in_a_new_folder(installs: Installs) -> None:
    async with installs(script_of([[FIX], [COUNTING], [READ]])) as at:
        worker = at.worker(changes=QUICK)
        await worker.start()
        handle = await at.start()
        async with approving(handle):
            await counted(at)
            before = await lease(at, handle)
            await worker.kill()
            await until(lambda: given_up(handle))
            await worker.start()
            result = await handle.result()
        after = await lease(at, handle)
        assert after[0] > before[0]
        assert after[1] > before[1]
        assert after[2] == before[2]
        assert generations(at.home()) == [after[1]]
        assert "prepare_workspace takeover" in await completed(handle)
        assert git(at.remote, "show", f"{result['branch']}:{COUNTER}") == "once"
        assert "round(amount" in git(at.remote, "show", f"{result['branch']}:money/rounding.py")


async def given_up(handle: Handle) -> bool | None:
    """True once the server has given up a step that no worker took in time."""
    timed_out = EventType.EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT
    return any(each.event_type == timed_out for each in (await handle.fetch_history()).events) or None


async def forget_checkpoints(database_url: str, handle: Handle) -> None:
    """Take what is stored of a task's checkpoints out of the database, as an older backup would lack it."""
    query = (
        "DELETE FROM artifacts WHERE task_id = $1 AND media_type LIKE 'application/vnd.perdure.checkpoint%'"
    )
    async with connected(database_url) as connection:
        done = await connection.execute(query, handle.first_execution_run_id)
    assert done != "DELETE 0"


async def test_another_host_goes_on_with_the_same_files_from_the_stored_checkpoints(
    installs: Installs,
) -> None:
    async with installs(script_of([[FIX], [COUNTING], [READ]])) as at:
        first, other = at.worker("first", changes=QUICK), at.worker("other", changes=QUICK)
        await first.start()
        handle = await at.start()
        async with approving(handle):
            await counted(at, "first")
            before = await lease(at, handle)
            await first.kill()
            shutil.rmtree(at.home("first") / "workspaces")
            await other.start()
            result = await handle.result()
        after = await lease(at, handle)
        assert after[0] > before[0]
        assert after[2] != before[2]
        assert git(at.remote, "show", f"{result['branch']}:{COUNTER}") == "once"
        assert "round(amount" in git(at.remote, "show", f"{result['branch']}:money/rounding.py")
        assert generations(at.home("other")) == [after[1]]
        assert generations(at.home("first")) == []
        # The time that a host has to answer is waited for once.
        takeovers = [
            each
            for each in (await read_work(handle))[0]
            if each.name.startswith("prepare_workspace takeover")
        ]
        assert [each.completed is not None for each in takeovers] == [True]


@pytest.mark.parametrize("choice", ["stop", "retry"])
async def test_another_host_without_the_checkpoint_asks_instead_of_working_in_an_empty_folder(
    installs: Installs, choice: str
) -> None:
    async with installs(script_of([[FIX], [COUNTING], [READ]])) as at:
        first, other = at.worker("first", changes=QUICK), at.worker("other", changes=QUICK)
        await first.start()
        handle = await at.start()
        async with approving(handle):
            await counted(at, "first")
            host = (await lease(at, handle))[2]
            await first.kill()
            await forget_checkpoints(at.servers.database_url, handle)
            await other.start()
            question = await question_of(handle)
            assert "RESTORE_INCOMPLETE" in question.text
            assert host in question.text
            assert (question.kind.value, question.choices) == ("restore", ("retry", "stop"))
            assert (await handle.query("status"))["needs"] == "answer"
            if choice == "stop":
                await answer(handle, question, "stop")
                with pytest.raises(WorkflowFailureError) as failed:
                    await handle.result()
                assert isinstance(failed.value.cause, ApplicationError)
                assert failed.value.cause.type == "WorkspaceLost"
                assert failed.value.cause.details[0]["status"] == "failed"
                assert git(at.remote, "for-each-ref", "--format=%(refname:short)", "refs/heads") == "main"
                return
            # The other host stays, and may not snatch the workspace from the one that has its files.
            await first.start()
            await first.ready()
            await answer(handle, question, "retry")
            result = await handle.result()
        assert (await lease(at, handle))[2] == host
        assert git(at.remote, "show", f"{result['branch']}:{COUNTER}") == "once"
        assert generations(at.home("other")) == []


async def test_a_frozen_worker_that_wakes_up_late_changes_and_records_nothing(installs: Installs) -> None:
    async with installs(script_of([[FIX], [COUNTING], [READ]])) as at:
        frozen, fresh = at.worker(changes=QUICK), at.worker(changes=QUICK)
        await frozen.start()
        handle = await at.start()
        async with approving(handle):
            await counted(at)
            frozen.freeze()
            await fresh.start()
            result = await handle.result()
        before = await lease(at, handle)
        files = git(at.remote, "ls-tree", "-r", result["branch"])
        frozen.wake()
        await until(lambda: refused(frozen.written))
        assert await lease(at, handle) == before
        assert git(at.remote, "ls-tree", "-r", result["branch"]) == files
        assert git(at.remote, "show", f"{result['branch']}:{COUNTER}") == "once"
        work = await completed(handle)
        assert sorted(set(work)) == sorted(work)
        async with connected(at.servers.database_url) as connection:
            recorded = await connection.fetchval(
                "SELECT count(*) FROM calls WHERE task_id = $1 AND step = 2", handle.first_execution_run_id
            )
        assert recorded == 1


async def test_a_frozen_worker_that_pushes_late_pushes_nothing_new(installs: Installs) -> None:
    async with installs(script_of([[FIX]])) as at:
        # The remote takes its time, so the worker stands still in the middle of the push.
        hook = at.remote / "hooks" / "update"
        hook.write_text("#!/bin/sh\ntouch arriving\nsleep 4\n")
        hook.chmod(0o755)
        frozen, fresh = at.worker(changes=QUICK), at.worker(changes=QUICK)
        await frozen.start()
        handle = await at.start()
        async with approving(handle):
            await until(lambda: arrives(at))
            frozen.freeze()
            await fresh.start()
            result = await handle.result()
        frozen.wake()
        await until(lambda: refused(frozen.written))
        moves = (at.remote / "logs" / "refs" / "heads" / result["branch"]).read_text().splitlines()
        assert len(moves) == 1
        assert result["pushed"] is True
        assert git(at.remote, "rev-parse", result["branch"]) == result["commits"][-1]


async def arrives(at: Installation) -> bool | None:
    """True once the push is at the remote, which has not taken it yet."""
    return (at.remote / "arriving").exists() or None


async def refused(read: Callable[[], str]) -> bool | None:
    """True once the worker knows that its work does not count.

    Its token is too low, its folder is gone, or its heartbeat was told first that nobody waits for the work.
    """
    return any(word in read() for word in ("Fenced", "WorkspaceLost", "outcome=cancelled")) or None


SLOWLY: dict[str, Any] = {
    "for": "decide",
    "turn": 1,
    "delay_ms": 1_500,
    "calls": [{"tool": "read_file", "arguments": {"path": "money/rounding.py"}}],
}


async def task_folder(bench: Bench) -> Path:
    """The folder of the bench's one task, once its first step is done and its second is thought about."""

    async def thinking() -> bool | None:
        return any((each.role, each.turn) == ("decide", 0) for each in bench.models.requests) or None

    await until(thinking)

    async def edited() -> Path | None:
        lines = await bench.calls(bench.handles[0])
        found = (bench.folder / "home" / "workspaces").glob("*/objects")
        return next(found).parent if lines else None

    return await until(edited)


@pytest.mark.parametrize("part", ["", "tree", "git"])
async def test_a_workspace_that_vanishes_is_rebuilt_from_its_checkpoint(benches: Any, part: str) -> None:
    async with benches(script_of([[FIX], [READ], [READ]], before=[SLOWLY])) as bench:
        handle = await bench.start()
        folder = await task_folder(bench)
        generation = max(int(each.name) for each in folder.iterdir() if each.name.isdigit())
        shutil.rmtree(folder / str(generation) / part)
        await bench.decide(handle, await bench.approval(handle), "approve")
        result = await handle.result()
        assert "prepare_workspace takeover" in await completed(handle)
        assert [call["ok"] for call in await bench.calls(handle)][:3] == [True, True, True]
        assert "round(amount" in git(bench.remote, "show", f"{result['branch']}:money/rounding.py")


async def test_checkpoints_that_vanish_with_the_workspace_are_asked_about(
    benches: Any, database_url: str
) -> None:
    async with benches(script_of([[FIX], [READ], [READ]], before=[SLOWLY])) as bench:
        handle = await bench.start()
        folder = await task_folder(bench)
        await forget_checkpoints(database_url, handle)
        shutil.rmtree(folder)
        question = await bench.question(handle)
        assert "RESTORE_INCOMPLETE" in question.text
        await answer(handle, question, "stop")
        with pytest.raises(WorkflowFailureError):
            await handle.result()
