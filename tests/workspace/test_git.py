"""The user's branch: what changed, commits that a retry makes again, branches."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from perdure.contracts.errors import ToolRejected
from perdure.workspace.git import Change, Commit
from perdure.workspace.workspaces import Created, Workspaces

Run = Callable[..., str]
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 3\n"


async def test_status_and_differences_hold_new_and_deleted_files(created: Created) -> None:
    copy = created.copy
    copy.files.write("src/money.py", b"def rounded(amount):\n    return round(amount)\n")
    copy.files.write("new/file.py", b"new = 1\n")
    copy.files.write("bad\udcff.py", b"x\n")
    copy.files.delete("README.md")
    assert await copy.git.status() == [
        Change("README.md", " D"), Change("src/money.py", " M"), Change("bad\udcff.py", "??"), Change("new/file.py", "??"),
    ]  # fmt: skip
    patch = await copy.git.diff()
    assert "-    return amount\n+    return round(amount)\n" in patch
    assert "+new = 1\n" in patch
    assert "-# Ledger\n" in patch
    assert await copy.git.diff(paths=["new"]) in patch
    assert "money" not in await copy.git.diff(paths=["new"])
    assert await copy.git.diff(staged=True) == ""
    assert await copy.git.diff_names("main") == ["README.md", "bad\udcff.py", "new/file.py", "src/money.py"]
    assert await copy.git.diff_names(created.base_commit) == await copy.git.diff_names("HEAD")


async def test_looking_changes_nothing(workspaces: Workspaces, created: Created, at: datetime) -> None:
    created.copy.files.write("new.py", b"x")
    index = created.copy.index.read_bytes()
    await created.copy.git.diff()
    await created.copy.git.status()
    assert created.copy.index.read_bytes() == index
    assert sorted(path.name for path in created.copy.git_folder.iterdir()) == [
        "HEAD", "config", "index", "info", "objects", "packed-refs", "refs",
    ]  # fmt: skip


async def test_the_same_commit_again_is_the_same_commit(
    workspaces: Workspaces, created: Created, at: datetime
) -> None:
    created.copy.files.write("new.py", b"x\n")
    commit = await created.copy.git.commit("Add new.py\n\nBecause.", at=at)
    assert await created.copy.git.commit("Add new.py\n\nBecause.", at=at) == commit
    retried = await workspaces.materialise("task", generation=2, checkpoint=created.checkpoint)
    retried.files.write("new.py", b"x\n")
    assert await retried.git.commit("Add new.py\n\nBecause.", at=at) == commit
    assert await retried.git.log(created.base_commit) == [Commit(commit, "Add new.py")]
    assert await retried.git.status() == []
    with pytest.raises(ToolRejected, match="nothing to commit"):
        await retried.git.commit("Another message", at=at)
    shown = (await retried.git._run("show", "-s", "--format=%an <%ae> %at %cn %ct", commit)).text  # pyright: ignore[reportPrivateUsage]
    moment = int(at.timestamp())
    assert shown == f"Perdure <perdure@localhost> {moment} Perdure {moment}"


async def test_commits_only_the_paths_that_are_named(created: Created, at: datetime) -> None:
    git = created.copy.git
    created.copy.files.write("a/one.py", b"1\n")
    created.copy.files.write("b/two.py", b"2\n")
    await git.commit("One", at=at, paths=["./a/"])
    assert await git.status() == [Change("b/two.py", "??")]
    with pytest.raises(ToolRejected, match="holds no change"):
        await git.commit("None", at=at, paths=["a"])
    for path in ("../outside", "/etc", ""):
        with pytest.raises(ToolRejected, match="not a path"):
            await git.commit("Bad", at=at, paths=[path])
    with pytest.raises(ToolRejected, match="message is empty"):
        await git.commit(" \n", at=at)


async def test_commits_are_as_the_users_own_git_would_make_them(
    workspaces: Workspaces, repository: Path, git: Run, at: datetime
) -> None:
    (repository / ".gitattributes").write_text(
        "*.txt text eol=crlf\n*.id ident\n*.utf16 text working-tree-encoding=UTF-16LE eol=lf\n*.x filter=unknown\n"
    )
    git(repository, "add", "-A")
    git(repository, "commit", "-qm", "Attributes")
    made = await workspaces.create(
        task_id="task", repository=str(repository), base_branch=None, branch="b", generation=1
    )
    contents = {
        "a.txt": b"a\r\nb\r\n", "b.id": b"$Id: 12 $\n", "c.utf16": "hé\n".encode("utf-16-le"), "d.x": b"d\r\n",
        "back\\slash": b"x", "-rf": b"x", ":(top)x": b"x", "line\nend": b"x", "folder/deep": b"x",
    }  # fmt: skip
    made.copy.files.delete("README.md")
    made.copy.files.write("README.md/now-a-folder", b"x")
    for path, data in contents.items():
        made.copy.files.write(path, data)
        (repository / path).parent.mkdir(exist_ok=True)
        (repository / path).write_bytes(data)
    (repository / "README.md").unlink()
    (repository / "README.md").mkdir()
    (repository / "README.md" / "now-a-folder").write_bytes(b"x")
    made.copy.files.delete("back\\slash")
    (repository / "back\\slash").unlink()
    commit = await made.copy.git.commit("All", at=at)
    git(repository, "add", "-A")
    git(repository, "commit", "-qm", "All")
    ours = await made.copy.program.run("rev-parse", f"{commit}^{{tree}}", folders=made.copy.folders)
    assert ours.text == git(repository, "rev-parse", "HEAD^{tree}")
    assert await made.copy.git.status() == []


async def test_names_that_harm_other_systems_are_not_committed(created: Created, at: datetime) -> None:
    (created.copy.root / "git~1").write_bytes(b"x")
    with pytest.raises(ToolRejected, match="git~1"):
        await created.copy.git.commit("Bad", at=at)
    assert await created.copy.git.head() == created.base_commit


async def test_refuses_large_files_that_are_not_pointers(created: Created, at: datetime) -> None:
    created.copy.files.write(".gitattributes", b"*.bin filter=lfs -text\n")
    created.copy.files.write("pointer.bin", POINTER)
    await created.copy.git.commit("A pointer", at=at)
    created.copy.files.write("whole.bin", b"\0\1\2")
    created.copy.files.write("other.py", b"x\n")
    with pytest.raises(ToolRejected, match=r"'whole\.bin' is kept by Git LFS"):
        await created.copy.git.commit("Whole", at=at)
    await created.copy.git.commit("Other", at=at, paths=["other.py"])


async def test_branches_are_made_and_refused(created: Created, at: datetime) -> None:
    git = created.copy.git
    await git.create_branch("fix/rounding")
    assert await git.branch() == "fix/rounding"
    created.copy.files.write("new.py", b"x\n")
    commit = await git.commit("On the branch", at=at)
    assert await git.head() == commit
    assert await git.resolve("perdure/fix") == created.base_commit
    with pytest.raises(ToolRejected, match="exists already"):
        await git.create_branch("perdure/fix")
    for name in ("fix", "fix/rounding/more"):
        with pytest.raises(ToolRejected, match="collides"):
            await git.create_branch(name)
    for name in (
        "",
        "-x",
        "a..b",
        "a b",
        "a//b",
        "/a",
        "a/",
        "a.lock",
        ".a",
        "a/.b",
        "a~1",
        "a^",
        "a:b",
        "@",
        "a@{b",
        "x\n",
        "a*",
    ):
        with pytest.raises(ToolRejected, match="not a branch name"):
            await git.create_branch(name)


async def test_revisions_of_the_model_are_no_options(created: Created) -> None:
    for revision in ("--output=/tmp/x", "-p", "none", "HEAD:README.md", "HEAD\0", "", "main..HEAD"):
        with pytest.raises(ToolRejected, match="names no commit"):
            await created.copy.git.diff(against=revision)
        with pytest.raises(ToolRejected, match="names no commit"):
            await created.copy.git.log(revision)


async def test_the_log_is_oldest_first(created: Created, at: datetime) -> None:
    for number in range(3):
        created.copy.files.write("file", f"{number}\n".encode())
        await created.copy.git.commit(f"Nr {number}", at=at - timedelta(days=number))
    assert [commit.subject for commit in await created.copy.git.log("main")] == ["Nr 0", "Nr 1", "Nr 2"]


async def test_nested_repositories_stay_out_of_commits(created: Created, git: Run, at: datetime) -> None:
    created.copy.files.write("nested/file", b"x\n")
    created.copy.files.write("beside", b"x\n")
    git(created.copy.root / "nested", "init", "-q")
    commit = await created.copy.git.commit("Beside", at=at)
    listed = await created.copy.program.run(
        "ls-tree", "-r", "--name-only", commit, folders=created.copy.folders
    )
    assert listed.text.split() == ["README.md", "beside", "src/money.py"]
