"""A worker that is an ordinary user runs ahead and does what it saw, also in folders that are shut to it."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from perdure.safety.probing import LESSER_OWNER
from perdure.settings import PROJECT_FOLDER

SCRIPT = """
import asyncio, sys
from pathlib import Path
from types import SimpleNamespace
from perdure.safety.probing import probed_sandbox
from perdure.safety.views import SandboxLimits
from perdure.workspace.applying import apply_delta
from tools.ahead.rehearsing import Rehearsing
from tools.running.errands import Errand

async def main():
    folder, line = Path(sys.argv[1]), sys.argv[2]
    copy = SimpleNamespace(root=folder / "tree", folder=folder, owner=None, mounted_git_folder=None, mounted_objects_folder=None)
    sandbox = await probed_sandbox()
    rehearsing = Rehearsing(copy, sandbox, "tree")
    errand = Errand(["/bin/sh", "-c", line], ".", {}, SandboxLimits())
    finished = await rehearsing.run(errand)
    assert rehearsing.delta is not None, (rehearsing.why_not, finished)
    before = sorted(path.name for path in folder.iterdir())
    assert before == ["tree"], before
    await apply_delta(copy, rehearsing.delta)
    print(finished.exit_code, finished.output.decode(), end="")

asyncio.run(main())
"""
LINES = {
    "a shut folder": "chmod 700 shut; echo new > shut/new; rm shut/old; chmod 500 shut",
    "a folder that is shut afterwards": "mkdir -p no/in; echo x > no/in/x; chmod 000 no/in/x; chmod 500 no/in no",
    "a folder that is opened": "chmod 755 shut; echo more >> shut/old",
}


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder of an ordinary user with a work tree in it."""
    with tempfile.TemporaryDirectory(prefix="perdure-", dir="/var/tmp") as name:
        made = Path(name)
        (made / "tree" / "shut").mkdir(parents=True)
        (made / "tree" / "shut" / "old").write_text("old\n")
        (made / "tree" / "shut").chmod(0o500)
        for path in (made, *made.rglob("*")):
            os.chown(path, LESSER_OWNER.uid, LESSER_OWNER.gid)
        yield made


def listing(tree: Path) -> str:
    """Everything in the tree with its mode, and what files hold."""
    line = "find . -printf '%p %y %m\\n' | sort; find . -type f -exec sha256sum {} + | sort"
    return subprocess.run(["sh", "-c", line], cwd=tree, capture_output=True, text=True, check=True).stdout


@pytest.mark.skipif(os.geteuid() != 0, reason="becomes an ordinary user, which root alone can")
@pytest.mark.parametrize("name", LINES)
def test_an_ordinary_user_does_what_it_saw(folder: Path, name: str) -> None:
    become = ["setpriv", "--reuid", str(LESSER_OWNER.uid), "--regid", str(LESSER_OWNER.gid), "--clear-groups"]
    expected = folder.with_name(f"{folder.name}-directly")
    subprocess.run(["cp", "-a", str(folder / "tree"), str(expected)], check=True)
    try:
        subprocess.run([*become, "sh", "-c", LINES[name]], cwd=expected, check=True)
        done = subprocess.run(
            [*become, sys.executable, "-c", SCRIPT, str(folder), LINES[name]],
            cwd=PROJECT_FOLDER,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join([str(PROJECT_FOLDER), *sys.path])},
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stdout) == (0, "0 "), done.stderr
        assert listing(folder / "tree") == listing(expected)
    finally:
        subprocess.run(["rm", "-rf", str(expected)], check=True)
