"""A repository that the worker may not read is refused with a sentence that names the user."""

import getpass
import os
import subprocess
import sys
from pathlib import Path

import pytest

from perdure.settings import PROJECT_FOLDER
from tests.sentences import assert_said

SCRIPT = """
import asyncio, sys
from pathlib import Path
from perdure.contracts.errors import InvalidInput
from perdure.workspace.workspaces import Workspaces

try:
    asyncio.run(Workspaces(Path(sys.argv[1])).create(
        task_id="task", repository=sys.argv[2], base_branch=None, branch="perdure/fix", generation=1))
except InvalidInput as refusal:
    print(refusal)
"""
ORDINARY = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"]
"""Takes from root what lets it read everything, so that closed folders are closed to it too."""


def refusal_of(home: Path, repository: Path) -> str:
    """What a process without special powers says of the repository."""
    prefix = ORDINARY if os.geteuid() == 0 else []
    done = subprocess.run(
        [*prefix, sys.executable, "-c", SCRIPT, str(home), str(repository)],
        cwd=PROJECT_FOLDER,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join([str(PROJECT_FOLDER), *sys.path])},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


@pytest.mark.parametrize("closed", ["", ".git", "..", ".git/HEAD"])
def test_a_closed_repository_is_refused_with_the_users_name(
    tmp_path: Path, repository: Path, closed: str
) -> None:
    inner = tmp_path / "above" / "repository"
    inner.parent.mkdir()
    repository.rename(inner)
    target = (inner / closed).resolve()
    mode = target.stat().st_mode & 0o7777
    target.chmod(0o000)
    try:
        said = refusal_of(tmp_path / "home", inner)
    finally:
        target.chmod(mode)
    assert_said("a repository that may not be read", said, repository=inner, user=getpass.getuser())


def test_an_open_repository_is_not_refused(tmp_path: Path, repository: Path) -> None:
    assert refusal_of(tmp_path / "home", repository) == ""
