"""Every tool of the dictionary, run as ``python -m tools run`` runs it, on a Python and on a Next.js project."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from examples.sample_repository import EXAMPLES
from perdure.contracts.calls import ToolCall
from perdure.contracts.errors import ToolRejected
from perdure.settings import PROJECT_FOLDER
from tests.end_to_end.tool_rows import ELSEWHERE, NEXT, PYTHON, Row
from tests.tools.conftest import git
from tests.tools.javascript_tools.conftest import NEXT_APP, installed_packages
from tools.by_hand.bench import context_on
from tools.registry import Registry
from tools.tool_schemas import ToolContext

GREETING = "console.log('hello from npm')\n"
PRICE_TEST = "import { expect, test } from 'vitest'\n\ntest('adds', () => {\n  expect(1 + 1).toBe(2)\n})\n"


def published(folder: Path) -> Path:
    """The folder as a repository with one commit and a bare remote."""
    remote = folder.parent / f"{folder.name}.git"
    git(folder.parent, "init", "--bare", "--quiet", str(remote))
    git(folder, "init", "--quiet")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "Tests for invoices")
    git(folder, "remote", "add", "origin", str(remote))
    git(folder, "push", "--quiet", "origin", "main")
    return folder


@pytest.fixture
def python_project(tmp_path: Path) -> Path:
    """The billing example, which people are shown."""
    kept = shutil.ignore_patterns("__pycache__", ".pytest_cache", ".ruff_cache")
    return published(shutil.copytree(EXAMPLES / "billing", tmp_path / "billing", ignore=kept))


@pytest.fixture
def next_project(tmp_path: Path, pytestconfig: pytest.Config) -> Path:
    """A shop of Next.js and TypeScript, with the packages of its lock file."""
    assert pytestconfig.cache is not None
    packages = installed_packages(Path(pytestconfig.cache.mkdir("packages")))
    folder = tmp_path / "shop"
    files = {
        **NEXT_APP,
        ".gitignore": "node_modules\n.next\n*.tsbuildinfo\n",
        "greet.mjs": GREETING,
        "src/shop.test.ts": PRICE_TEST,
    }
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    published(folder)
    # Further names of the same files where the file system allows it.
    linking = f"cp -al '{packages}' '{folder}' 2>/dev/null || cp -a '{packages}' '{folder}'"
    subprocess.run(["sh", "-c", linking], check=True)
    return folder


async def trouble_with(row: Row, registry: Registry, context: ToolContext) -> str:
    """What is wrong with the answer to a call; empty where it is as it should be."""
    call = ToolCall(index=0, call_id="by-hand", tool=row.tool, arguments=row.arguments)
    try:
        if registry.summarize(call).effect.changes_anything:
            assert (await registry.preview(call, context)).markdown
        output = await registry.run(call, context)
    except ToolRejected as error:
        told, fine = str(error), row.refused
    else:
        told, fine = output.content, not row.refused and output.ok is not row.fails and bool(output.summary)
    missing = [words for words in row.says if words not in told]
    return "" if fine and not missing else f"{row.tool} {row.arguments}: lacks {missing}\n{told[:1_500]}"


async def troubles_on(folder: Path, rows: Sequence[Row]) -> list[str]:
    """Run the calls one after the other; gives what is wrong."""
    registry = Registry.discover()
    async with context_on(folder, os.environ, beat=lambda _: None) as context:
        found = [await trouble_with(row, registry, context) for row in rows]
    return [each for each in found if each]


async def test_every_tool_works_on_a_python_project(python_project: Path) -> None:
    assert await troubles_on(python_project, PYTHON) == []


async def test_every_tool_works_on_a_next_project(next_project: Path) -> None:
    assert await troubles_on(next_project, NEXT) == []


def test_every_tool_of_the_dictionary_has_a_row() -> None:
    rows = {row.tool for row in (*PYTHON, *NEXT)}
    assert set(Registry.discover().names) - rows - ELSEWHERE.keys() == set()
    assert rows - set(Registry.discover().names) == set()
    for where in ELSEWHERE.values():
        assert (PROJECT_FOLDER / where.partition(",")[0]).is_file()


def test_a_tool_runs_from_a_fresh_clone_by_the_command(python_project: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "--quiet", str(python_project), str(tmp_path / "clone"))
    command = ["-m", "tools", "run", "grep_search", '{"pattern": "class Money"}', "--workspace"]
    ran = subprocess.run(
        [sys.executable, *command, str(tmp_path / "clone")],
        cwd=PROJECT_FOLDER,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "src/billing/money.py" in ran.stdout
