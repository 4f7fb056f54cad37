"""Paths of models while somebody replaces what they name."""

import threading
from pathlib import Path

import pytest

from perdure.contracts.errors import ToolRejected
from tests.tools.conftest import Bench
from tools.paths import resolved


def said_while_exchanged(root: Path, exchanged: Path, target: str) -> set[str]:
    """What ``f.txt`` is found to be while a file or folder is exchanged with a link to the target, again and again."""
    aside, link = exchanged.with_name("aside"), exchanged.with_name("link")
    ended = threading.Event()

    def swap() -> None:
        while not ended.is_set():
            link.symlink_to(target)
            exchanged.rename(aside)
            link.rename(exchanged)
            exchanged.unlink()
            aside.rename(exchanged)

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
    return said


def test_what_is_replaced_while_it_is_looked_at_is_refused_with_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "f.txt"
    path.write_text("x\n")
    said = said_while_exchanged(tmp_path, path, "elsewhere.txt")
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
    root = tmp_path / "root"
    root.mkdir()
    (root / "f.txt").write_text("x\n")
    said = said_while_exchanged(root, root, "elsewhere")
    assert "f.txt" in said
    assert said <= {"f.txt", "'f.txt' was replaced while it was looked at."}
