"""Status, differences, commits and branches of the task's own clone."""

from dataclasses import replace
from datetime import timedelta

import pytest

from perdure.contracts.errors import ToolRejected
from tests.tools.conftest import Bench


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
    ],
)
async def test_refuses_commits_of_nothing(bench: Bench, arguments: dict[str, object], said: str) -> None:
    with pytest.raises(ToolRejected, match=said):
        await bench.run("git_commit", **arguments)


async def test_previews_a_commit(bench: Bench) -> None:
    bench.put("README.md", "# Bills\n")
    preview = await bench.preview("git_commit", message="Rename\nmore")
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
