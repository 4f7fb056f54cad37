"""A real working copy of a small repository with a remote, the real sandbox, and every tool."""

import asyncio
import os
import subprocess
import sys
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from perdure.contracts.calls import CallKey, ToolCall
from perdure.safety.probing import probed_sandbox
from perdure.safety.sandbox import Sandbox
from perdure.workspace.working_copy import WorkingCopy
from perdure.workspace.workspaces import Workspaces
from tools.node.locating import find_node, find_node_modules
from tools.packages.package_registries import find_packages
from tools.programs import toolchain_of
from tools.registry import Registry
from tools.test_frameworks.compilers import find_cargo, find_go
from tools.tool_schemas import Packages, Preview, Toolchain, ToolContext, ToolOutput

FILES = {
    "app/money.py": "def total(prices):\n    return sum(prices)\n\n\ndef average(prices):\n    return total(prices) / len(prices)\n",
    "app/__init__.py": "",
    "README.md": "# Billing\n\nTotals and averages.\n",
    ".gitignore": "*.log\nbuild/\n",
}


class Ledger:
    """The effects ledger in memory, with the record's own rules: the first intent and the first receipt stay."""

    def __init__(self) -> None:
        self.intents: dict[tuple[str, str, str], dict[str, Any]] = {}
        self.receipts: dict[tuple[str, str, str], dict[str, Any]] = {}

    async def intend(self, kind: str, target: str, key: str, intent: dict[str, Any]) -> dict[str, Any] | None:
        self.intents.setdefault((kind, target, key), intent)
        return self.receipts.get((kind, target, key))

    async def intended(self, kind: str, target: str, key: str) -> dict[str, Any] | None:
        return self.intents.get((kind, target, key))

    async def receive(self, kind: str, target: str, key: str, receipt: dict[str, Any]) -> None:
        self.receipts.setdefault((kind, target, key), receipt)


@dataclass
class Bench:
    """Runs calls on one working copy as the steps do."""

    context: ToolContext
    registry: Registry
    remote: Path
    ledger: Ledger
    beats: list[str] = field(default_factory=list[str])

    @property
    def copy(self) -> WorkingCopy:
        return self.context.copy

    def text(self, path: str) -> str:
        return self.copy.files.read(path).decode()

    def put(self, path: str, data: str | bytes) -> None:
        self.copy.files.write(path, data.encode() if isinstance(data, str) else data)

    async def run(self, tool: str, /, **arguments: Any) -> ToolOutput:
        return await self.registry.run(call(tool, **arguments), self.context)

    async def preview(self, tool: str, /, **arguments: Any) -> Preview:
        return await self.registry.preview(call(tool, **arguments), self.context)

    def approved(self, facts: dict[str, Any]) -> "Bench":
        return replace(self, context=replace(self.context, approved=facts))


def call(tool: str, /, **arguments: Any) -> ToolCall:
    return ToolCall(index=0, call_id="call_1", tool=tool, arguments=arguments)


def git(folder: Path, *arguments: str) -> str:
    """Git as a person at a terminal would run it."""
    settings = [
        "-c",
        "user.name=Ada",
        "-c",
        "user.email=ada@example.invalid",
        "-c",
        "init.defaultBranch=main",
    ]
    environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1"}
    done = subprocess.run(
        ["git", *settings, "-C", str(folder), *arguments],
        capture_output=True,
        text=True,
        check=True,
        env=environment,
    )
    return done.stdout.strip()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def sandbox() -> Sandbox:
    return await probed_sandbox()


@pytest.fixture(scope="session")
def toolchain() -> Toolchain:
    node = find_node(os.environ)
    python = Path(sys.executable)
    return toolchain_of(
        python=python,
        node=node.program if node else None,
        ripgrep=python.parent / "rg",
        ruff=python.parent / "ruff",
        node_modules=find_node_modules(),
        go=find_go(os.environ["PATH"]),
        cargo=find_cargo(os.environ["PATH"]),
    )


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def packages(toolchain: Toolchain) -> Packages:
    """What npm and pip of whoever runs these tests are configured with."""
    return await find_packages(python=toolchain.python, node=toolchain.node, named=(), environment=os.environ)


@pytest.fixture(scope="session")
def registry() -> Registry:
    return Registry.discover()


@dataclass(frozen=True)
class House:
    """A workspace that tests copy, because making it anew takes a dozen Git commands."""

    workspaces: Path
    remote: Path


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def house(tmp_path_factory: pytest.TempPathFactory, sandbox: Sandbox) -> House:
    """A repository cloned from a bare one that takes pushes, and a task's workspace made from it."""
    home = tmp_path_factory.mktemp("house")
    folder, remote = home / "repository", home / "remote.git"
    folder.mkdir()
    git(home, "init", "--bare", "--quiet", str(remote))
    git(folder, "init", "--quiet")
    for path, text in FILES.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(text.encode())
    git(folder, "add", "--all", "--force")
    git(folder, "commit", "--quiet", "--message", "Begin")
    git(folder, "remote", "add", "origin", str(remote))
    git(folder, "push", "--quiet", "origin", "main")
    workspaces = Workspaces(home / "workspaces", owner=(sandbox.owner.uid, sandbox.owner.gid))
    await workspaces.create(
        task_id="task-1", repository=str(folder), base_branch=None, branch="perdure/work", generation=1
    )
    return House(home / "workspaces", remote)


@pytest_asyncio.fixture(loop_scope="session")
async def bench(
    tmp_path: Path, house: House, sandbox: Sandbox, toolchain: Toolchain, registry: Registry
) -> Bench:
    """Every tool on a fresh copy of the workspace and of its remote."""
    # Not shutil: what programs in the sandbox may write belongs to another user.
    copying = ["cp", "-a", str(house.workspaces), str(house.remote), str(tmp_path)]
    await asyncio.to_thread(subprocess.run, copying, check=True)
    remote = tmp_path / house.remote.name
    workspaces = Workspaces(tmp_path / "workspaces", owner=(sandbox.owner.uid, sandbox.owner.gid))
    copy = await workspaces.open("task-1", 1)
    ledger, beats = Ledger(), list[str]()
    context = ToolContext(
        copy=replace(copy, origin=copy.origin.model_copy(update={"remote": str(remote)})),
        sandbox=sandbox,
        key=CallKey(task_id="task-1", run_id="run-1", step=3, call_index=0),
        requested_at=datetime(2026, 11, 23, 12, 0, tzinfo=UTC),
        toolchain=toolchain,
        beat=beats.append,
        effects=ledger,
    )
    return Bench(context, registry, remote, ledger, beats)
