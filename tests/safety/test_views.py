"""What a program can change in each view of the workspace."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from perdure.contracts.calls import SandboxLevel
from perdure.safety.bubblewrap import SYSTEM_PATH, Bubblewrap
from perdure.safety.namespaces import Namespaces
from perdure.safety.probing import LESSER_OWNER
from perdure.safety.report import SandboxReport
from perdure.safety.sandbox import Sandbox, View
from perdure.safety.staging import Staging
from tests.safety.ground import LIMITS, Ground

ORIGINAL = {"file.txt": "original\n"}


async def test_a_read_only_view_cannot_be_written(ground: Ground) -> None:
    finished = await ground.shell("cat file.txt; echo changed > file.txt; touch new; rm -f file.txt")
    assert finished.output.startswith(b"original\n")
    assert finished.output.count(b"Read-only file system") == 3
    assert ground.files() == ORIGINAL


async def test_a_scratch_view_throws_its_writes_away(ground: Ground) -> None:
    finished = await ground.shell(
        "echo changed > file.txt; cat file.txt; echo more > new; rm file.txt; ls", view=View.SCRATCH
    )
    assert (finished.exit_code, finished.output) == (0, b"changed\nnew\n")
    assert ground.files() == ORIGINAL


async def test_writes_in_a_writable_view_stay_and_belong_to_the_owner(ground: Ground) -> None:
    finished = await ground.shell("echo changed > file.txt; mkdir in; echo more > in/new", view=View.WRITABLE)
    assert (finished.exit_code, finished.output) == (0, b"")
    assert ground.files() == {"file.txt": "changed\n", "in/new": "more\n"}
    facts = (ground.root / "in" / "new").stat()
    assert (facts.st_uid, facts.st_gid) == (ground.sandbox.owner.uid, ground.sandbox.owner.gid)


@pytest.mark.parametrize("view", list(View))
async def test_the_git_folder_cannot_be_written_in_any_view(ground: Ground, view: View) -> None:
    script = "cat .git/HEAD; echo evil > .git/config; rm -rf .git; mv .git away; ls .git"
    finished = await ground.shell(script, view=view)
    assert finished.output.startswith(b"ref: refs/heads/main\n")
    assert finished.output.endswith(b"HEAD\n")
    assert [path.name for path in ground.git_folder.iterdir()] == ["HEAD"]
    assert list((ground.root / ".git").iterdir()) == []


@pytest.mark.parametrize("view", list(View))
async def test_a_git_folder_inside_the_tree_is_read_only_too(ground: Ground, view: View) -> None:
    (ground.root / ".git" / "config").write_text("[core]\n")
    finished = await ground.sandbox.run(
        ["sh", "-c", "echo evil >> .git/config; echo evil > .git/hook; ls .git"],
        root=ground.root,
        view=view,
        limits=LIMITS,
    )
    assert finished.output.endswith(b"config\n")
    assert (ground.root / ".git" / "config").read_text() == "[core]\n"


@pytest.mark.parametrize("view", list(View))
async def test_nothing_outside_the_workspace_can_be_written(
    ground: Ground, open_folder: Path, view: View
) -> None:
    script = f"for f in {open_folder}/f ../f /f /usr/f /etc/f /dev/f /var/f /home/f /proc/f; do echo x > $f; done; true"
    finished = await ground.shell(script, view=view)
    assert finished.output.count(b"annot create") == 9
    assert list(open_folder.iterdir()) == []


async def test_temporary_files_work_and_are_gone_afterwards(ground: Ground) -> None:
    script = "echo x > /tmp/f && echo x > $HOME/f && echo x > /dev/shm/f && ls -A /tmp $HOME /dev/shm"
    first = await ground.shell("ls -A /tmp $HOME /dev/shm")
    second = await ground.shell(script)
    third = await ground.shell("ls -A /tmp $HOME /dev/shm")
    assert second.exit_code == 0
    assert first.output == third.output
    assert first.output != second.output


@pytest.fixture
def ground_with_copies(ground: Ground) -> Ground:
    """The same ground with a sandbox that cannot mount overlays."""
    staging = Staging.for_user(uid=os.geteuid(), gid=os.getegid(), lesser=LESSER_OWNER)
    isolation = Namespaces(Bubblewrap.find(SYSTEM_PATH), staging)
    report = SandboxReport(SandboxLevel.A)
    return replace(ground, sandbox=Sandbox(isolation, owner=isolation.owner, report=report, scratch="copy"))


async def test_scratch_views_by_copy_change_nothing_and_leave_nothing(ground_with_copies: Ground) -> None:
    ground = ground_with_copies
    script = "cat file.txt; echo changed > file.txt; mkdir -p shut/in; echo x > shut/in/x; chmod 0 shut/in shut; ls"
    finished = await ground.shell(script, view=View.SCRATCH)
    assert (finished.exit_code, finished.output) == (0, b"original\nfile.txt\nshut\n")
    assert ground.files() == ORIGINAL
    assert sorted(path.name for path in ground.root.parent.iterdir()) == ["git", "tree"]
