"""The wheel in an empty environment: another program has the whole client with temporalio and pydantic alone."""

import asyncio
import json
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from perdure.embedded.stack import Stack
from perdure.settings import PROJECT_FOLDER
from tests.client.player import Player
from tests.client.waiting import LIMIT_S

UV = str(Path(sys.executable).with_name("uv"))
SOURCES = ("pyproject.toml", "README.md", "LICENSE", "perdure")
HEAVY = {"chromadb", "groq", "git", "asyncpg", "redis", "aiohttp", "typer", "rich"}
PROGRAM = """
import asyncio, json, os, sys

from perdure.client import PerdureClient
from perdure.client.events import Waiting

async def main():
    address, namespace, queue = sys.argv[1:]
    async with PerdureClient.connect(address, namespace=namespace, task_queue=queue) as client:
        task = await client.start("Mend the rounding", repository="/srv/shop", user="ada")
        seen = []
        async for event in task.events():
            seen.append(event.kind)
            if isinstance(event, Waiting):
                [approval] = (await task.pending()).approvals
                receipt = await task.approve(approval.id, by="ada")
        result = await task.result()
    modules = sorted({name.partition(".")[0] for name in sys.modules})
    print(json.dumps({"status": result.status, "seen": seen, "recorded": receipt.recorded, "modules": modules}))

asyncio.run(main())
# As docs/python-client.md tells every short program to end: threads of Temporal's library may abort Python's own exit.
sys.stdout.flush()
os._exit(0)
"""


def run(*command: str) -> str:
    """What a program prints; its complaints where it fails."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=200)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy of the sources, so that the checkout stays as it is."""
    folder = tmp_path_factory.mktemp("wheel")
    for name in SOURCES:
        source, target = PROJECT_FOLDER / name, folder / "source" / name
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            target.parent.mkdir(exist_ok=True)
            shutil.copy(source, target)
    run(UV, "build", "--wheel", "--quiet", "--out-dir", str(folder / "out"), str(folder / "source"))
    [built] = (folder / "out").glob("*.whl")
    return built


@pytest.fixture(scope="module")
def empty(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment that holds the wheel and what it depends on, in the versions tested here."""
    folder = tmp_path_factory.mktemp("empty")
    python = folder / "bin" / "python"
    versions = folder.with_name("versions.txt")
    versions.write_text(run(UV, "pip", "freeze", "--quiet", "--python", sys.executable))
    run(UV, "venv", "--quiet", "--allow-existing", "--python", sys.executable, str(folder))
    run(UV, "pip", "install", "--quiet", "--python", str(python), "--constraint", str(versions), str(wheel))
    return python


def test_the_wheel_holds_the_package_with_its_data_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {"perdure"}
    package = {name for name in names if name.startswith("perdure/")}
    wanted = {
        str(path.relative_to(PROJECT_FOLDER))
        for path in (PROJECT_FOLDER / "perdure").rglob("*")
        if path.suffix in {".lock", ".py", ".sql", ".toml"} or path.name == "py.typed"
    }
    assert package == wanted
    assert {"perdure/py.typed", "perdure/safety/policy.toml"} <= package


def test_the_wheel_alone_brings_temporalio_and_pydantic_and_no_worker_library(empty: Path) -> None:
    listed: list[Mapping[str, str]] = json.loads(
        run(UV, "pip", "list", "--quiet", "--format", "json", "--python", str(empty))
    )
    names = {each["name"] for each in listed}
    assert {"perdure", "pydantic", "temporalio"} <= names
    assert names & {*HEAVY, "gitpython", "uvicorn"} == set()


async def test_a_program_with_the_wheel_alone_starts_watches_and_approves_a_task(
    empty: Path, stack: Stack, worker: Player, tmp_path: Path
) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    addresses = stack.addresses
    running = await asyncio.create_subprocess_exec(
        str(empty), "-I", str(program), addresses.temporal, addresses.namespace, worker.task_queue,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, cwd=tmp_path,
    )  # fmt: skip
    async with asyncio.timeout(LIMIT_S):
        out, complaints = await running.communicate()
    assert running.returncode == 0, complaints.decode()
    told: dict[str, Any] = json.loads(out)
    assert (told["status"], told["recorded"]) == ("completed", "approve")
    assert (told["seen"][0], told["seen"][-1]) == ("started", "ended")
    assert set(told["modules"]) & HEAVY == set()


def test_every_public_name_of_the_client_is_there(empty: Path) -> None:
    code = "import perdure.client as c; print(*[n for n in c.__all__ if not getattr(c, n).__doc__])"
    assert run(str(empty), "-I", "-c", code) == "IfClosed\n"
