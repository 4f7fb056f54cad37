"""Before a folder is replaced: what no step recorded in it is kept, and what a step recorded is not kept twice."""

import shutil
from datetime import datetime
from pathlib import Path

import pytest

from perdure.contracts.errors import ToolRejected
from perdure.workspace.workspaces import Created, Workspaces


async def test_what_is_as_recorded_is_not_kept_again(
    workspaces: Workspaces, created: Created, at: datetime
) -> None:
    (created.copy.root / "a.txt").write_text("a step's\n")
    first = await workspaces.checkpoint(created.copy, previous=created.checkpoint, label="step 1", at=at)
    assert await workspaces.keep_unrecorded("task", recorded=first, at=at) is None
    # Another step was recorded elsewhere since, and this folder is as an earlier one left it.
    (created.copy.root / "a.txt").write_text("the next one's\n")
    second = await workspaces.checkpoint(created.copy, previous=first, label="step 2", at=at)
    (created.copy.root / "a.txt").write_text("a step's\n")
    assert await workspaces.keep_unrecorded("task", recorded=second, at=at) is None


async def test_what_was_found_before_is_told_again(
    workspaces: Workspaces, created: Created, at: datetime
) -> None:
    (created.copy.root / "by-hand.txt").write_text("mine\n")
    first = await workspaces.keep_unrecorded("task", recorded=created.checkpoint, at=at)
    assert first is not None
    assert (first.files, first.unkept, first.left_in) == (("by-hand.txt",), (), "")
    assert b"+mine" in first.patch
    assert await workspaces.keep_unrecorded("task", recorded=created.checkpoint, at=at) == first


async def test_what_no_checkpoint_holds_is_named_and_small_files_of_it_are_copied(
    workspaces: Workspaces, created: Created, at: datetime
) -> None:
    root = created.copy.root
    (root / ".gitignore").write_text(".env\nbuilt/\n")
    recorded = await workspaces.checkpoint(created.copy, previous=created.checkpoint, label="step 1", at=at)
    (root / "src" / ".env").write_text("KEY=1\n")
    (root / "built").mkdir()
    (root / "built" / "large.bin").write_bytes(b"x" * 1000)
    found = await workspaces.keep_unrecorded("task", recorded=recorded, at=at)
    assert found is not None
    assert (found.files, set(found.unkept)) == ((), {"src/.env", "built/"})
    await workspaces.materialise("task", generation=2, checkpoint=recorded)
    await workspaces.discard_before("task", 2)
    assert not root.exists()
    assert (Path(found.left_in) / "src" / ".env").read_text() == "KEY=1\n"
    assert sorted(path.name for path in Path(found.left_in).iterdir()) == ["src"]


async def test_a_folder_that_cannot_be_recorded_stays(
    workspaces: Workspaces, created: Created, at: datetime
) -> None:
    (created.copy.root / "by-hand.txt").write_text("mine\n")
    shutil.rmtree(created.copy.objects_folder)
    with pytest.raises(ToolRejected, match="could not be recorded before they were replaced") as refused:
        await workspaces.keep_unrecorded("task", recorded=created.checkpoint, at=at)
    kept = Path(refused.value.hint.removeprefix("they are in '").removesuffix("'."))
    await workspaces.discard_before("task", 2)
    assert (kept / "tree" / "by-hand.txt").read_text() == "mine\n"
