"""What an import loads and does: workflows and the client stay light, and nothing happens but definitions."""

import json
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

PROJECT = Path(__file__).resolve().parents[2]
SCRIPT = Path(__file__).with_name("imports.py")
WORKER_LIBRARIES = {"aiohttp", "asyncpg", "chromadb", "git", "groq", "redis", "tree_sitter", "zstandard"}
WORLD = {"tools", "perdure.llm", "perdure.memory", "perdure.safety", "perdure.workspace", "perdure.embedded"}
ENTRY_POINTS = {"perdure.settings", "starter", "worker"}


def importing(*names: str, folder: Path, project: Path = PROJECT) -> dict[str, Any]:
    """What a fresh process loads and does when it imports these, started in an empty folder."""
    done = subprocess.run(
        [sys.executable, "-B", "-I", str(SCRIPT), str(project), *names],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "HOME": str(folder)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    first, *printed = reversed(done.stdout.splitlines())
    return {**json.loads(first), "printed": "\n".join(printed) + done.stderr, "left": list(folder.iterdir())}


def loaded(report: dict[str, Any], packages: Iterable[str]) -> set[str]:
    """Those of the packages of which anything was loaded."""
    return {
        package
        for package in packages
        for name in report["loaded"]
        if name == package or name.startswith(f"{package}.")
    }


def test_a_workflow_loads_nothing_that_reaches_the_world(tmp_path: Path) -> None:
    report = importing("workflows.*", folder=tmp_path)
    assert "workflows.coding_task" in report["imported"]
    assert loaded(report, WORKER_LIBRARIES | WORLD | ENTRY_POINTS | {"activities", "perdure.client"}) == set()


def test_activities_load_no_room(tmp_path: Path) -> None:
    report = importing("activities.*", folder=tmp_path)
    assert "activities.execute_calls" in report["imported"]
    assert loaded(report, WORKER_LIBRARIES | WORLD | ENTRY_POINTS | {"workflows", "perdure.client"}) == set()


def test_the_client_loads_no_library_of_the_worker(tmp_path: Path) -> None:
    report = importing("perdure.client", folder=tmp_path)
    command_line = {"rich", "typer", "structlog", "pydantic_settings"}
    rooms = WORLD | ENTRY_POINTS | {"activities", "workflows"}
    assert loaded(report, WORKER_LIBRARIES | command_line | rooms) == set()


def test_the_command_line_starts_without_the_libraries_of_the_worker(tmp_path: Path) -> None:
    report = importing("starter", folder=tmp_path)
    assert loaded(report, WORKER_LIBRARIES) == set()
    assert (
        loaded(report, {"tools", "perdure.memory", "perdure.workspace", "workflows", "activities"}) == set()
    )


#: Numpy sets it while its own library is loaded, and takes it back.
NUMPY_LOADING = ["os.putenv (b'OPENBLAS_MAIN_FREE', b'1')", "os.unsetenv (b'OPENBLAS_MAIN_FREE',)"]


def test_importing_does_nothing(tmp_path: Path) -> None:
    report = importing(
        "activities.*", "perdure.*", "tools.*", "workflows.*", "worker", "starter", folder=tmp_path
    )
    assert len(report["imported"]) > 200
    assert report["done"] in ([], NUMPY_LOADING)
    assert (report["printed"], report["left"]) == ("", [])


@pytest.mark.parametrize(
    ("code", "event"),
    [
        ("open('left-behind.txt', 'w').close()", "open to write"),
        ("import os; os.mkdir('left-behind')", "os.mkdir"),
        ("import socket; socket.socket().connect_ex(('127.0.0.1', 9))", "socket.connect"),
        ("import subprocess; subprocess.run(['true'])", "subprocess.Popen"),
        ("import os; os.environ['A'] = 'b'", "os.putenv"),
    ],
)
def test_an_import_that_does_something_is_noticed(tmp_path: Path, code: str, event: str) -> None:
    project, folder = tmp_path / "project", tmp_path / "empty"
    folder.mkdir()
    (project / "busy").mkdir(parents=True)
    (project / "busy" / "__init__.py").write_text(code)
    report = importing("busy", folder=folder, project=project)
    assert [deed for deed in report["done"] if deed.startswith(event)]
