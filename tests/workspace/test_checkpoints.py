"""Checkpoints keep every byte: through conversions, nested repositories, odd names, retries and zombies."""

import os
import shutil
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from perdure.contracts.workspace import Checkpoint
from perdure.workspace.workspaces import Created, Workspaces

Run = Callable[..., str]
Facts = dict[bytes, tuple[str, bytes]]


def facts_of(root: Path) -> Facts:
    """Kind and bytes of everything below a folder, Git's mount point at its root left out."""
    found: Facts = {}
    for path in root.rglob("*"):
        if path.is_symlink():
            facts = ("link", os.fsencode(path.readlink()))
        elif path.is_dir():
            facts = ("folder", b"")
        elif path.is_file():
            facts = ("program" if path.stat().st_mode & 0o100 else "file", path.read_bytes())
        else:
            facts = ("other", b"")
        found[os.fsencode(path.relative_to(root))] = facts
    assert found.pop(b".git") == ("folder", b"")
    return found


ATTRIBUTES = """\
*.txt text eol=lf
*.crlf text eol=crlf
*.id ident
*.utf16 text working-tree-encoding=UTF-16
*.secret filter=secret
*.big filter=lfs diff=lfs merge=lfs -text
"""


def make_nasty(root: Path, git: Run) -> None:
    """Files that Git converts, ignores, refuses to name or does not see."""
    contents: dict[bytes, bytes] = {
        b".gitattributes": ATTRIBUTES.encode(),
        b".gitignore": b"*.log\nbuild/\n",
        b"dos.txt": b"a\r\nb\r\n",
        b"mixed.txt": b"a\r\nb\nc\rd",
        b"unix.crlf": b"a\nb\n",
        b"named.id": b"$Id$ and $Id: 1234 $\n",
        b"wide.utf16": "\ufeffhé\r\n".encode("utf-16-le"),
        b"not-really.utf16": b"\xff\xfeodd",
        b"plain.secret": b"not encrypted\n",
        b"huge.big": b"\0\1\2 not a pointer",
        b"bad\xff\xfename": b"x",
        b"line\nend": b"x",
        b"back\\slash": b"x",
        b"git~1": b"x",
        b"caf\xc3\xa9": b"nfc",
        b"cafe\xcc\x81": b"nfd",
        b"-rf": b"x",
        b":(top)magic": b"x",
        b"zero": b"",
        b"deep/.gitattributes": b"* text eol=crlf\n",
        b"deep/deeper/file": b"a\nb\r\n",
        b"ODD/.GIT/config": b"[core]\n\tfsmonitor = false\n",
        b"ODD/.Git": b"a file\n",
        b"tracked.log": b"tracked although ignored\n",
    }
    for name, data in contents.items():
        path = root / os.fsdecode(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    (root / "zero").chmod(0o755)
    (root / "link").symlink_to("deep")
    (root / "link-out").symlink_to("/etc/passwd")
    (root / ".gitmodules").symlink_to("zero")
    (root / "link-bad").symlink_to(os.fsdecode(b"bad\xff"))
    (root / "empty" / "inner").mkdir(parents=True)
    (root / "only-logs").mkdir()
    (root / "only-logs" / "a.log").write_bytes(b"ignored")
    make_nested(root, git)


def make_nested(root: Path, git: Run) -> None:
    """Repositories in the work tree: with and without commits, one in another, one that is empty."""
    for name in ("nested/none", "nested/some", "nested/some/inner", "nested/bare-looking"):
        (root / name).mkdir(parents=True)
        git(root / name, "init", "-q", "-b", "main")
    (root / "nested/none/file").write_bytes(b"a\r\n")
    (root / "nested/some/file").write_bytes(b"b\r\n")
    (root / "nested/some/.gitignore").write_bytes(b"*.tmp\n")
    (root / "nested/some/inner/file").write_bytes(b"c\r\n")
    git(root / "nested/some", "add", "file")
    git(root / "nested/some", "commit", "-qm", "nested")
    (root / "nested/some/later").write_bytes(b"later\n")
    (root / "worktree").mkdir()
    (root / "worktree" / ".git").write_bytes(b"gitdir: /nowhere\n")
    (root / "worktree" / "file").write_bytes(b"w")


async def test_every_byte_comes_back(
    workspaces: Workspaces, created: Created, git: Run, at: datetime
) -> None:
    make_nasty(created.copy.root, git)
    checkpoint = await workspaces.checkpoint(created.copy, previous=created.checkpoint, label="nasty", at=at)
    # What is ignored and was never tracked is not kept; a folder that held only such files is.
    (created.copy.root / "only-logs" / "a.log").unlink()
    (created.copy.root / "tracked.log").unlink()
    restored = await workspaces.materialise("task", generation=2, checkpoint=checkpoint)
    assert facts_of(restored.root) == facts_of(created.copy.root)
    assert git(restored.root / "nested/some", "log", "--format=%s") == "nested"
    assert await workspaces.checkpoint(restored, previous=checkpoint, label="again", at=at) == checkpoint


async def test_files_that_are_tracked_and_ignored_stay(
    workspaces: Workspaces, repository: Path, git: Run, at: datetime
) -> None:
    (repository / ".gitignore").write_text("*.log\n")
    (repository / "kept.log").write_bytes(b"one\r\n")
    git(repository, "add", "-Af")
    git(repository, "commit", "-qm", "Tracked and ignored")
    made = await workspaces.create(
        task_id="task", repository=str(repository), base_branch=None, branch="b", generation=1
    )
    (made.copy.root / "kept.log").write_bytes(b"two\r\n")
    checkpoint = await workspaces.checkpoint(made.copy, previous=made.checkpoint, label="x", at=at)
    restored = await workspaces.materialise("task", generation=2, checkpoint=checkpoint)
    assert (restored.root / "kept.log").read_bytes() == b"two\r\n"


async def test_the_same_content_makes_the_same_checkpoint(
    workspaces: Workspaces, created: Created, git: Run, at: datetime
) -> None:
    make_nasty(created.copy.root, git)
    for ignored in ("tracked.log", "only-logs/a.log"):
        (created.copy.root / ignored).unlink()
    first = await workspaces.checkpoint(created.copy, previous=created.checkpoint, label="x", at=at)
    retried = await workspaces.materialise("task", generation=2, checkpoint=created.checkpoint)
    shutil.copytree(created.copy.root, retried.root, symlinks=True, dirs_exist_ok=True)
    assert await workspaces.checkpoint(retried, previous=created.checkpoint, label="x", at=at) == first
    later = at + timedelta(seconds=1)
    other = await workspaces.materialise("task", generation=3, checkpoint=created.checkpoint)
    (other.root / "new").write_bytes(b"x")
    second = await workspaces.checkpoint(other, previous=created.checkpoint, label="x", at=later)
    assert second != first


async def test_nothing_changed_gives_the_previous_checkpoint(
    workspaces: Workspaces, created: Created, at: datetime
) -> None:
    assert (
        await workspaces.checkpoint(created.copy, previous=created.checkpoint, label="x", at=at)
        == created.checkpoint
    )
    (created.copy.root / "empty").mkdir()
    assert (
        await workspaces.checkpoint(created.copy, previous=created.checkpoint, label="x", at=at)
        != created.checkpoint
    )


async def test_unreadable_files_are_kept_all_the_same(
    workspaces: Workspaces, created: Created, at: datetime
) -> None:
    created.copy.files.write("closed/secret", b"x")
    (created.copy.root / "closed" / "secret").chmod(0)
    (created.copy.root / "closed").chmod(0)
    checkpoint = await workspaces.checkpoint(created.copy, previous=created.checkpoint, label="x", at=at)
    restored = await workspaces.materialise("task", generation=2, checkpoint=checkpoint)
    assert restored.files.read("closed/secret") == b"x"


async def test_a_killed_command_does_not_block_the_next_checkpoint(
    workspaces: Workspaces, created: Created, at: datetime
) -> None:
    created.copy.shadow_index.with_name("shadow-index.lock").write_bytes(b"")
    created.copy.files.write("new", b"x")
    assert (
        await workspaces.checkpoint(created.copy, previous=created.checkpoint, label="x", at=at)
        != created.checkpoint
    )


async def test_submodules_are_folders_like_any_other(
    workspaces: Workspaces, repository: Path, git: Run, at: datetime
) -> None:
    commit = git(repository, "rev-parse", "HEAD")
    git(repository, "update-index", "--add", "--cacheinfo", f"160000,{commit},module")
    git(repository, "commit", "-qm", "A submodule")
    made = await workspaces.create(
        task_id="task", repository=str(repository), base_branch=None, branch="b", generation=1
    )
    assert made.copy.files.stat("module").kind == "folder"
    made.copy.files.write("module/file", b"a\r\n")
    checkpoint = await workspaces.checkpoint(made.copy, previous=made.checkpoint, label="x", at=at)
    restored = await workspaces.materialise("task", generation=2, checkpoint=checkpoint)
    assert restored.files.read("module/file") == b"a\r\n"
    assert await restored.git.status() == []


async def test_a_checkpoint_chain_is_reachable_from_its_last(
    workspaces: Workspaces, created: Created, at: datetime
) -> None:
    last: Checkpoint = created.checkpoint
    for number in range(3):
        created.copy.files.write("file", f"{number}".encode())
        last = await workspaces.checkpoint(created.copy, previous=last, label=f"{number}", at=at)
    folders = created.copy.shadow_folders
    reachable = (
        await created.copy.program.run("rev-list", "--first-parent", last.commit, folders=folders)
    ).text
    assert created.checkpoint.commit in reachable.split()
    checked = await created.copy.program.run(
        "fsck", "--full", "--strict", "--no-dangling", last.commit, folders=folders
    )
    assert "missing" not in checked.text
