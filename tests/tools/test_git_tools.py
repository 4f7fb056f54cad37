"""Status, differences, commits and branches of the task's own clone."""

from dataclasses import replace
from datetime import timedelta

import pytest

from perdure.contracts.calls import Effect
from perdure.contracts.errors import ToolRejected
from perdure.contracts.workspace import Checkpoint
from perdure.workspace.checkpoints import take_checkpoint
from tests.tools.conftest import Bench
from tests.tools.conftest import call as tool_call


async def test_status_names_branch_commit_and_changes(bench: Bench) -> None:
    head = await bench.copy.git.head()
    clean = await bench.run("git_status")
    assert clean.content == f"On branch perdure/work at {head[:12]}; no changed files"
    bench.put("README.md", "changed\n")
    bench.put("new.txt", "new\n")
    output = await bench.run("git_status")
    assert output.content.splitlines()[0].endswith("; 2 changed files")
    assert set(output.content.splitlines()[1:]) == {" M README.md", "?? new.txt"}


async def test_diff_shows_changed_and_new_files(bench: Bench) -> None:
    assert (await bench.run("git_diff")).content == "No difference from HEAD."
    bench.put("README.md", "# Billing\n")
    bench.put("new.txt", "new\n")
    output = await bench.run("git_diff")
    assert "-Totals and averages." in output.content
    assert "+new" in output.content
    assert output.summary == "2 changed files against HEAD"
    assert "new.txt" not in (await bench.run("git_diff", paths=["README.md"])).content


async def test_diff_against_a_commit_shows_what_was_committed_since(bench: Bench) -> None:
    base = await bench.copy.git.head()
    bench.put("new.txt", "new\n")
    await bench.run("git_commit", message="Add a file")
    assert "+new" in (await bench.run("git_diff", against=base)).content
    with pytest.raises(ToolRejected, match="names no commit here"):
        await bench.run("git_diff", against="no-such-branch")
    with pytest.raises(ToolRejected, match="names no commit here"):
        await bench.run("git_diff", against="--output=/tmp/x")


async def test_commits_everything_with_the_activitys_time(bench: Bench) -> None:
    bench.put("new.txt", "new\n")
    bench.copy.files.delete("README.md")
    output = await bench.run("git_commit", message="Add and remove\n\nBecause.")
    head = await bench.copy.git.head()
    assert output.commit == head
    assert output.content == f"Committed {head[:12]} on perdure/work: Add and remove"
    told = await _logged(bench, "%B")
    assert told == "Add and remove\n\nBecause.\n\nPerdure-Task: task-1\nPerdure-Step: 3"
    assert await bench.copy.git.status() == []


async def test_commits_only_the_named_paths(bench: Bench) -> None:
    bench.put("a.txt", "a\n")
    bench.put("b.txt", "b\n")
    output = await bench.run("git_commit", message="Add a", paths=["a.txt"])
    assert output.content.endswith("\n1 changed file is not in it.")
    assert [change.path for change in await bench.copy.git.status()] == ["b.txt"]


async def test_a_retried_commit_is_the_same_commit(bench: Bench) -> None:
    bench.put("new.txt", "new\n")
    first = await bench.run("git_commit", message="Add a file")
    again = await bench.run("git_commit", message="Add a file")
    assert again.commit == first.commit
    later = replace(bench.context, requested_at=bench.context.requested_at + timedelta(hours=1))
    with pytest.raises(ToolRejected, match="nothing to commit"):
        await replace(bench, context=later).run("git_commit", message="Add a file")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"message": "Nothing"}, "nothing to commit"),
        ({"message": "  \n"}, "message is empty"),
        ({"message": ""}, "expected text"),
        ({"message": "x", "paths": ["README.md"]}, "holds no change"),
        ({"message": "x", "paths": ["../.."]}, "not a path in the workspace"),
        ({"message": "x" * 73}, "first line has 73 characters; at most 72"),
        ({"message": "Subject\nmore"}, "second line is not empty"),
        ({"message": "Subject\n\nApproved-by: the queen"}, "has a line 'Approved-by:'"),
        ({"message": "Sub\x1b[2Jject"}, "control characters"),
    ],
)
async def test_refuses_commits_of_nothing(bench: Bench, arguments: dict[str, object], said: str) -> None:
    with pytest.raises(ToolRejected, match=said):
        await bench.run("git_commit", **arguments)


async def test_previews_a_commit(bench: Bench) -> None:
    bench.put("README.md", "# Bills\n")
    preview = await bench.preview("git_commit", message="Rename\n\nmore")
    assert preview.title == "git_commit Rename"
    assert "Commits on `perdure/work`" in preview.markdown
    assert "-  M `README.md`" in preview.markdown
    assert "+# Bills" in preview.markdown
    assert preview.facts == {"head": await bench.copy.git.head(), "branch": "perdure/work"}


async def test_creates_a_branch_and_switches_to_it(bench: Bench) -> None:
    preview = await bench.preview("create_branch", name="feature/totals")
    assert "Creates the branch `feature/totals`" in preview.markdown
    output = await bench.run("create_branch", name="feature/totals")
    assert "Created branch feature/totals" in output.content
    assert await bench.copy.git.branch() == "feature/totals"


@pytest.mark.parametrize("name", ["perdure/work", "a..b", "-x", "a b", "HEAD", "x.lock", "../x", "a~1"])
async def test_refuses_bad_and_taken_branch_names(bench: Bench, name: str) -> None:
    with pytest.raises(ToolRejected):
        await bench.run("create_branch", name=name)
    assert await bench.copy.git.branch() == "perdure/work"


async def test_a_commit_names_who_approved_it_below_trailers_of_its_own(bench: Bench) -> None:
    bench.put("new.txt", "new\n")
    approved = replace(bench, context=replace(bench.context, approved_by="ada\nSigned-off-by: eve"))
    output = await approved.run("git_commit", message="Add a file\n\nFixes: 12")
    told = await _logged(bench, "%(trailers)")
    assert told.splitlines() == [
        "Fixes: 12",
        "Perdure-Task: task-1",
        "Perdure-Step: 3",
        "Approved-by: ada Signed-off-by: eve",
    ]
    assert output.ok


async def test_a_commit_tells_of_hooks_that_did_not_run(bench: Bench) -> None:
    bench.put(".husky/pre-commit", "touch ran\n")
    bench.put("package.json", '{"simple-git-hooks": {"pre-commit": "touch ran"}}')
    bench.put(".pre-commit-config.yaml", "repos: []\n")
    output = await bench.run("git_commit", message="Add hooks")
    assert (
        "The project's hooks for commits (.husky/pre-commit, .pre-commit-config.yaml, package.json) were not run"
        in output.content
    )
    assert not bench.copy.files.exists("ran")
    assert "run_hooks" in (await _previewed(bench))


async def _previewed(bench: Bench) -> str:
    bench.put("another.txt", "a\n")
    return (await bench.preview("git_commit", message="Another")).markdown


async def test_hooks_that_may_run_see_what_is_staged_and_can_refuse(bench: Bench) -> None:
    bench.put("bad.txt", "DO NOT COMMIT\n")
    bench.put("-other\n.txt", "fine\n")
    bench.put(
        ".githooks/pre-commit",
        "git diff --cached --name-only -z | tr '\\0' '|'\n! git grep --cached -q 'DO NOT COMMIT' -- '*.txt'\n",
    )
    call = {"message": "Add files", "run_hooks": True}
    assert bench.registry.summarize(tool_call("git_commit", **call)).effect is Effect.RUN_WRITING
    head = await bench.copy.git.head()
    with pytest.raises(ToolRejected, match="refused the commit") as refused:
        await bench.run("git_commit", **call)
    assert "-other\n.txt|.githooks/pre-commit|bad.txt" in str(refused.value)
    assert await bench.copy.git.head() == head
    bench.put("bad.txt", "fine\n")
    output = await bench.run("git_commit", **call)
    assert "The hook of .githooks/pre-commit passed: exit code 0" in output.content
    assert await bench.copy.git.status() == []


async def test_a_diff_begins_with_statistics_and_names_files_that_do_not_fit(bench: Bench) -> None:
    bench.put("README.md", "# Billing\n\nTotals and averages of prices.\n")
    bench.put("long.txt", "".join(f"line {number}\n" for number in range(2_000)))
    output = await bench.run("git_diff")
    assert output.content.splitlines()[:4] == [
        "2 files, +2001 -1",
        "README.md  +1 -1",
        "long.txt  +2000 -0",
        "",
    ]
    assert "+Totals and averages of prices." in output.content
    assert output.content.endswith("[Hunks of 1 file are left out: long.txt. Send git_diff with paths.]")
    assert len(output.content) < 8_000
    assert output.artifacts[0].data.decode().count("\n+line ") == 2_000
    alone = await bench.run("git_diff", paths=["long.txt"])
    assert alone.content.count("\n+line ") == 2_000


async def test_a_diff_is_against_base_step_or_what_is_staged(bench: Bench) -> None:
    first = await _checkpoint(bench)
    bench.put("README.md", "one\n")
    second = await _checkpoint(bench)
    later = _after(bench, {0: None, 1: first, 2: second})
    bench.put("README.md", "two\n")
    await bench.run("git_commit", message="Two")
    bench.put("README.md", "three\n")
    assert "-one\n+three" in (await later.run("git_diff", against="step 2")).content
    assert "-# Billing" in (await later.run("git_diff", against="step 1")).content
    assert "-# Billing" in (await later.run("git_diff", against="Step:0")).content
    assert "-two\n+three" in (await later.run("git_diff")).content
    staged = (await later.run("git_diff", against="base", staged=True)).content
    assert "+two" in staged
    assert "three" not in staged
    for against, said in (
        ("step 3", "has not ended"),
        ("step 99", "has not ended"),
        ("step three", "names no commit"),
    ):
        with pytest.raises(ToolRejected, match=said):
            await later.run("git_diff", against=against)


async def test_paths_mean_files_and_nothing_else(bench: Bench) -> None:
    bench.put(":(top)odd.txt", "odd\n")
    bench.put("*.txt", "star\n")
    bench.put("new\nline.txt", "x\n")
    bench.put("-dash.txt", "x\n")
    for path in (":(top)odd.txt", "*.txt", "new\nline.txt", "-dash.txt"):
        output = await bench.run("git_diff", paths=[path])
        assert output.summary == "1 changed file against HEAD", path
    assert (await bench.run("git_diff", paths=[":(exclude)README.md"])).content == "No difference from HEAD."
    await bench.run("git_commit", message="Add a star", paths=["*.txt"])
    assert {change.path for change in await bench.copy.git.status()} == {
        ":(top)odd.txt",
        "new\nline.txt",
        "-dash.txt",
    }
    with pytest.raises(ToolRejected, match="not a path in the workspace"):
        await bench.run("git_diff", paths=["../../etc/passwd"])


async def test_the_status_counts_the_tasks_own_commits(bench: Bench) -> None:
    base = await bench.copy.git.head()
    bench.put("new.txt", "new\n")
    await bench.run("git_commit", message="Add a file")
    output = await bench.run("git_status")
    assert f", 1 commit since the task began at {base[:12]}; no changed files" in output.content


async def test_lists_commits_and_marks_the_tasks_own(bench: Bench) -> None:
    base = await bench.copy.git.head()
    bench.put("new.txt", "new\n")
    commit = (await bench.run("git_commit", message="Add a \x7f file".replace("\x7f", "short"))).commit
    assert commit is not None
    lines = (await bench.run("git_log")).content.splitlines()
    assert lines[0] == f"* {commit[:12]} 2026-11-23 Perdure: Add a short file"
    assert lines[1].startswith(f"  {base[:12]} ")
    assert lines[1].endswith(" Ada: Begin")
    assert lines[2] == "[* is a commit of this task]"
    assert (await bench.run("git_log", limit=1)).content.endswith("[There are more: send skip=1.]")
    assert "Begin" in (await bench.run("git_log", skip=1)).content
    assert (await bench.run("git_log", skip=9)).content == "No more commits."
    assert "Begin" not in (await bench.run("git_log", paths=["new.txt"])).content
    assert "short" in (await bench.run("git_log", containing="SHORT")).content
    assert (await bench.run("git_log", containing="nobody")).content.startswith("No commit before")
    assert "short" not in (await bench.run("git_log", revision="base")).content
    with pytest.raises(ToolRejected, match="names no commit"):
        await bench.run("git_log", revision="--all")


async def test_blames_committed_and_uncommitted_lines(bench: Bench) -> None:
    base = await bench.copy.git.head()
    bench.put(
        "app/money.py", bench.text("app/money.py").replace("    return sum(prices)\n", "    return 0\n")
    )
    output = await bench.run("git_blame", path="app/money.py", end=3)
    assert output.content.splitlines()[1:] == [
        "     1  def total(prices):",
        "not committed yet:",
        "     2      return 0",
        output.content.splitlines()[0],
        "     3  ",
    ]
    assert output.content.startswith(f"{base[:12]} ")
    assert output.summary == "app/money.py: 3 lines from 1 commit"
    then = await bench.run("git_blame", path="app/money.py", start=2, end=2, revision="base")
    assert then.content.splitlines()[1] == "     2      return sum(prices)"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"path": "nowhere.py"}, "There is no 'nowhere.py'"),
        ({"path": "app"}, "is a folder"),
        ({"path": "fresh.txt"}, "is not in the last commit"),
        ({"path": "README.md", "start": 90}, "fewer than 90 lines"),
        ({"path": "README.md", "start": 5, "end": 2}, "the end comes first"),
        ({"path": "README.md", "end": 5_000}, "more than 400"),
        ({"path": "app/__init__.py"}, "is empty"),
        ({"path": "leaves/passwd"}, "leaves/passwd"),
        ({"path": "../x"}, "not a path in the workspace"),
    ],
)
async def test_refuses_to_blame_what_has_no_history(
    bench: Bench, arguments: dict[str, object], said: str
) -> None:
    bench.put("fresh.txt", "new\n")
    (bench.copy.root / "leaves").symlink_to("/etc")
    with pytest.raises(ToolRejected, match=said):
        await bench.run("git_blame", **arguments)


async def _logged(bench: Bench, form: str) -> str:
    """The last commit, in one of Git's formats."""
    copy = bench.copy
    return (await copy.program.run("log", "-1", f"--format={form}", folders=copy.folders)).text


async def _checkpoint(bench: Bench) -> Checkpoint:
    copy = bench.copy
    return await take_checkpoint(
        copy.program, copy, previous=copy.origin.checkpoint, label="test", at=bench.context.requested_at
    )


def _after(bench: Bench, known: dict[int, Checkpoint | None]) -> Bench:
    """The bench of a task whose steps ended with these files."""

    async def files_at(step: int) -> Checkpoint | None:
        return known[step]

    return replace(bench, context=replace(bench.context, files_at=files_at))
