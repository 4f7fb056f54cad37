"""Making a workspace: what is refused, what is copied, and that the user's repository stays as it is."""

import asyncio
import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from perdure.contracts.errors import ConfigurationError, InvalidInput, ToolRejected
from perdure.workspace.workspaces import Created, Workspaces

Run = Callable[..., str]
OUR_OWN = {"gitconfig", "answer-git"}
"""What lies in the folder of workspaces before the first one is made."""


def digest_of_everything(root: Path) -> dict[str, str]:
    """Digest, mode, owner and modification time of every file below a folder, Git's own among them."""
    found: dict[str, str] = {}
    for path in sorted(root.rglob("*")):
        facts = path.lstat()
        content = path.read_bytes() if path.is_file() else b""
        head = (
            f"{facts.st_mode} {facts.st_uid} {facts.st_nlink if path.is_file() else ''} {facts.st_mtime_ns} "
        )
        found[str(path)] = head + hashlib.sha256(content).hexdigest()
    return found


async def create(workspaces: Workspaces, repository: Path | str, **changes: object) -> Created:
    values: dict[str, object] = {
        "task_id": "task", "repository": str(repository), "base_branch": None, "branch": "perdure/fix", "generation": 1,
    }  # fmt: skip
    # The names are those of the method; a wrong one would fail at once.
    return await workspaces.create(**(values | changes))  # pyright: ignore[reportArgumentType]


async def test_the_users_repository_is_not_touched(
    workspaces: Workspaces, repository: Path, git: Run
) -> None:
    (repository / "src" / "money.py").write_text("unfinished\n")
    (repository / "staged.py").write_text("staged\n")
    git(repository, "add", "staged.py")
    (repository / "README.md").write_text("stashed\n")
    git(repository, "stash")
    (repository / "new.py").write_text("new\n")
    before = digest_of_everything(repository)
    made = await create(workspaces, repository)
    made.copy.files.write("src/money.py", b"changed\n")
    assert digest_of_everything(repository) == before
    assert made.copy.files.read("README.md") == b"# Ledger\n"
    assert not made.copy.files.exists("new.py")


@pytest.mark.parametrize("kind", ["modified", "untracked", "staged", "deleted"])
async def test_uncommitted_work_is_named_in_a_warning(
    workspaces: Workspaces, repository: Path, git: Run, kind: str
) -> None:
    if kind == "modified":
        (repository / "README.md").write_text("changed\n")
    elif kind == "deleted":
        (repository / "README.md").unlink()
    else:
        (repository / "new.py").write_text("new\n")
        if kind == "staged":
            git(repository, "add", "new.py")
    made = await create(workspaces, repository)
    assert len(made.warnings) == 1
    assert "uncommitted work" in made.warnings[0]


async def test_a_clean_repository_gives_no_warning(workspaces: Workspaces, repository: Path) -> None:
    (repository / ".git" / "info" / "exclude").write_bytes(b"ignored-\xff*\n")
    (repository / "ignored-\udcff1").write_bytes(b"x")
    made = await create(workspaces, repository)
    assert made.warnings == ()
    made.copy.files.write("ignored-\udcff2", b"x")
    assert await made.copy.git.status() == []


@pytest.mark.parametrize(
    ("repository_name", "words"),
    [
        ("/nowhere/at/all", "does not exist"),
        ("ext::sh -c id", "not a path or a Git URL"),
        ("--upload-pack=id", "not a path or a Git URL"),
        ("http://example.invalid/a.git", "uses the protocol 'http'"),
        ("ftp://user:secret@example.invalid/a.git", "uses the protocol 'ftp'"),
        ("repository\n", "not a path or a Git URL"),
    ],
)
async def test_refuses_what_is_no_repository(
    workspaces: Workspaces, repository_name: str, words: str
) -> None:
    with pytest.raises(InvalidInput, match=words) as refusal:
        await create(workspaces, repository_name)
    assert "secret" not in str(refusal.value)


async def test_refuses_folders_that_are_not_repositories(
    workspaces: Workspaces, repository: Path, tmp_path: Path, git: Run
) -> None:
    (tmp_path / "plain").mkdir()
    (tmp_path / "empty").mkdir()
    git(tmp_path / "empty", "init", "-q")
    for folder, words in [
        (tmp_path / "plain", "is not a Git repository"),
        (repository / "src", "is not a Git repository"),
        (repository / "README.md", "is not a folder"),
        (tmp_path / "empty", "has no commits"),
    ]:
        with pytest.raises(InvalidInput, match=words):
            await create(workspaces, folder)
    with pytest.raises(InvalidInput, match=r"The base branch 'develop' does not exist .* there is 'main'"):
        await create(workspaces, repository, base_branch="develop")
    with pytest.raises(ToolRejected, match="not a branch name"):
        await create(workspaces, repository, branch="-x")
    assert {path.name for path in (tmp_path / "home").iterdir()} == OUR_OWN


async def test_takes_bare_repositories_work_trees_and_file_addresses(
    workspaces: Workspaces, repository: Path, tmp_path: Path, git: Run
) -> None:
    git(tmp_path, "clone", "-q", "--bare", str(repository), "bare.git")
    git(repository, "worktree", "add", "-q", "-b", "other", str(tmp_path / "second"))
    git(tmp_path / "second", "commit", "-q", "--allow-empty", "-m", "Second")
    bare = await create(workspaces, tmp_path / "bare.git", task_id="bare")
    second = await create(workspaces, tmp_path / "second", task_id="second")
    address = await create(workspaces, f"file://{repository}", task_id="address")
    assert bare.base_branch == address.base_branch == "main"
    assert second.base_branch == "other"
    assert second.base_commit == git(tmp_path / "second", "rev-parse", "HEAD")
    assert bare.copy.files.read("README.md") == b"# Ledger\n"


async def test_starts_from_a_detached_commit(workspaces: Workspaces, repository: Path, git: Run) -> None:
    git(repository, "checkout", "-q", "--detach")
    git(repository, "commit", "-q", "--allow-empty", "-m", "On no branch")
    made = await create(workspaces, repository)
    assert made.base_branch == "HEAD"
    assert made.base_commit == git(repository, "rev-parse", "HEAD")
    assert "no branch checked out" in made.warnings[0]


async def test_copies_a_shallow_clone(
    workspaces: Workspaces, repository: Path, tmp_path: Path, git: Run
) -> None:
    git(repository, "commit", "-q", "--allow-empty", "-m", "Second")
    git(tmp_path, "clone", "-q", "--depth", "1", f"file://{repository}", "shallow")
    made = await create(workspaces, tmp_path / "shallow")
    again = await workspaces.materialise("task", generation=2, checkpoint=made.checkpoint)
    assert await again.git.head() == made.base_commit
    assert await again.git.log(made.base_commit) == []


async def test_a_taken_branch_name_gets_a_number(
    workspaces: Workspaces, repository: Path, tmp_path: Path, git: Run
) -> None:
    git(tmp_path, "clone", "-q", "--bare", str(repository), "server.git")
    git(tmp_path / "server.git", "branch", "perdure/fix")
    git(repository, "branch", "perdure/fix-2")
    git(repository, "remote", "add", "origin", "../server.git")
    made = await create(workspaces, repository)
    assert made.branch == made.copy.branch == await made.copy.git.branch() == "perdure/fix-3"
    assert made.remote == str(tmp_path / "server.git")
    git(repository, "branch", "taken")
    other = await create(workspaces, repository, task_id="other", branch="taken/below")
    assert other.branch == "taken-below"


async def test_an_unreachable_origin_is_a_warning(workspaces: Workspaces, repository: Path, git: Run) -> None:
    git(repository, "remote", "add", "origin", "/nowhere/server.git")
    made = await create(workspaces, repository)
    assert "cannot be asked for its branches now" in made.warnings[0]
    git(repository, "remote", "set-url", "origin", "ext::sh -c id")
    other = await create(workspaces, repository, task_id="other")
    assert other.remote is None
    assert "Nothing can be pushed" in other.warnings[0]
    with pytest.raises(ToolRejected, match="has no remote"):
        await other.copy.git.remote_head("main")


async def test_a_retry_after_a_finished_attempt_starts_from_checkpoint_zero(
    workspaces: Workspaces, repository: Path
) -> None:
    first = await create(workspaces, repository)
    first.copy.files.write("late.py", b"of a zombie")
    second = await create(workspaces, repository, generation=2)
    assert second.checkpoint == first.checkpoint
    assert second.copy.root != first.copy.root
    assert not second.copy.files.exists("late.py")


async def test_a_folder_that_a_power_failure_damaged_is_made_anew(
    workspaces: Workspaces, repository: Path
) -> None:
    first = await create(workspaces, repository)
    (first.copy.task_folder / "workspace.json").write_bytes(b"")
    second = await create(workspaces, repository, generation=2)
    assert second.checkpoint == first.checkpoint
    assert second.copy.files.read("README.md") == b"# Ledger\n"
    assert not first.copy.root.exists()


async def test_two_attempts_at_once_end_in_one_workspace(workspaces: Workspaces, repository: Path) -> None:
    first, second = await asyncio.gather(
        create(workspaces, repository, generation=1), create(workspaces, repository, generation=2)
    )
    assert first.checkpoint == second.checkpoint
    assert (first.copy.generation, second.copy.generation) == (1, 2)
    names = {entry.name for entry in first.copy.files.list()} | {
        entry.name for entry in second.copy.files.list()
    }
    assert names == {"README.md", "src"}


async def test_a_cancelled_attempt_leaves_nothing(
    workspaces: Workspaces, repository: Path, tmp_path: Path
) -> None:
    attempt = asyncio.create_task(create(workspaces, repository))
    async with asyncio.timeout(120):
        # Nothing tells when the folder is made, so it is looked for.
        while not list((tmp_path / "home").glob(".half-made-*")):  # noqa: ASYNC110
            await asyncio.sleep(0.001)
    attempt.cancel()
    with pytest.raises(asyncio.CancelledError):
        await attempt
    assert {path.name for path in (tmp_path / "home").iterdir()} == OUR_OWN
    assert (await create(workspaces, repository)).copy.files.exists("README.md")


async def test_line_ends_follow_the_repository_and_checkpoints_keep_them(
    workspaces: Workspaces, repository: Path, git: Run
) -> None:
    (repository / ".gitattributes").write_text("*.bat text eol=crlf\n")
    (repository / "run.bat").write_bytes(b"a\nb\n")
    git(repository, "add", "-A")
    git(repository, "commit", "-qm", "Line ends")
    made = await create(workspaces, repository)
    assert made.copy.files.read("run.bat") == b"a\r\nb\r\n"
    assert await made.copy.git.status() == []
    again = await workspaces.materialise("task", generation=2, checkpoint=made.checkpoint)
    assert again.files.read("run.bat") == b"a\r\nb\r\n"
    assert await again.git.status() == []


async def test_credentials_are_kept_where_only_we_can_read(
    workspaces: Workspaces, repository: Path, git: Run
) -> None:
    git(repository, "remote", "add", "origin", "https://user:s3cr3t@127.0.0.1:1/a.git")
    made = await create(workspaces, repository)
    assert made.remote == "https://user:s3cr3t@127.0.0.1:1/a.git"
    assert "s3cr3t" not in " ".join(made.warnings)
    assert "s3cr3t" not in repr(made)
    holding = [
        path for path in made.copy.task_folder.rglob("*") if path.is_file() and b"s3cr3t" in path.read_bytes()
    ]
    assert [path.name for path in holding] == ["workspace.json"]
    assert holding[0].stat().st_mode & 0o777 == 0o600


async def test_a_missing_git_is_said(tmp_path: Path, repository: Path) -> None:
    workspaces = Workspaces(tmp_path / "home", search_path=str(tmp_path / "nothing"))
    with pytest.raises(ConfigurationError, match="'git' was not found"):
        await create(workspaces, repository)


async def test_a_home_that_cannot_be_written_is_said(tmp_path: Path, repository: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match="cannot be kept"):
        await create(Workspaces(tmp_path / "file" / "home"), repository)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
async def test_a_repository_of_another_user_can_be_copied(workspaces: Workspaces, repository: Path) -> None:
    for path in (repository, *repository.rglob("*")):
        os.chown(path, 12345, 12345)
    before = digest_of_everything(repository)
    made = await create(workspaces, repository)
    assert made.copy.files.exists("README.md")
    assert digest_of_everything(repository) == before
