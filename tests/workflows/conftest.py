"""A whole worker on the session's real servers, with the scripted model server and a small repository."""

import asyncio
import contextlib
import itertools
import subprocess
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest
import pytest_asyncio
from pydantic import SecretStr
from temporalio.client import Client, WorkflowHandle
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import Worker

from perdure.contracts.decisions import Approval, Pending, Question
from perdure.embedded.stack import Stack
from perdure.llm.scripted.script import Script
from perdure.llm.scripted.server import ScriptedServer
from perdure.settings import Settings
from worker import House, open_house, workers

numbers = itertools.count(1)
Found = TypeVar("Found")
Call = tuple[str, Mapping[str, Any]]

FILES = {
    "README.md": "# Money\n\nRounds amounts.\n",
    "money/__init__.py": "",
    "money/rounding.py": "def to_cents(amount: float) -> int:\n    return int(amount * 100)\n",
    "tests/test_rounding.py": (
        "from money.rounding import to_cents\n\n\ndef test_rounds_to_the_nearest_cent():\n"
        "    assert to_cents(19.99) == 1999\n"
    ),
    "conftest.py": "",
}
FIX: Call = (
    "edit_file",
    {
        "path": "money/rounding.py",
        "blocks": [{"search": "int(amount * 100)", "replace": "round(amount * 100)"}],
    },
)
READ: Call = ("read_file", {"path": "money/rounding.py"})
TESTS: Call = ("run_tests", {})


#: A policy for tests of programs that are interrupted in the middle: they run once they are approved, and not before.
NOTHING_AHEAD = Path(__file__).parents[1] / "faults" / "nothing_ahead.toml"


def git(folder: Path, *arguments: str) -> str:
    """Run git as a user would and return what it prints."""
    identity = [
        "-c",
        "user.name=Ada",
        "-c",
        "user.email=ada@example.invalid",
        "-c",
        "init.defaultBranch=main",
    ]
    done = subprocess.run(
        ["git", *identity, *arguments], cwd=folder, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def make_repository(folder: Path, files: Mapping[str, str] = FILES) -> tuple[Path, Path]:
    """A repository with one commit and a bare remote as its origin."""
    repository, remote = folder / "money", folder / "money.git"
    repository.mkdir(parents=True)
    for name, text in files.items():
        (repository / name).parent.mkdir(parents=True, exist_ok=True)
        (repository / name).write_text(text)
    git(repository, "init", "--quiet")
    git(repository, "add", "--all")
    git(repository, "commit", "--quiet", "--message", "Begin")
    git(folder, "init", "--quiet", "--bare", str(remote))
    git(repository, "remote", "add", "origin", str(remote))
    git(repository, "push", "--quiet", "origin", "main")
    return repository, remote


def calls_of(calls: Sequence[Call]) -> list[dict[str, Any]]:
    """Calls in the script's form."""
    return [{"tool": tool, "arguments": dict(arguments)} for tool, arguments in calls]


def script_of(turns: Sequence[Sequence[Call]], *, before: Sequence[Mapping[str, Any]] = ()) -> Script:
    """A script that makes a plan, decides these turns one by one, says that it is done, and reports.

    ``before`` are replies that are looked at first.
    """
    decided = [{"for": "decide", "turn": turn, "calls": calls_of(calls)} for turn, calls in enumerate(turns)]
    plan = {
        "goal": "Round correctly.",
        "subtasks": [{"title": "Fix it", "done": False}],
        "tools": ["edit_file"],
    }
    plan |= {"risks": [], "estimated_steps": len(turns)}
    replies = [
        *before,
        {"for": "plan", "content": plan},
        *decided,
        {"for": "decide", "turn": [len(turns), 10_000], "content": "Everything is done."},
        reflection("done", last="says it is done"),
        reflection("continue"),
        answer(),
    ]
    return Script.model_validate({"v": 1, "about": "a test", "replies": replies})


def reflection(verdict: str, **conditions: Any) -> dict[str, Any]:
    """A reflection as a reply."""
    finished = [0] if verdict == "done" else []
    content = {"verdict": verdict, "note": f"So it is: {verdict}.", "finished_subtasks": finished}
    return {"for": "reflect", "content": content, **conditions}


def answer() -> dict[str, Any]:
    """The final answer as a reply."""
    content = {"summary": "Amounts are rounded.", "commit_message": "Round to the nearest cent"}
    content |= {"requirements": [{"requirement": "rounds", "step": 1, "shown_by": "tests"}]}  # type: ignore[dict-item]
    return {"for": "synthesize", "content": content}


@dataclass
class Bench:
    """Everything a test of a whole task needs."""

    client: Client
    house: House
    models: ScriptedServer
    settings: Settings
    repository: Path
    remote: Path
    folder: Path
    workers: tuple[Worker, Worker]
    handles: list[WorkflowHandle[Any, Any]] = field(default_factory=list[WorkflowHandle[Any, Any]])

    async def start(self, request: object = None, **fields: Any) -> WorkflowHandle[Any, Any]:
        """Start a task; a given ``request`` is sent as it is."""
        if request is None:
            request = {"request": "Round correctly.", "repository": str(self.repository), **fields}
        handle = await self.client.start_workflow(
            "CodingTask", request, id=f"test-{next(numbers)}", task_queue=self.settings.task_queue
        )
        self.handles.append(handle)
        return handle

    def remote_branches(self) -> dict[str, str]:
        """Branch → commit at the remote."""
        lines = git(self.remote, "for-each-ref", "--format=%(refname:short) %(objectname)", "refs/heads")
        return dict(line.split() for line in lines.splitlines())

    async def approval(self, handle: WorkflowHandle[Any, Any], *, but: str = "") -> Approval:
        """The pending approval once there is one (whose id is not ``but``)."""

        async def look() -> Approval | None:
            pending = await handle.query("pending", result_type=Pending)
            return next((each for each in pending.approvals if each.id != but), None)

        return await until(look)

    async def question(self, handle: WorkflowHandle[Any, Any], *, but: str = "") -> Question:
        """The pending question once there is one."""

        async def look() -> Question | None:
            pending = await handle.query("pending", result_type=Pending)
            return next((each for each in pending.questions if each.id != but), None)

        return await until(look)

    async def decide(
        self, handle: WorkflowHandle[Any, Any], approval: Approval, verdict: str, **more: Any
    ) -> Any:
        """Decide as the Web UI does."""
        decision = {"approval_id": approval.id, "verdict": verdict, "by": "Ada", **more}
        # The overloads of the SDK's method are partly untyped.
        return await handle.execute_update("decide", decision)  # pyright: ignore[reportUnknownMemberType]

    async def card(self, handle: WorkflowHandle[Any, Any]) -> str:
        """The current details that the Web UI shows."""
        metadata: Any = await handle.query("__temporal_workflow_metadata")
        return str(metadata.current_details)

    async def warnings(self, handle: WorkflowHandle[Any, Any]) -> list[str]:
        """What the transcript warns of, the installation's own remarks left out."""
        # A busy worker first replays a run that has left its memory.
        lines: list[dict[str, Any]] = await handle.query("transcript", rpc_timeout=timedelta(seconds=60))
        own = "Search attributes are not registered"
        return [line["title"] for line in lines if line["kind"] == "warning" and own not in line["title"]]

    async def finish(self, handle: WorkflowHandle[Any, Any]) -> dict[str, Any]:
        """Approve every push that is asked for, and give the result."""

        async def approve() -> None:
            seen = ""
            while True:
                approval = await self.approval(handle, but=seen)
                seen = approval.id
                await self.decide(handle, approval, "approve")

        approving = asyncio.create_task(approve())
        try:
            result: dict[str, Any] = await handle.result()
            return result
        finally:
            approving.cancel()
            await asyncio.gather(approving, return_exceptions=True)

    async def calls(self, handle: WorkflowHandle[Any, Any]) -> list[dict[str, Any]]:
        """The lines of the transcript that are calls."""
        lines: list[dict[str, Any]] = await handle.query("transcript")
        return [line for line in lines if line["kind"] == "call"]


async def until(look: Callable[[], Awaitable[Found | None]], *, within_s: float = 120.0) -> Found:
    """What ``look`` gives once it gives something; the limit only guards against waiting for ever."""
    pause_s = 0.02
    async with asyncio.timeout(within_s):
        while True:
            found = await look()
            if found is not None:
                return found
            await asyncio.sleep(pause_s)
            # A look costs server and worker more than what most tests wait for.
            pause_s = min(pause_s * 1.5, 0.25)


def settings_of(stack: Stack, database_url: str, home: Path, models_url: str, **changes: Any) -> Settings:
    """Settings of a worker in a test, which a busy machine does not make look like a dead one."""
    values: dict[str, Any] = {
        "home": home,
        "database_url": SecretStr(database_url),
        "task_queue": f"perdure-test-{next(numbers)}",
        "groq_base_url": models_url,
        "model_script": Path("given-by-the-test.json"),
        "heartbeat_s": 6.0,
        "host_answer_s": 15.0,
    }
    settings = Settings.model_construct(**{**Settings().model_dump(), **values, **changes})
    return settings.knowing({"TEMPORAL_ADDRESS": stack.addresses.temporal})


@contextlib.asynccontextmanager
async def bench_of(
    stack: Stack, client: Client, database_url: str, folder: Path, script: Script, **changes: Any
) -> AsyncGenerator[Bench]:
    """A worker that plays the script; running tasks are terminated at the end."""
    repository, remote = make_repository(folder / "user")
    models = await ScriptedServer().start(script)
    settings = settings_of(stack, database_url, folder / "home", models.url, **changes)
    try:
        async with open_house(settings) as house, workers(house) as pair:
            bench = Bench(client, house, models, settings, repository, remote, folder, pair)
            try:
                yield bench
            finally:
                await stop_all(bench)
    finally:
        await models.stop()


async def stop_all(bench: Bench) -> None:
    """Terminate what still runs, so that nothing of a test outlives it; what cannot be ended is told, after the others."""
    failed: list[RPCError] = []
    for handle in bench.handles:
        try:
            described = await handle.describe()
            if described.status is not None and described.status.name == "RUNNING":
                await handle.terminate("the test is over")
        except RPCError as error:
            # It may end by itself meanwhile, which the server calls not found.
            if error.status is not RPCStatusCode.NOT_FOUND:
                failed.append(error)
    if failed:
        raise ExceptionGroup("tasks of a test go on", failed)


Benches = Callable[..., contextlib.AbstractAsyncContextManager[Bench]]


@pytest_asyncio.fixture(loop_scope="session")
async def benches(
    stack: Stack, temporal_client: Client, database_url: str, tmp_path: Path
) -> AsyncIterator[Benches]:
    """Makes a bench for a script: ``async with benches(script) as bench``."""

    def make(script: Script, **changes: Any) -> contextlib.AbstractAsyncContextManager[Bench]:
        return bench_of(stack, temporal_client, database_url, tmp_path, script, **changes)

    yield make


@pytest.fixture
def fixing() -> Script:
    """Reads, edits, tests."""
    return script_of([[READ], [FIX], [TESTS]])
