"""A real workspace folder with a tool's context around it, and what a folder holds before and after."""

import os
import shutil
import stat
import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from perdure.contracts.calls import CallKey, ToolCall
from perdure.contracts.workspace import Checkpoint
from perdure.safety.sandbox import Sandbox
from perdure.workspace.in_place import FolderInPlace
from perdure.workspace.program import GitProgram
from perdure.workspace.working_copy import Origin, WorkingCopy
from tests.tools.conftest import Ledger
from tools.programs import toolchain_of
from tools.registry import Registry
from tools.tool_schemas import ToolContext, ToolOutput

Snapshot = dict[str, tuple[Any, ...]]


@dataclass
class ToolBench:
    """Runs calls on the files in ``workspace``; ``top`` is the folder around it, which nothing may touch."""

    registry: Registry
    context: ToolContext

    @property
    def workspace(self) -> Path:
        return self.context.copy.root

    @property
    def top(self) -> Path:
        return self.workspace.parent

    async def run(self, tool: str, arguments: dict[str, Any]) -> ToolOutput:
        call = ToolCall(index=0, call_id="call_1", tool=tool, arguments=arguments)
        return await self.registry.run(call, self.context)


def context_of(copy: WorkingCopy, sandbox: Sandbox) -> ToolContext:
    """What a tool is given for a call on this working copy."""
    python = Path(sys.executable)
    return ToolContext(
        copy=copy,
        sandbox=sandbox,
        key=CallKey(task_id="case", run_id="case", step=1, call_index=0),
        requested_at=datetime(2026, 1, 1, tzinfo=UTC),
        toolchain=toolchain_of(
            python=python, node=None, ripgrep=python.parent / "rg", ruff=python.parent / "ruff"
        ),
        beat=lambda _: None,
        effects=Ledger(),
    )


@contextmanager
def tool_bench(registry: Registry, sandbox: Sandbox, *, tree: Path | None = None) -> Generator[ToolBench]:
    """An empty workspace that is gone afterwards; ``tree`` is a folder that is the work tree in its place."""
    folder = Path(os.path.realpath(mkdtemp(prefix="corpora-")))
    nothing = "0" * 40
    checkpoint = Checkpoint(
        commit=nothing, tree=nothing, head_ref="refs/heads/work", branch_commit=nothing, staged_tree=nothing
    )
    origin = Origin(
        task_id="case",
        repository=str(tree or folder),
        branch="work",
        base_branch="main",
        base_commit=nothing,
        remote=None,
        checkpoint=checkpoint,
    )
    kind = WorkingCopy if tree is None else FolderInPlace
    copy = kind(folder, 1, origin, GitProgram(folder / "git-home"), ("Cases", "cases@example.invalid"))
    if tree is None:
        copy.root.mkdir(parents=True)
    context = context_of(copy, sandbox)
    try:
        yield ToolBench(registry, context)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def lend(bench: ToolBench) -> None:
    """Make what programs need: a Git folder without commits, and files that belong to the user whom they run as."""
    copy, owner = bench.context.copy, bench.context.sandbox.owner
    for folder in (
        copy.git_folder / "objects",
        copy.git_folder / "refs",
        copy.objects_folder,
        copy.root / ".git",
    ):
        folder.mkdir(parents=True, exist_ok=True)
    (copy.git_folder / "HEAD").write_text("ref: refs/heads/work\n")
    (copy.git_folder / "config").write_text("[core]\n\trepositoryformatversion = 0\n\tbare = false\n")
    for path in [bench.workspace, *bench.workspace.rglob("*")]:
        # A hard link's file stands outside as well, and keeps its owner.
        if path.is_dir() or path.lstat().st_nlink == 1:
            os.chown(path, owner.uid, owner.gid, follow_symlinks=False)


def snapshot(folder: Path) -> Snapshot:
    """Every folder, link, file and mode below."""
    found: Snapshot = {}
    for place, folders, files in os.walk(folder):
        for name in folders + files:
            path = Path(place) / name
            facts = path.lstat()
            if stat.S_ISLNK(facts.st_mode):
                entry: tuple[Any, ...] = ("link", str(path.readlink()))
            elif stat.S_ISDIR(facts.st_mode):
                entry = ("folder",)
            else:
                entry = ("file", stat.S_IMODE(facts.st_mode), path.read_bytes())
            found[str(path.relative_to(folder))] = entry
    return found
