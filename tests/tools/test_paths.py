"""Paths of models while somebody replaces what they name."""

import threading
from pathlib import Path

import pytest

from perdure.contracts.errors import ToolRejected
from tests.tools.conftest import Bench
from tools.paths import resolved


def test_what_is_replaced_while_it_is_looked_at_is_refused_with_a_sentence(tmp_path: Path) -> None:
    path, aside, link = tmp_path / "f.txt", tmp_path / "aside", tmp_path / "link"
    path.write_text("x\n")
    ended = threading.Event()

    def swap() -> None:
        while not ended.is_set():
            link.symlink_to("elsewhere.txt")
            path.rename(aside)
            link.rename(path)
            path.unlink()
            aside.rename(path)

    swapping = threading.Thread(target=swap)
    swapping.start()
    said: set[str] = set()
    try:
        for _ in range(20_000):
            try:
                said.add(resolved(tmp_path, "f.txt"))
            except ToolRejected as refusal:
                said.add(refusal.message)
    finally:
        ended.set()
        swapping.join()
    assert said <= {"f.txt", "elsewhere.txt", "'f.txt' was replaced while it was looked at."}
    assert "f.txt" in said


@pytest.mark.parametrize(
    "path", ["README.md/", "README.md/.", "README.md/..", "README.md/../README.md", "nowhere/../README.md"]
)
@pytest.mark.parametrize("tool", ["read_file", "write_file", "edit_file", "delete_file"])
async def test_a_path_that_goes_on_behind_a_file_is_no_path(bench: Bench, tool: str, path: str) -> None:
    bench.put("README.md", "word\n")
    given = {
        "write_file": {"content": "other\n"},
        "edit_file": {"blocks": [{"search": "word", "replace": "other"}]},
    }
    with pytest.raises(ToolRejected, match=r"goes on behind '(README\.md|nowhere)', which is no folder"):
        await bench.run(tool, path=path, **given.get(tool, {}))
    assert bench.text("README.md") == "word\n"


async def test_a_new_file_may_stand_in_folders_that_are_not_there_yet(bench: Bench) -> None:
    await bench.run("write_file", path="new//deep/./file.txt", content="x\n")
    assert bench.text("new/deep/file.txt") == "x\n"


def test_a_workspace_whose_own_folder_is_exchanged_is_refused_with_a_sentence(tmp_path: Path) -> None:
    root, aside, link = tmp_path / "root", tmp_path / "aside", tmp_path / "link"
    root.mkdir()
    (root / "f.txt").write_text("x\n")
    ended = threading.Event()

    def swap() -> None:
        while not ended.is_set():
            link.symlink_to("elsewhere")
            root.rename(aside)
            link.rename(root)
            root.unlink()
            aside.rename(root)

    swapping = threading.Thread(target=swap)
    swapping.start()
    said: set[str] = set()
    try:
        for _ in range(20_000):
            try:
                said.add(resolved(root, "f.txt"))
            except ToolRejected as refusal:
                said.add(refusal.message)
    finally:
        ended.set()
        swapping.join()
    assert "f.txt" in said
    assert said <= {"f.txt", "'f.txt' was replaced while it was looked at."}
