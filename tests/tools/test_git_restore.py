"""git_restore makes files what they were, byte for byte, and changes nothing else."""

import asyncio
import os
from dataclasses import replace
from pathlib import Path

import pytest

from perdure.contracts.errors import ToolRejected
from perdure.contracts.workspace import Checkpoint
from perdure.workspace.checkpoints import take_checkpoint
from tests.tools.conftest import Bench, git


async def ended(bench: Bench) -> Checkpoint:
    """The files as a step leaves them."""
    copy = bench.copy
    return await take_checkpoint(
        copy.program, copy, previous=copy.origin.checkpoint, label="test", at=bench.context.requested_at
    )


def later(bench: Bench, *steps: Checkpoint | None) -> Bench:
    """The bench of a task whose steps ended with these files, from step 0 on."""

    async def files_at(step: int) -> Checkpoint | None:
        return steps[step]

    return replace(bench, context=replace(bench.context, files_at=files_at))


def disk(root: Path) -> dict[str, tuple[int, bytes]]:
    """Mode and content of every file, links by their target."""
    found: dict[str, tuple[int, bytes]] = {}
    for path in sorted(root.rglob("*")):
        if path.is_symlink():
            found[str(path.relative_to(root))] = (0, os.fsencode(path.readlink()))
        elif path.is_file():
            found[str(path.relative_to(root))] = (path.stat().st_mode & 0o111, path.read_bytes())
    return found


async def test_brings_one_file_back_to_the_last_commit_and_leaves_the_others(bench: Bench) -> None:
    before = bench.text("README.md")
    bench.put("README.md", "ruined\n")
    bench.put("app/money.py", "kept\n")
    output = await bench.run("git_restore", paths=["README.md"])
    assert output.content.splitlines()[1:] == ["rewritten README.md"]
    assert output.summary.startswith("Restored to HEAD ")
    assert output.changed_paths == ("README.md",)
    assert (bench.text("README.md"), bench.text("app/money.py")) == (before, "kept\n")


async def test_the_tree_of_a_step_comes_back_byte_for_byte(bench: Bench) -> None:
    bench.put("bytes.bin", bytes(range(256)) * 40)
    bench.put("crlf.txt", b"one\r\ntwo\nthree")
    bench.put(".gitattributes", "*.txt text eol=lf\n")
    bench.put("new\nline \u00e9.txt", "odd name\n")
    bench.put("-dash", "x\n")
    bench.copy.files.write("run.sh", b"#!/bin/sh\n", executable=True)
    (bench.copy.root / "link").symlink_to("README.md")
    point, was = await ended(bench), disk(bench.copy.root)
    for path in ("bytes.bin", "new\nline \u00e9.txt", "link", "app/money.py"):
        bench.copy.files.delete(path)
    bench.put("crlf.txt", "one\ntwo\nthree\n")
    bench.copy.files.write("run.sh", b"#!/bin/sh\nexit 1\n", executable=False)
    bench.put("added/deep/file.txt", "new\n")
    head = await bench.copy.git.head()
    output = await later(bench, None, point).run("git_restore", to="step 1", paths=["."])
    assert output.summary == "Restored to the end of step 1: 2 rewritten, 4 brought back, 1 deleted"
    assert disk(bench.copy.root) == was
    assert not bench.copy.files.exists("added")
    assert await bench.copy.git.head() == head
    with pytest.raises(ToolRejected, match=r"Nothing in '\.' differs from the end of step 1"):
        await later(bench, None, point).run("git_restore", to="step 1", paths=["."])


async def test_what_was_committed_comes_back_as_a_checkout_would_write_it(bench: Bench) -> None:
    bench.put(".gitattributes", "*.txt text eol=crlf\n")
    bench.put("crlf.txt", b"one\r\ntwo\r\n")
    await bench.run("git_commit", message="Add lines that end twice")
    bench.put("crlf.txt", b"ruined\r\n")
    bench.copy.files.delete(".gitattributes")
    await bench.run("git_restore", paths=["."])
    assert bench.copy.files.read("crlf.txt") == b"one\r\ntwo\r\n"
    assert await bench.copy.git.status() == []
    await bench.run("git_restore", to="base", paths=["crlf.txt", ".gitattributes"])
    assert not bench.copy.files.exists("crlf.txt")
    assert [change.status for change in await bench.copy.git.status()] == [" D", " D"]


async def test_a_folder_becomes_a_file_again_and_a_link_is_never_followed(
    bench: Bench, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "money.py").write_text("theirs\n")
    point, was = await ended(bench), disk(bench.copy.root)
    bench.copy.files.delete("README.md")
    bench.put("README.md/inside/file.txt", "in the way\n")
    for name in ("money.py", "__init__.py"):
        bench.copy.files.delete(f"app/{name}")
    bench.copy.files.delete("app")
    (bench.copy.root / "app").symlink_to(outside)
    await later(bench, point).run("git_restore", to="step 0", paths=["."])
    assert disk(bench.copy.root) == was
    assert (outside / "money.py").read_text() == "theirs\n"


async def test_the_preview_is_exactly_what_changes(bench: Bench) -> None:
    bench.put("README.md", "ruined\n")
    bench.put("new.txt", "new\n")
    before = disk(bench.copy.root)
    preview = await bench.preview("git_restore", paths=["."])
    assert "1 rewritten, 1 deleted." in preview.markdown
    assert "- rewritten `README.md`" in preview.markdown
    assert "- deleted `new.txt`" in preview.markdown
    assert "-ruined\n+# Billing" in preview.markdown
    assert disk(bench.copy.root) == before
    again = await bench.preview("git_restore", paths=["."])
    assert again.facts == preview.facts


async def test_files_that_no_checkpoint_has_are_neither_lost_nor_overwritten(bench: Bench) -> None:
    bench.put("build/made.txt", "ignored by Git\n")
    bench.put("README.md", "changed\n")
    await bench.run("git_restore", paths=["."])
    assert bench.text("build/made.txt") == "ignored by Git\n"
    bench.copy.files.delete("README.md")
    bench.put("README.md/only.log", "ignored by Git\n")
    with pytest.raises(ToolRejected, match="was a file and is a folder now, which holds"):
        await bench.run("git_restore", paths=["."])
    assert bench.text("README.md/only.log") == "ignored by Git\n"


async def test_restored_files_belong_to_whom_tools_run_as(bench: Bench) -> None:
    bench.copy.files.delete("app/money.py")
    await bench.run("git_restore", paths=["app"])
    found = (bench.copy.root / "app" / "money.py").stat()
    assert bench.copy.owner in {None, (found.st_uid, found.st_gid)}


async def test_a_nested_repository_stays_as_it_is(bench: Bench) -> None:
    nested = bench.copy.root / "nested"
    nested.mkdir()
    await asyncio.to_thread(git, nested, "init", "--quiet")
    (nested / "file.txt").write_text("theirs\n")
    bench.put("README.md", "ruined\n")
    await bench.run("git_restore", to="HEAD", paths=["."])
    assert (nested / "file.txt").read_text() == "theirs\n"
    assert (nested / ".git" / "HEAD").is_file()
    assert bench.text("README.md").startswith("# Billing")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"paths": ["nowhere.txt"]}, "'nowhere.txt' is neither among the files now nor in the state"),
        ({"paths": ["../x"]}, "not a path in the workspace"),
        ({"paths": ["/etc/passwd"]}, "not a path in the workspace"),
        ({"paths": [".git/config"]}, "neither among the files"),
        ({"paths": ["README.md"]}, "Nothing in 'README.md' differs from HEAD"),
        ({"paths": ["."], "to": "step 3"}, "has not ended; this is step 3"),
        ({"paths": ["."], "to": "step 1"}, "No task is behind this call"),
        ({"paths": ["."], "to": "--force"}, "names no commit"),
        ({"paths": []}, "expected"),
    ],
)
async def test_refuses_what_cannot_be_restored(bench: Bench, arguments: dict[str, object], said: str) -> None:
    with pytest.raises(ToolRejected, match=said):
        await bench.run("git_restore", **arguments)


async def test_a_step_whose_files_are_elsewhere_is_refused(bench: Bench) -> None:
    point = await ended(bench)
    elsewhere = point.model_copy(update={"tree": "1" * 40})
    with pytest.raises(ToolRejected, match="are not on this host"):
        await later(bench, None, elsewhere).run("git_restore", to="step 1", paths=["."])
