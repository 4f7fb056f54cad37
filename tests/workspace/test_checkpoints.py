"""Checkpoints keep every byte: through conversions, nested repositories, odd names, retries and zombies."""

import os
import shutil
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from perdure.contracts.errors import WorkspaceLost
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
    first = await workspaces.checkpoint(created.copy, previous=created.checkpoint, label="x", at=at)
    retried = await workspaces.materialise("task", generation=2, checkpoint=created.checkpoint)
    shutil.copytree(
        created.copy.root,
        retried.root,
        symlinks=True,
        dirs_exist_ok=True,
        ignore=shutil.ignore_patterns("*.log"),
    )
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


async def test_branches_commits_and_the_index_come_back(
    workspaces: Workspaces, created: Created, at: datetime
) -> None:
    copy = created.copy
    copy.files.write("src/money.py", b"changed\n")
    commit = await copy.git.commit("Change", at=at)
    await copy.git.create_branch("side/line")
    copy.files.write("unfinished.py", b"x\n")
    checkpoint = await workspaces.checkpoint(copy, previous=created.checkpoint, label="x", at=at)
    assert checkpoint.head_ref == "refs/heads/side/line"
    assert checkpoint.branch_commit == commit
    shutil.rmtree(copy.folder)
    restored = await workspaces.materialise("task", generation=2, checkpoint=checkpoint)
    assert await restored.git.branch() == "side/line"
    assert [entry.oid for entry in await restored.git.log(created.base_commit)] == [commit]
    assert [(change.path, change.status) for change in await restored.git.status()] == [
        ("unfinished.py", "??")
    ]
    assert await restored.git.resolve("perdure/fix") == commit
    assert await restored.git.resolve("main") == created.base_commit


async def test_a_zombie_in_the_old_folder_does_not_reach_the_new_one(
    workspaces: Workspaces, created: Created, at: datetime
) -> None:
    done = threading.Event()
    handle = os.open(created.copy.root, os.O_PATH | os.O_DIRECTORY)

    def write_on() -> None:
        number = 0
        while not done.is_set():
            number += 1
            try:
                file = os.open(f"zombie-{number % 50}", os.O_WRONLY | os.O_CREAT, dir_fd=handle)
            except FileNotFoundError:
                continue
            os.write(file, b"late")
            os.close(file)

    zombie = threading.Thread(target=write_on)
    zombie.start()
    try:
        for generation in range(2, 6):
            copy = await workspaces.materialise("task", generation=generation, checkpoint=created.checkpoint)
            assert [entry.name for entry in copy.files.list()] == ["README.md", "src"]
            await workspaces.discard_before("task", generation)
    finally:
        done.set()
        zombie.join()
        os.close(handle)
    assert (
        await workspaces.checkpoint(copy, previous=created.checkpoint, label="x", at=at) == created.checkpoint
    )
    await workspaces.discard_before("task", 5)
    names = sorted(path.name for path in copy.task_folder.iterdir())
    assert names == ["5", "objects", "packed-refs", "shadow", "workspace.json"]


async def test_a_generation_made_again_holds_nothing_of_the_first(
    workspaces: Workspaces, created: Created
) -> None:
    first = await workspaces.materialise("task", generation=2, checkpoint=created.checkpoint)
    first.files.write("half.py", b"half")
    second = await workspaces.materialise("task", generation=2, checkpoint=created.checkpoint)
    assert [entry.name for entry in second.files.list()] == ["README.md", "src"]


async def test_pipes_are_reported_and_not_waited_for(
    workspaces: Workspaces, created: Created, at: datetime
) -> None:
    os.mkfifo(created.copy.root / "pipe")
    checkpoint = await workspaces.checkpoint(created.copy, previous=created.checkpoint, label="x", at=at)
    restored = await workspaces.materialise("task", generation=2, checkpoint=checkpoint)
    assert restored.unrestored == ("pipe",)
    assert (await workspaces.open("task", 2)).unrestored == ("pipe",)
    assert not (restored.root / "pipe").exists()


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


async def test_missing_objects_are_a_lost_workspace(
    workspaces: Workspaces, created: Created, at: datetime
) -> None:
    created.copy.files.write("new", b"precious")
    checkpoint = await workspaces.checkpoint(created.copy, previous=created.checkpoint, label="x", at=at)
    blob = (await created.copy.program.run(
        "rev-parse", f"{checkpoint.tree}:new", folders=created.copy.shadow_folders
    )).text  # fmt: skip
    (created.copy.objects_folder / blob[:2] / blob[2:]).unlink()
    with pytest.raises(WorkspaceLost, match=checkpoint.commit):
        await workspaces.materialise("task", generation=2, checkpoint=checkpoint)
    unknown = checkpoint.model_copy(update={"commit": "1" * 40})
    with pytest.raises(WorkspaceLost, match="is not on this host"):
        await workspaces.materialise("task", generation=2, checkpoint=unknown)
    forged = created.checkpoint.model_copy(update={"tree": checkpoint.tree})
    with pytest.raises(WorkspaceLost, match="does not hold what was recorded"):
        await workspaces.materialise("task", generation=2, checkpoint=forged)
    assert [path.name for path in created.copy.task_folder.glob(".*")] == []


async def test_a_damaged_object_is_a_lost_workspace_that_names_the_file(
    workspaces: Workspaces, created: Created, at: datetime
) -> None:
    created.copy.files.write("new", b"precious")
    checkpoint = await workspaces.checkpoint(created.copy, previous=created.checkpoint, label="x", at=at)
    folders = created.copy.shadow_folders
    blob = (await created.copy.program.run("rev-parse", f"{checkpoint.tree}:new", folders=folders)).text
    path = created.copy.objects_folder / blob[:2] / blob[2:]
    path.chmod(0o644)
    path.write_bytes(b"damaged")
    with pytest.raises(WorkspaceLost):
        await workspaces.materialise("task", generation=2, checkpoint=checkpoint)


async def test_what_is_not_here_is_a_lost_workspace(workspaces: Workspaces, created: Created) -> None:
    with pytest.raises(WorkspaceLost, match="Generation 7"):
        await workspaces.open("task", 7)
    await workspaces.remove("task")
    with pytest.raises(WorkspaceLost, match="'task' is not on this host"):
        await workspaces.open("task", 1)
    with pytest.raises(WorkspaceLost):
        await workspaces.materialise("task", generation=2, checkpoint=created.checkpoint)


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


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
async def test_work_trees_belong_to_the_owner_and_objects_do_not(
    tmp_path: Path, repository: Path, at: datetime
) -> None:
    workspaces = Workspaces(tmp_path / "home", owner=(12345, 12345))
    made = await workspaces.create(
        task_id="task", repository=str(repository), base_branch=None, branch="b", generation=1
    )
    made.copy.files.write("new/file", b"x")
    (made.copy.root / "empty").mkdir()
    checkpoint = await workspaces.checkpoint(made.copy, previous=made.checkpoint, label="x", at=at)
    restored = await workspaces.materialise("task", generation=2, checkpoint=checkpoint)
    owners = {path.lstat().st_uid for path in restored.root.rglob("*") if path.name != ".git"}
    assert owners == {12345}
    assert {path.lstat().st_uid for path in restored.objects_folder.rglob("*")} == {0}
    assert {path.lstat().st_uid for path in repository.rglob("*")} == {0}
    assert await workspaces.checkpoint(restored, previous=checkpoint, label="x", at=at) == checkpoint
