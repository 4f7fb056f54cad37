"""Repositories that are worked on with a warning, each with the sentence that the documentation promises."""

import asyncio
import hashlib
from pathlib import Path
from typing import Any

from temporalio.client import Client

from perdure.contracts.digests import short_hash
from perdure.llm.scripted.script import Script
from tests.sentences import assert_said, assert_silent
from tests.workflows.conftest import FILES, FIX, git, make_repository, script_of

POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:" + "a" * 64 + "\nsize 1234\n"
LOOK = ("read_file", {"path": "data/table.bin"})
RECORD = ("write_file", {"path": "data/table.bin", "content": "the content itself\n"})


def snapshot(folder: Path) -> dict[str, tuple[str, int, int, int, str]]:
    """Kind and mode, owner, size, time of change and digest of everything below a folder, links and Git's own included."""
    found: dict[str, tuple[str, int, int, int, str]] = {}
    for path in [folder, *sorted(folder.rglob("*"))]:
        facts = path.lstat()
        content = str(path.readlink()).encode() if path.is_symlink() else b""
        content = path.read_bytes() if path.is_file() and not path.is_symlink() else content
        found[str(path.relative_to(folder))] = (
            oct(facts.st_mode), facts.st_uid, facts.st_size, facts.st_mtime_ns, hashlib.sha256(content).hexdigest(),
        )  # fmt: skip
    return found


def leave_work_lying_about(repository: Path) -> None:
    """A stash, staged, changed, deleted, new and ignored files, and an unfinished merge message."""
    (repository / "README.md").write_text("stashed\n")
    git(repository, "stash", "--quiet")
    (repository / "README.md").write_text("# Money, changed\n")
    (repository / "staged.py").write_text("staged = True\n")
    git(repository, "add", "staged.py")
    (repository / "staged.py").write_text("staged = 'and changed again'\n")
    (repository / "conftest.py").unlink()
    (repository / "new.txt").write_text("new\n")
    (repository / ".git" / "info" / "exclude").write_text("*.log\n")
    (repository / "ignored.log").write_text("ignored\n")
    (repository / ".git" / "MERGE_MSG").write_text("half a message\n")
    (repository / "link").symlink_to("nowhere")


async def test_uncommitted_work_index_and_stash_stay_byte_for_byte_through_a_whole_task(
    benches: Any, fixing: Script
) -> None:
    async with benches(fixing) as bench:
        leave_work_lying_about(bench.repository)
        before = snapshot(bench.repository)
        stash = git(bench.repository, "stash", "list"), git(bench.repository, "rev-parse", "stash@{0}")
        assert snapshot(bench.repository) == before
        handle = await bench.start()
        result = await bench.finish(handle)
        assert (result["status"], result["pushed"]) == ("completed", True)
        assert snapshot(bench.repository) == before
        assert (
            git(bench.repository, "stash", "list"),
            git(bench.repository, "rev-parse", "stash@{0}"),
        ) == stash
        (warning,) = await bench.warnings(handle)
        assert_said("uncommitted work", warning)
        # The task began with the last commit: nothing of the user's own work is in what it pushed.
        changed = git(bench.remote, "diff", "--name-only", "main", result["branch"])
        assert changed == "money/rounding.py"


async def test_a_nested_repository_is_left_out_and_named(benches: Any) -> None:
    async with benches(script_of([])) as bench:
        make_repository(bench.repository / "vendor")
        handle = await bench.start(mode="answer")
        await handle.result()
        warnings = await bench.warnings(handle)
        assert_said("uncommitted work", warnings[0])
        git(bench.repository, "init", "--quiet", "tool")
        (bench.repository / ".git" / "info" / "exclude").write_text("vendor/\n")
        handle = await bench.start(mode="answer")
        await handle.result()
        (warning,) = await bench.warnings(handle)
        assert_said("a nested repository", warning, names="'tool'")


async def test_submodules_stay_the_links_that_they_are(benches: Any, fixing: Script) -> None:
    async with benches(fixing) as bench:
        library, _ = make_repository(bench.folder / "library")
        allow = ("-c", "protocol.file.allow=always")
        git(bench.repository, *allow, "submodule", "--quiet", "add", str(library), "libraries/money")
        git(bench.repository, "commit", "--quiet", "--message", "Use the library")
        link = git(bench.repository, "ls-tree", "HEAD", "libraries/money")
        assert link.startswith("160000 commit ")
        before = snapshot(bench.repository)
        handle = await bench.start()
        result = await bench.finish(handle)
        assert (result["status"], result["pushed"]) == ("completed", True)
        (warning,) = await bench.warnings(handle)
        assert_said("submodules", warning, names="'libraries/money'")
        assert git(bench.remote, "ls-tree", result["branch"], "libraries/money") == link
        assert snapshot(bench.repository) == before


def use_large_files(repository: Path) -> None:
    """Keep a file as Git LFS does: its pointer in the commit."""
    (repository / ".gitattributes").write_text("*.bin filter=lfs diff=lfs merge=lfs -text\n")
    (repository / "data").mkdir()
    (repository / "data" / "table.bin").write_text(POINTER)
    git(repository, "add", "--all")
    git(repository, "commit", "--quiet", "--message", "A large file")


async def test_pointers_of_git_lfs_stay_pointers(benches: Any, fixing: Script) -> None:
    async with benches(fixing) as bench:
        use_large_files(bench.repository)
        handle = await bench.start()
        result = await bench.finish(handle)
        assert (result["status"], result["pushed"]) == ("completed", True)
        (warning,) = await bench.warnings(handle)
        assert_said("files of Git LFS", warning, names="'data/table.bin'")
        assert git(bench.remote, "show", f"{result['branch']}:data/table.bin") == POINTER.strip()


async def test_a_changed_file_of_git_lfs_is_not_committed_whole(benches: Any) -> None:
    async with benches(script_of([[LOOK], [RECORD], [FIX]])) as bench:
        use_large_files(bench.repository)
        handle = await bench.start()
        result = await bench.finish(handle)
        assert (result["status"], result["pushed"]) == ("incomplete", False)
        why = " ".join(each["why"] for each in result["withheld"])
        assert_said("a changed file of Git LFS", why, file="data/table.bin")
        assert list(bench.remote_branches()) == ["main"]


async def test_a_shallow_clone_is_worked_on_and_pushed_from(benches: Any, fixing: Script) -> None:
    async with benches(fixing) as bench:
        git(bench.repository, "commit", "--quiet", "--allow-empty", "--message", "Second")
        git(bench.repository, "push", "--quiet", "origin", "main")
        shallow = bench.folder / "shallow"
        git(bench.folder, "clone", "--quiet", "--depth", "1", f"file://{bench.remote}", str(shallow))
        handle = await bench.start(repository=str(shallow))
        result = await bench.finish(handle)
        assert (result["status"], result["pushed"]) == ("completed", True)
        (warning,) = await bench.warnings(handle)
        assert_said("a shallow clone", warning)
        assert git(bench.remote, "log", "--format=%s", result["branch"]).splitlines()[1:] == [
            "Second",
            "Begin",
        ]


async def test_a_detached_head_is_where_the_task_starts(benches: Any, fixing: Script) -> None:
    async with benches(fixing) as bench:
        git(bench.repository, "checkout", "--quiet", "--detach")
        git(bench.repository, "commit", "--quiet", "--allow-empty", "--message", "On no branch")
        commit = git(bench.repository, "rev-parse", "HEAD")
        handle = await bench.start()
        result = await bench.finish(handle)
        (warning,) = await bench.warnings(handle)
        assert_said("no branch checked out", warning, commit=commit[:12])
        assert git(bench.remote, "rev-parse", f"{result['branch']}~") == commit


async def test_a_bare_repository_takes_the_push_itself_and_runs_no_hook(benches: Any, fixing: Script) -> None:
    async with benches(fixing) as bench:
        bare = bench.folder / "bare.git"
        git(bench.folder, "clone", "--quiet", "--bare", str(bench.repository), str(bare))
        hook = bare / "hooks" / "pre-receive"
        hook.write_text(f"#!/bin/sh\ntouch {bench.folder}/hook-ran\nexit 1\n")
        hook.chmod(0o755)
        before = snapshot(bench.repository)
        handle = await bench.start(repository=str(bare))
        approval = await bench.approval(handle)
        assert str(bare) in approval.preview
        result = await bench.finish(handle)
        assert (result["status"], result["pushed"]) == ("completed", True)
        (warning,) = await bench.warnings(handle)
        assert_said("a bare repository", warning)
        assert git(bare, "rev-parse", result["branch"]) == result["commits"][-1]
        # What the bare repository was once cloned from is not touched.
        assert snapshot(bench.repository) == before
        assert not (bench.folder / "hook-ran").exists()


async def test_a_branch_that_exists_already_is_not_touched(
    benches: Any, fixing: Script, temporal_client: Client, tmp_path: Path
) -> None:
    repository, remote = make_repository(tmp_path / "taken")
    # No worker polls the queue yet, so the branch can be taken before the task begins.
    handle = await temporal_client.start_workflow(
        "CodingTask",
        {"request": "Round correctly.", "repository": str(repository)},
        id="waits-for-its-worker",
        task_queue="perdure-test-taken-branch",
    )
    wanted = f"perdure/round-correctly-{_mark(handle.first_execution_run_id or '')}"
    git(repository, "branch", wanted)
    git(repository, "branch", f"{wanted}-2")
    git(repository, "push", "--quiet", "origin", f"{wanted}-2:{wanted}-3")
    async with benches(fixing, task_queue="perdure-test-taken-branch") as bench:
        bench.handles.append(handle)
        result = await bench.finish(handle)
        assert result["branch"] == f"{wanted}-4"
        (warning,) = await bench.warnings(handle)
        assert_said("a branch that exists already", warning, branch=wanted, other=f"{wanted}-4")
    main = git(repository, "rev-parse", "main")
    listed = git(remote, "for-each-ref", "--format=%(refname:short) %(objectname)", "refs/heads")
    assert dict(line.split() for line in listed.splitlines()) == {
        "main": main,
        f"{wanted}-3": main,
        result["branch"]: result["commits"][-1],
    }
    assert git(repository, "rev-parse", wanted) == main


def _mark(task_id: str) -> str:
    """What tells a task's branch from those of others with the same request."""
    return short_hash(task_id)[:6]


async def test_two_tasks_on_one_repository_at_once_disturb_neither_each_other_nor_the_user(
    benches: Any, fixing: Script
) -> None:
    async with benches(fixing) as bench:
        before = snapshot(bench.repository)
        handles = [await bench.start(), await bench.start()]
        results = await asyncio.gather(*map(bench.finish, handles))
        assert [(each["status"], each["pushed"]) for each in results] == [("completed", True)] * 2
        for handle in handles:
            assert_silent("two tasks on one repository", await bench.warnings(handle))
        branches = [each["branch"] for each in results]
        assert len(set(branches)) == 2
        there = bench.remote_branches()
        assert [there[each["branch"]] for each in results] == [each["commits"][-1] for each in results]
        assert set(there) == {"main", *branches}
        assert there["main"] == git(bench.repository, "rev-parse", "main")
        assert snapshot(bench.repository) == before
        assert len(FILES) == len(git(bench.remote, "ls-tree", "-r", "--name-only", branches[0]).splitlines())
