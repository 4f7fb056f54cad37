"""Pushing: what the remote refuses, what breaks off, what cannot be known, and where credentials go."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable
from datetime import datetime
from pathlib import Path

import pytest

from perdure.contracts.errors import EffectUnknown, ToolRejected
from perdure.contracts.repositories import strip_credentials
from perdure.embedded.process import is_alive
from perdure.workspace.program import GitFailed, GitProgram
from perdure.workspace.remotes import Remote, push_commit, references_of
from perdure.workspace.workspaces import Created, Workspaces

Run = Callable[..., str]


@pytest.fixture
def server(tmp_path: Path, repository: Path, git: Run) -> Path:
    """A bare repository that the small repository has as its origin."""
    git(tmp_path, "clone", "-q", "--bare", str(repository), "server.git")
    git(repository, "remote", "add", "origin", str(tmp_path / "server.git"))
    return tmp_path / "server.git"


@pytest.fixture
async def committed(server: Path, created: Created, at: datetime) -> str:
    created.copy.files.write("new.py", b"x\n")
    return await created.copy.git.commit("New", at=at)


async def test_pushes_a_branch_once_and_again(
    server: Path, created: Created, committed: str, git: Run
) -> None:
    copy = created.copy
    assert copy.remote == str(server)
    assert await copy.git.remote_head("perdure/fix") is None
    await copy.git.push("perdure/fix", committed)
    await copy.git.push("perdure/fix", committed)
    assert await copy.git.remote_head("perdure/fix") == committed
    assert git(server, "log", "--format=%s", "perdure/fix") == "New\nFirst"


async def test_refuses_what_is_no_fast_forward(
    server: Path, created: Created, committed: str, at: datetime, git: Run
) -> None:
    copy = created.copy
    await copy.git.push("perdure/fix", committed)
    with pytest.raises(ToolRejected, match="refused the push"):
        await copy.git.push("perdure/fix", created.base_commit)
    assert git(server, "rev-parse", "perdure/fix") == committed


async def test_a_hook_of_the_server_may_refuse_and_is_quoted(
    server: Path, created: Created, committed: str
) -> None:
    hook = server / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\necho 'no pushes on Fridays' >&2\nexit 1\n")
    hook.chmod(0o755)
    with pytest.raises(ToolRejected, match="no pushes on Fridays") as refusal:
        await created.copy.git.push("perdure/fix", committed)
    assert "hook declined" in refusal.value.message
    assert await created.copy.git.remote_head("perdure/fix") is None


async def test_pushes_to_the_repository_itself_and_never_to_its_checked_out_branch(
    created: Created, repository: Path, at: datetime, git: Run
) -> None:
    created.copy.files.write("new.py", b"x\n")
    commit = await created.copy.git.commit("New", at=at)
    await created.copy.git.push("perdure/fix", commit)
    assert git(repository, "rev-parse", "perdure/fix") == commit
    git(repository, "config", "receive.denyCurrentBranch", "updateInstead")
    with pytest.raises(ToolRejected, match="refused"):
        await created.copy.git.push("main", commit)
    assert git(repository, "status", "--porcelain") == ""


async def test_a_remote_that_is_gone_cannot_be_known(server: Path, created: Created, committed: str) -> None:
    server.rename(server.with_name("moved.git"))
    with pytest.raises(ToolRejected, match="cannot be reached"):
        await created.copy.git.push("perdure/fix", committed)
    server.mkdir()
    with pytest.raises(EffectUnknown, match="broke off"):
        await created.copy.git.push("perdure/fix", committed)


async def test_a_push_that_broke_off_but_happened_is_done(
    server: Path, created: Created, committed: str
) -> None:
    hook = server / "hooks" / "post-receive"
    # The reference is written when this hook runs; then the connection is cut.
    hook.write_text('#!/bin/sh\nkill -9 "$(ps -o ppid= -p $$)"\n')
    hook.chmod(0o755)
    await created.copy.git.push("perdure/fix", committed)
    assert await created.copy.git.remote_head("perdure/fix") == committed


async def test_a_push_that_broke_off_and_did_not_happen_is_refused(
    server: Path, created: Created, committed: str
) -> None:
    hook = server / "hooks" / "pre-receive"
    hook.write_text('#!/bin/sh\nkill -9 "$(ps -o ppid= -p $$)"\n')
    hook.chmod(0o755)
    with pytest.raises(ToolRejected, match="nothing was pushed"):
        await created.copy.git.push("perdure/fix", committed)


@contextlib.asynccontextmanager
async def listening() -> AsyncGenerator[tuple[int, list[bytes]]]:
    """A server that notes the first bytes it is sent and then hangs up."""
    heard: list[bytes] = []

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.readuntil(b"\0"))
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1], heard


async def test_a_server_that_hangs_up_leaves_the_effect_unknown(
    tmp_path: Path, created: Created, committed: str
) -> None:
    async with listening() as (port, heard):
        remote = Remote(f"git://127.0.0.1:{port}/a.git")
        with pytest.raises(EffectUnknown, match="cannot be asked"):
            await push_commit(
                created.copy.program,
                remote,
                created.copy.folders,
                branch="b",
                commit=committed,
            )
    assert len(heard) == 2
    assert b"git-receive-pack" in heard[0]


async def test_a_server_that_never_answers_is_given_up(tmp_path: Path) -> None:
    async def keep(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(keep, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(GitFailed, match="did not end within"):
            await references_of(
                GitProgram(tmp_path / "home"), Remote(f"git://127.0.0.1:{port}/a"), limit_s=0.5
            )


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://user:pw@example.invalid/a.git", "https://example.invalid/a.git"),
        ("https://token@example.invalid/a.git", "https://example.invalid/a.git"),
        ("ssh://git:pw@example.invalid/a.git", "ssh://git@example.invalid/a.git"),
        ("git@example.invalid:a.git", "git@example.invalid:a.git"),
        ("/some/path@2/a", "/some/path@2/a"),
    ],
)
def test_strips_credentials(url: str, shown: str) -> None:
    assert strip_credentials(url) == shown


async def test_cancelling_kills_git_and_what_it_started(
    tmp_path: Path, workspaces: Workspaces, created: Created
) -> None:
    mark = tmp_path / "pid"
    program = GitProgram(tmp_path / "other-home")
    # Only a test can reach this: a setting of its own that makes git start a program.
    script = f"!echo $$ > {mark}; sleep 600; true"
    running = asyncio.create_task(program.run("slow", settings=[("alias.slow", script)]))
    async with asyncio.timeout(120):
        # Nothing tells when the program runs, so its mark is looked for.
        while not mark.exists() or not mark.read_text():  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    pid = int(mark.read_text())
    async with asyncio.timeout(120):
        # Nobody tells of the end of a process that is no child of ours.
        while is_alive(pid):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
