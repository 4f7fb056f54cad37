"""list_directory shows what is there and what is left out."""

import os

import pytest

from perdure.contracts.errors import ToolRejected
from tests.tools.conftest import Bench


async def test_lists_folders_first_with_sizes(bench: Bench) -> None:
    output = await bench.run("list_directory")
    assert output.content == ".: 4 files in all\napp/ (2 files)\n.gitignore  13\nREADME.md  32"


async def test_goes_as_deep_as_asked(bench: Bench) -> None:
    bench.put("app/inner/deep.py", "x\n")
    output = await bench.run("list_directory", depth=3)
    assert "app/ (3 files)\n  inner/ (1 file)\n    deep.py  2\n  __init__.py  0\n" in output.content


async def test_leaves_out_what_git_ignores_unless_asked(bench: Bench) -> None:
    bench.put("build/out.js", "x")
    bench.put("server.log", "x")
    output = await bench.run("list_directory")
    assert "build" not in output.content
    assert "[2 entries that Git ignores are left out.]" in output.content
    everything = await bench.run("list_directory", ignored=True)
    assert "build/ (1 file)" in everything.content
    assert "server.log  1" in everything.content


async def test_shows_empty_folders_and_links(bench: Bench) -> None:
    (bench.copy.root / "empty").mkdir()
    (bench.copy.root / "away").symlink_to("/etc/passwd")
    os.mkfifo(bench.copy.root / "pipe")
    output = await bench.run("list_directory")
    assert "empty/ (0 files)" in output.content
    assert "away -> /etc/passwd" in output.content
    assert "pipe (special)" in output.content


async def test_pages_a_wide_folder_and_says_how_much_is_left(bench: Bench) -> None:
    wide = bench.copy.root / "wide"
    wide.mkdir()
    for number in range(1_500):
        (wide / f"{number:05}.txt").touch()
    output = await bench.run("list_directory", path="wide", limit=100)
    assert output.content.startswith("wide: 1,500 files in all\n00000.txt  0\n")
    assert output.content.endswith("00099.txt  0\n[1,400 more entries; list a folder of it, or raise limit.]")


async def test_escapes_names_that_would_break_the_line(bench: Bench) -> None:
    bench.put("two\nlines.txt", "x")
    bench.put("\u202egnp.exe", "x")
    (bench.copy.root / os.fsdecode(b"bad\xff.txt")).touch()
    output = await bench.run("list_directory")
    assert "'two\\nlines.txt'  1" in output.content
    assert "'\\u202egnp.exe'  1" in output.content
    assert "'bad\\udcff.txt'  0" in output.content


@pytest.mark.parametrize(
    ("path", "said"),
    [("README.md", "is a file"), ("ap", "Did you mean 'app'"), ("../..", "outside"), ("/etc", "outside")],
)
async def test_refuses_what_is_no_folder_here(bench: Bench, path: str, said: str) -> None:
    with pytest.raises(ToolRejected, match=said):
        await bench.run("list_directory", path=path)
