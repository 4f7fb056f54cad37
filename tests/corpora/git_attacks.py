"""``git_attacks.json``: repositories whose metadata runs a program when Git does something ordinary with them.

Each comes in three ways: as the repository that a task works on, unpacked into a folder of its workspace, and as the folder
in which a person runs the tools by hand. Then everything is done that the Git tools can do, and in the sandbox the very
command of the case.
"""

import asyncio
import os
import shutil
import subprocess
import time
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from perdure.contracts.calls import ToolCall
from perdure.contracts.errors import PerdureError
from perdure.safety.probing import probed_sandbox
from perdure.safety.sandbox import Sandbox
from perdure.workspace.in_place import open_in_place
from perdure.workspace.workspaces import Workspaces
from tests.corpora.bench import context_of
from tests.corpora.playing import CannotPlay, cases_of, played
from tests.corpora.report import Miss, Result
from tools.registry import Registry
from tools.tool_schemas import ToolContext

FOUND_BY = "git_attacks.json"
CASE = dict[str, Any]
WAYS = ("as the repository", "in a folder", "by hand")
CHECKS = {"marker", "outside"}
UNPACKED = "vendored"
TASK = "case"
OPERATIONS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("git_status", {}),
    ("git_diff", {}),
    ("git_log", {}),
    ("git_blame", {"path": "a.txt"}),
    ("git_commit", {"message": "Change a.txt"}),
    ("git_diff", {"against": "HEAD~1"}),
    ("create_branch", {"name": "perdure/other"}),
    ("git_restore", {"paths": ["a.txt"], "to": "HEAD~1"}),
    ("git_push", {}),
)


def found_in(folder: Path) -> Iterable[Path]:
    """Every file of this kind below."""
    return sorted(folder.rglob(FOUND_BY))


async def run(place: Path, only: str) -> list[Result]:
    """Make each repository and work on it."""
    registry, sandbox = Registry.discover(), await probed_sandbox()
    async with _refusing_server() as port:

        async def play(case: CASE) -> list[Result]:
            _refuse_unknown(case)
            return [await _run_case(registry, sandbox, case, way, port) for way in WAYS]

        return await played(cases_of(place, "cases")[1], only, play)


def _refuse_unknown(case: CASE) -> None:
    """CannotPlay where it is not known how to see whether the attack succeeded."""
    if case.get("check", "marker") not in CHECKS:
        raise CannotPlay(f"what it checks is not known, {case['check']!r}")
    if not all(isinstance(one, str) for one in case["trigger_git_args"]):
        raise CannotPlay("its trigger is no list of arguments")


@asynccontextmanager
async def _refusing_server() -> AsyncGenerator[int]:
    """An HTTP server that asks everybody for a password, which makes Git look for one."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(
            b"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        )
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


@dataclass(frozen=True)
class Trap:
    """The poisoned repository, the program it wants to run, and what shows that it ran."""

    top: Path
    marker: Path
    outside: dict[str, bytes]
    """What stands in the folder ``out`` beside the repository, which nothing may change."""

    @property
    def repository(self) -> Path:
        return self.top / "ws"

    @property
    def program(self) -> Path:
        return self.top / "x"

    def sprung(self) -> str:
        """What happened that must not; empty where nothing did."""
        if self.marker.exists():
            return "the program of the repository ran"
        outside = self.top / "out"
        if outside.is_dir() and self.outside and _files_in(outside) != self.outside:
            return "a file outside was changed"
        return ""


def _laid(case: CASE, port: int) -> Trap:
    """A repository with one commit, poisoned as the case says by plain Git."""
    top = Path(os.path.realpath(mkdtemp(prefix="git-attack-")))
    top.chmod(0o777)
    trap = Trap(top, top / "marker", {})
    trap.program.write_text(f"#!/bin/sh\ntouch '{trap.marker}'\necho \"$1\"\n")
    trap.program.chmod(0o755)
    trap.repository.mkdir()
    setup = "git init -q -b main; echo hello > a.txt; git add a.txt; git commit -qm begin; " + case[
        "setup_shell"
    ].replace("@X@", str(trap.program))
    environment = {
        **{f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER") for what, value in
           (("NAME", "Eve"), ("EMAIL", "eve@example.invalid"))},
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": str(top),
        "GIT_CONFIG_NOSYSTEM": "1",
        "MARK": str(trap.marker),
        "X": str(trap.program),
        "AUTHPORT": str(port),
    }  # fmt: skip
    subprocess.run(
        ["sh", "-c", setup], cwd=trap.repository, env=environment, check=False, capture_output=True
    )
    # Laying it may have run the program already.
    trap.marker.unlink(missing_ok=True)
    return replace(trap, outside=_files_in(top / "out"))


def _files_in(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.is_symlink()
    }


async def _run_case(registry: Registry, sandbox: Sandbox, case: CASE, way: str, port: int) -> Result:
    trap = await asyncio.to_thread(_laid, case, port)
    started = time.monotonic()
    done, refused = 0, list[str]()
    before = dict(os.environ)
    try:
        variables: dict[str, str] = case.get("env") or {}
        os.environ.update({name: text.replace("$X", str(trap.program)) for name, text in variables.items()})
        try:
            workspaces, context = await _opened(trap, sandbox, way)
        except PerdureError as error:
            refused.append(str(error))
        else:
            done, refused = await _worked(registry, workspaces, context, case, way, str(trap.program))
    finally:
        os.environ.clear()
        os.environ.update(before)
    seconds = time.monotonic() - started
    sprung = trap.sprung()
    shutil.rmtree(trap.top, ignore_errors=True)
    miss, why = None, ""
    if sprung:
        miss, why = Miss.ATTACK_ALLOWED, f"{case.get('vector', '')}, {way}: {sprung}"
    elif not done and not refused:
        miss, why = Miss.BROKEN, f"{case.get('vector', '')}, {way}: nothing was done and nothing said"
    counts = ("operations done",) * done + ("operations refused",) * len(refused)
    return Result(case["id"], way, miss, why, refused[0] if miss and refused else "", seconds, counts)


async def _opened(trap: Trap, sandbox: Sandbox, way: str) -> tuple[Workspaces | None, ToolContext]:
    """What a tool works on that holds the poisoned repository in this way; a task's workspace is one of several."""
    repository = trap.repository
    if way == WAYS[2]:
        copy = await open_in_place(repository, home=trap.top / "by-hand", network={})
        return None, context_of(copy, sandbox)
    if way == WAYS[1]:
        repository = trap.top / "clean"
        await asyncio.to_thread(_clean, repository)
    remote = trap.top / "remote.git"
    workspaces = Workspaces(trap.top / "workspaces", owner=(sandbox.owner.uid, sandbox.owner.gid))
    await workspaces.create(
        task_id=TASK, repository=str(repository), base_branch=None, branch="perdure/work", generation=1
    )
    copy = await workspaces.open(TASK, 1)
    if way == WAYS[1]:
        target = copy.root / UNPACKED
        await asyncio.to_thread(shutil.copytree, trap.repository, target, symlinks=True)
        for path in [target, *target.rglob("*")]:
            os.chown(path, sandbox.owner.uid, sandbox.owner.gid, follow_symlinks=False)
    await asyncio.to_thread(_run_git, trap.top, "init", "-q", "--bare", str(remote))
    copy = replace(copy, origin=copy.origin.model_copy(update={"remote": str(remote)}))
    return workspaces, context_of(copy, sandbox)


def _clean(folder: Path) -> None:
    folder.mkdir()
    (folder / "a.txt").write_text("hello\n")
    for arguments in (["init", "-q", "-b", "main"], ["add", "."], ["commit", "-qm", "Begin"]):
        _run_git(folder, *arguments)


def _run_git(folder: Path, *arguments: str) -> None:
    git = ["git", "-c", "user.name=Ada", "-c", "user.email=ada@example.invalid", "-C", str(folder)]
    # Not the environment of the case, which is meant for what is tried here.
    environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": "/nonexistent", "GIT_CONFIG_NOSYSTEM": "1"}
    subprocess.run([*git, *arguments], check=True, capture_output=True, env=environment)


async def _worked(
    registry: Registry,
    workspaces: Workspaces | None,
    context: ToolContext,
    case: CASE,
    way: str,
    program: str,
) -> tuple[int, list[str]]:
    """How many operations were done, and why others were refused."""
    folder = UNPACKED if way == WAYS[1] else "."
    arguments = [one.replace("@X@", program) for one in case["trigger_git_args"]]
    trigger = {"argv": ["git", "-C", folder, *arguments]}
    done, refused = 0, list[str]()
    context.copy.files.write("a.txt", b"hello\nand more\n")
    for tool, given in (*OPERATIONS, ("execute_command", trigger)):
        call = ToolCall(index=0, call_id="call_1", tool=tool, arguments=given)
        try:
            output = await registry.run(call, context)
            done += output.ok
        except PerdureError as error:
            refused.append(f"{tool}: {error}")
    copy = context.copy
    if workspaces is not None:
        await workspaces.checkpoint(
            copy, previous=copy.origin.checkpoint, label="After the work", at=context.requested_at
        )
    return done, refused
