"""Real repositories, and workspaces made from them."""

import os
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from perdure.workspace.workspaces import Created, Workspaces

AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)

Run = Callable[..., str]


@pytest.fixture
def at() -> datetime:
    """When the tests' steps happen."""
    return AT


@pytest.fixture
def git(tmp_path: Path) -> Run:
    """Runs the user's own git in a folder, with no settings but a name; gives its output."""
    home = tmp_path / "user-home"
    home.mkdir()

    def run(folder: Path, *arguments: str) -> str:
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_AUTHOR_NAME": "User",
            "GIT_AUTHOR_EMAIL": "user@example.invalid",
            "GIT_COMMITTER_NAME": "User",
            "GIT_COMMITTER_EMAIL": "user@example.invalid",
        }
        done = subprocess.run(
            ["git", "-c", "core.protectNTFS=false", *arguments],
            cwd=folder,
            env=environment,
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode()
        return os.fsdecode(done.stdout).strip()

    return run


@pytest.fixture
def repository(tmp_path: Path, git: Run) -> Path:
    """A small repository with one commit on ``main``."""
    folder = tmp_path / "repository"
    (folder / "src").mkdir(parents=True)
    (folder / "README.md").write_text("# Ledger\n")
    (folder / "src" / "money.py").write_text("def rounded(amount):\n    return amount\n")
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "First")
    return folder


@pytest.fixture
def workspaces(tmp_path: Path) -> Workspaces:
    """Workspaces of a host of their own."""
    return Workspaces(tmp_path / "home")


@pytest.fixture
async def created(workspaces: Workspaces, repository: Path) -> Created:
    """Generation 1 of a workspace of the small repository."""
    return await workspaces.create(
        task_id="task", repository=str(repository), base_branch=None, branch="perdure/fix", generation=1
    )
