"""git_push pushes once, to what was shown, and never by force."""

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from perdure.contracts.errors import ToolRejected
from perdure.workspace.working_copy import WorkingCopy
from tests.tools.conftest import Bench


def remote_head(remote: Path, branch: str = "perdure/work") -> str:
    done = subprocess.run(
        ["git", "--git-dir", str(remote), "for-each-ref", "--format=%(objectname)", f"refs/heads/{branch}"],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def somebody_pushes(remote: Path, folder: Path) -> str:
    """Another person's commit on the same branch; returns its id."""

    def run(*arguments: str) -> str:
        command = [
            "git",
            "-c",
            "user.name=Bo",
            "-c",
            "user.email=bo@example.invalid",
            "-C",
            str(folder),
            *arguments,
        ]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    folder.mkdir()
    run("clone", "--quiet", str(remote), ".")
    run("switch", "--quiet", "--create", "perdure/work", "origin/main")
    (folder / "theirs.txt").write_text("theirs\n")
    run("add", "theirs.txt")
    run("commit", "--quiet", "--message", "Theirs")
    run("push", "--quiet", "origin", "perdure/work")
    return run("rev-parse", "HEAD")


async def committed(bench: Bench, text: str = "new\n") -> str:
    bench.put("new.txt", text)
    output = await bench.run("git_commit", message=f"Write {text.strip()}")
    assert output.commit is not None
    return output.commit


async def test_pushes_a_new_branch_and_keeps_the_receipt(bench: Bench) -> None:
    commit = await committed(bench)
    preview = await bench.preview("git_push")
    assert f"`(new branch)` → `{commit}`" in preview.markdown
    assert "1 commit:" in preview.markdown
    assert "`Write new`" in preview.markdown
    assert "new.txt  +1 -0" in preview.markdown
    assert preview.facts == {
        "remote": str(bench.remote),
        "branch": "perdure/work",
        "commit": commit,
        "remote_head": None,
    }
    output = await bench.approved(preview.facts).run("git_push")
    assert output.pushed == f"perdure/work@{commit}"
    assert remote_head(bench.remote) == commit
    assert list(bench.ledger.receipts.values()) == [{"commit": commit}]


async def test_shows_from_where_to_where_a_branch_moves(bench: Bench) -> None:
    first = await committed(bench)
    await bench.run("git_push")
    second = await committed(bench, "newer\n")
    bench.put("uncommitted.txt", "stays here\n")
    preview = await bench.preview("git_push")
    assert f"`{first}` → `{second}`" in preview.markdown
    assert "Write newer" in preview.markdown
    assert "Write new`" not in preview.markdown
    assert "uncommitted" not in preview.markdown


async def test_does_not_push_twice(bench: Bench) -> None:
    commit = await committed(bench)
    await bench.run("git_push")
    again = await bench.run("git_push")
    assert again.pushed == f"perdure/work@{commit}"
    assert "was pushed already" in again.content


async def test_finds_its_own_push_after_a_crash_before_the_receipt(bench: Bench) -> None:
    commit = await committed(bench)
    preview = await bench.preview("git_push")
    await bench.approved(preview.facts).run("git_push")
    bench.ledger.receipts.clear()
    assert await bench.preview("git_push") == preview
    output = await bench.approved(preview.facts).run("git_push")
    assert "is already there" in output.content
    assert output.pushed == f"perdure/work@{commit}"
    assert list(bench.ledger.receipts.values()) == [{"commit": commit}]


async def test_refuses_where_the_remote_moved_after_it_was_shown(bench: Bench, tmp_path: Path) -> None:
    await committed(bench)
    preview = await bench.preview("git_push")
    theirs = somebody_pushes(bench.remote, tmp_path / "bo")
    with pytest.raises(ToolRejected, match="moved from nothing to"):
        await bench.approved(preview.facts).run("git_push")
    assert remote_head(bench.remote) == theirs


async def test_never_overwrites_what_somebody_else_pushed(bench: Bench, tmp_path: Path) -> None:
    await committed(bench)
    theirs = somebody_pushes(bench.remote, tmp_path / "bo")
    with pytest.raises(ToolRejected, match="somebody else pushed"):
        await bench.preview("git_push")
    with pytest.raises(ToolRejected):
        await bench.run("git_push")
    assert remote_head(bench.remote) == theirs


async def test_refuses_to_preview_where_there_is_nothing_to_push(bench: Bench) -> None:
    with pytest.raises(ToolRejected, match="no commit of its own"):
        await bench.preview("git_push")


async def test_leaves_nothing_to_approve_where_another_call_pushed_the_same(bench: Bench) -> None:
    commit = await committed(bench)
    assert (await bench.preview("git_push")).pushed == ""
    await bench.run("git_push")
    other = replace(
        bench, context=replace(bench.context, key=bench.context.key.model_copy(update={"step": 4}))
    )
    preview = await other.preview("git_push")
    assert preview.pushed == f"perdure/work@{commit}"
    assert (
        preview.markdown
        == f"The remote's 'perdure/work' already is at {commit[:12]}; there is nothing to push."
    )


async def test_refuses_where_there_is_no_remote(bench: Bench) -> None:
    copy: WorkingCopy = bench.copy
    local = replace(copy, origin=copy.origin.model_copy(update={"remote": None}))
    alone = replace(bench, context=replace(bench.context, copy=local))
    with pytest.raises(ToolRejected, match="no remote"):
        await alone.run("git_push")
    with pytest.raises(ToolRejected, match="no remote"):
        await alone.preview("git_push")


async def test_shows_a_remote_without_its_credentials(bench: Bench) -> None:
    await committed(bench)
    commit = await bench.copy.git.head()
    await bench.run("git_push")
    copy: WorkingCopy = bench.copy
    secret = copy.origin.model_copy(update={"remote": "https://ada:token@git.invalid/billing.git"})
    hidden = replace(bench, context=replace(bench.context, copy=replace(copy, origin=secret)))
    with pytest.raises(ToolRejected) as caught:
        await hidden.run("git_push")
    assert "token" not in str(caught.value)
    assert remote_head(bench.remote) == commit
