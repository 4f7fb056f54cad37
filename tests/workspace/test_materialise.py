"""New generations: everything comes back, nothing of an old folder reaches them, and what is lost is said."""

import asyncio
import os
import re
import shutil
import subprocess
import threading
from datetime import datetime
from pathlib import Path

import pytest

from perdure.contracts.errors import WorkspaceLost
from perdure.workspace.workspaces import Created, Workspaces


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
    copy = await workspaces.open("task", 5)
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


async def test_what_git_ignores_is_named_where_it_is_lost(
    workspaces: Workspaces, created: Created, at: datetime
) -> None:
    root = created.copy.root
    (root / ".gitignore").write_text(".env\nnode_modules/\n__pycache__/\n")
    (root / "node_modules" / "left-pad").mkdir(parents=True)
    (root / "node_modules" / "left-pad" / "index.js").write_text("pad")
    (root / "src" / "__pycache__").mkdir()
    (root / "src" / "__pycache__" / "money.pyc").write_bytes(b"x")
    (root / ".env").write_text("KEY=1\n")
    checkpoint = await workspaces.checkpoint(created.copy, previous=created.checkpoint, label="x", at=at)
    assert created.copy.lost == ()
    restored = await workspaces.materialise("task", generation=2, checkpoint=checkpoint)
    assert restored.lost == (".env", "node_modules/")
    assert (await workspaces.open("task", 2)).lost == ()
    assert (await workspaces.checkpoint(restored, previous=checkpoint, label="again", at=at)) == checkpoint
    (restored.root / "secret.env").write_text("new")
    (restored.root / ".env").write_text("KEY=2\n")
    (restored.root / "secret.env").unlink()
    assert (await workspaces.checkpoint(restored, previous=checkpoint, label="y", at=at)) == checkpoint


async def test_a_folder_that_changed_while_no_worker_ran_is_kept_and_not_worked_in(
    workspaces: Workspaces, created: Created, tmp_path: Path
) -> None:
    root = created.copy.root
    (root / "README.md").write_text("somebody wrote this\n")
    (root / "added.txt").write_text("and this\n")
    # The workspaces that made the folder know it; those of the next worker look at it once.
    assert await workspaces.open("task", 1, checkpoint=created.checkpoint)
    later = Workspaces(tmp_path / "home")
    with pytest.raises(WorkspaceLost, match=r"2 files \('README.md', 'added.txt'\) differ") as caught:
        await later.open("task", 1, checkpoint=created.checkpoint)
    kept = re.search(r"checkpoint '(\w{12})'", str(caught.value))
    assert kept
    [reference] = (created.copy.shadow / "refs" / "checkpoints").glob(f"{kept[1]}*")
    shown = await asyncio.to_thread(
        subprocess.run,
        ["git", "--git-dir", str(created.copy.shadow), "show", f"{reference.name}:README.md"],
        env={"GIT_OBJECT_DIRECTORY": str(created.copy.objects_folder), "PATH": os.environ["PATH"]},
        capture_output=True,
        check=True,
    )
    assert shown.stdout == b"somebody wrote this\n"
    rebuilt = await later.materialise("task", generation=2, checkpoint=created.checkpoint)
    assert (rebuilt.root / "README.md").read_text() == "# Ledger\n"
    assert await later.open("task", 2, checkpoint=created.checkpoint)
