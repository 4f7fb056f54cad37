"""``starter.py`` as a process: how fast it starts, what it loads, that it keeps secrets and ends as it says."""

import asyncio
import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from temporalio.client import Client

from perdure.client import PerdureClient
from perdure.client.task_list import registration
from perdure.embedded.ports import free_port
from perdure.embedded.stack import Stack
from perdure.embedded.temporal_binary import wheel_binary
from perdure.settings import PROJECT_FOLDER, Settings, variable_of
from tests.client.player import Player
from tests.client.waiting import LIMIT_S, approval_of

STARTER = str(PROJECT_FOLDER / "starter.py")


def environment(**given: str) -> dict[str, str]:
    """This process's environment without any setting but those given."""
    ours = {variable_of(field) for field in Settings.model_fields}
    kept = {
        name: text
        for name, text in os.environ.items()
        if name not in ours and not name.startswith("TEMPORAL_")
    }
    return {**kept, "COLUMNS": "200", **given}


def starter(*arguments: str, given: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """One command, run to its end."""
    return subprocess.run(
        [sys.executable, STARTER, *arguments],
        capture_output=True,
        text=True,
        env=environment(**(given or {})),
        check=False,
        timeout=LIMIT_S,
    )


def cpu_seconds(*command: str) -> float:
    """The least CPU time of five runs: on a busy machine one run takes up to twice as much as another."""
    spent: list[float] = []
    for _ in range(5):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, *command], capture_output=True, cwd=PROJECT_FOLDER, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(spent)


def loaded_by(statement: str) -> set[str]:
    """Top-level modules that are loaded after this statement."""
    code = f"import sys; {statement}; print(*sorted({{name.split('.')[0] for name in sys.modules}}))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=PROJECT_FOLDER, check=True
    )
    return set(done.stdout.split())


def test_help_is_instant() -> None:
    assert cpu_seconds(STARTER, "--help") < 0.5


def test_the_command_line_loads_nothing_of_weight_before_a_command_runs() -> None:
    assert (
        loaded_by("import starter") & {"temporalio", "pydantic", "pydantic_settings", "rich", "asyncpg"}
        == set()
    )


def test_the_client_loads_only_temporalio_and_pydantic() -> None:
    loaded = loaded_by("from perdure.client import PerdureClient")
    worker_or_view = {"typer", "rich", "pydantic_settings", "dotenv", "structlog", "asyncpg", "groq", "aiohttp", "chromadb", "git", "redis", "zstandard"}  # fmt: skip
    assert loaded & worker_or_view == set()


def test_importing_the_client_adds_little_to_temporals_own_library() -> None:
    theirs = cpu_seconds("-c", "import temporalio.client, temporalio.contrib.pydantic, temporalio.envconfig")
    ours = cpu_seconds("-c", "from perdure.client import PerdureClient")
    assert ours - theirs < 0.4


def test_starter_gives_the_client() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from starter import PerdureClient; print(PerdureClient.__name__)"],
        capture_output=True,
        text=True,
        cwd=PROJECT_FOLDER,
        check=True,
    )
    assert done.stdout == "PerdureClient\n"


def test_secrets_are_never_printed(tmp_path: Path) -> None:
    given = {
        "PERDURE_HOME": str(tmp_path),
        "GROQ_API_KEY": "gsk_hush",
        "GROQ_BASE_URL": f"http://127.0.0.1:{free_port()}",
        "PERDURE_DATABASE_URL": f"postgresql://ada:hush@127.0.0.1:{free_port()}/perdure",
        "TEMPORAL_ADDRESS": f"127.0.0.1:{free_port()}",
        "TEMPORAL_API_KEY": "hush",
    }
    for arguments in (("doctor",), ("up",)):
        done = starter(*arguments, given=given)
        assert done.returncode != 0
        assert "hush" not in done.stdout + done.stderr


def test_a_bad_setting_ends_with_7_and_its_name(tmp_path: Path) -> None:
    done = starter("approvals", given={"PERDURE_BUDGET_USD": "much", "PERDURE_HOME": str(tmp_path)})
    assert done.returncode == 7
    assert "PERDURE_BUDGET_USD cannot be used" in done.stderr


async def test_ctrl_c_ends_with_130(
    stack: Stack, client: PerdureClient, worker: Player, tmp_path: Path
) -> None:
    task = await client.start("Mend it", repository="/srv/shop")
    await approval_of(task)
    process = await asyncio.create_subprocess_exec(
        sys.executable, STARTER, "watch", task.id, "--wait",
        env=environment(TEMPORAL_ADDRESS=stack.addresses.temporal, PERDURE_HOME=str(tmp_path)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    assert b"Mend it" in await process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, errors = await process.communicate()
    assert (process.returncode, errors) == (130, b"")


async def test_the_command_that_doctor_prints_registers_search_attributes(
    stack: Stack, temporal_client: Client
) -> None:
    client = PerdureClient(temporal_client)
    assert await client.missing_search_attributes() == []
    program = wheel_binary()
    assert program is not None
    command = registration(
        {"PerdureExtraA": "Keyword", "PerdureExtraB": "Double"},
        address=stack.addresses.temporal,
        namespace=stack.addresses.namespace,
    )
    for _ in range(2):
        registered = await asyncio.create_subprocess_exec(
            str(program),
            *command.split()[1:],
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await registered.communicate()
        assert registered.returncode == 0, said


async def test_up_runs_models_and_worker_and_stops_everything(
    stack: Stack, database_url: str, tmp_path: Path
) -> None:
    script = tmp_path / "script.json"
    script.write_text(json.dumps({"v": 1, "about": "nothing", "replies": [{"for": "plan", "content": {}}]}))
    queue = f"up-{os.getpid()}"
    process = await asyncio.create_subprocess_exec(
        sys.executable, STARTER, "up", "--json",
        env=environment(
            TEMPORAL_ADDRESS=stack.addresses.temporal,
            PERDURE_DATABASE_URL=database_url,
            PERDURE_HOME=str(tmp_path / "home"),
            PERDURE_TASK_QUEUE=queue,
            PERDURE_MODEL_SCRIPT=str(script),
        ),
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        started = json.loads(await asyncio.wait_for(process.stdout.readline(), LIMIT_S))
        health = {part["name"]: part for part in started["health"]}
        assert all(part["ok"] for part in health.values()), health
        assert started["addresses"]["models"].startswith("http://127.0.0.1:")
        async with PerdureClient.connect(
            stack.addresses.temporal, task_queue=queue, environment={}
        ) as client:
            [identity] = await client.workers()
            os.kill(int(identity.partition("@")[0]), signal.SIGKILL)
            while "started again" not in (
                line := (await asyncio.wait_for(process.stdout.readline(), LIMIT_S)).decode()
            ):
                assert json.loads(line)["health"]["name"] == "worker"
    finally:
        process.terminate()
        await process.communicate()
    assert process.returncode == 0
    assert not (tmp_path / "home" / "stack.json").exists()
