"""Tools of others: found, checked, and left out with a word where they are broken."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.tools.conftest import Bench
from tests.tools.extension_files import install_package, put_tool_file
from tools.extensions import load_extensions
from tools.registry import Registry


async def test_a_file_in_a_named_folder_is_a_tool(bench: Bench, registry: Registry, tmp_path: Path) -> None:
    put_tool_file(tmp_path / "more", "count_words")
    found = load_extensions([tmp_path / "more"], taken=registry.names)
    assert found.problems == ()
    extended = registry.extended(found.tools)
    output = await replace(bench, registry=extended).run("count_words", path="README.md")
    assert output.content == "5 words counted by count_words"
    assert extended.description()["tools"]["count_words"]["category"] == "extension"


async def test_an_entry_point_of_a_package_is_a_tool(
    bench: Bench, registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_tool_file(tmp_path, "counted_by_package")
    install_package(
        tmp_path,
        "counting",
        {"counted_by_package": "counted_by_package:counted_by_package", "gone": "nowhere:gone"},
    )
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    found = load_extensions([], taken=registry.names)
    assert [one.name for one in found.tools] == ["counted_by_package"]
    assert len(found.problems) == 1
    assert (
        "'gone' of perdure.tools (nowhere:gone) is left out, because it ended with ModuleNotFoundError"
        in (found.problems[0])
    )
    extended = registry.extended(found.tools)
    output = await replace(bench, registry=extended).run("counted_by_package", path="README.md")
    assert output.content == "5 words counted by counted_by_package"


def test_the_dictionary_is_of_our_own_tools_and_the_digest_of_all(registry: Registry, tmp_path: Path) -> None:
    put_tool_file(tmp_path, "count_words")
    extended = registry.extended(load_extensions([tmp_path], taken=registry.names).tools)
    assert extended.dictionary() == registry.dictionary()
    assert extended.digest != registry.digest
    assert extended.find("count the words of a file", limit=1)[0].name == "count_words"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("def (", "SyntaxError"),
        ("raise RuntimeError('no')", "RuntimeError: no"),
        ("import sys; sys.exit(3)", "SystemExit: 3"),
        ("broken = 3", "it holds no tool named 'broken'"),
        ("", "it holds no tool named 'broken'"),
    ],
)
def test_a_broken_file_is_left_out_and_told(registry: Registry, tmp_path: Path, text: str, said: str) -> None:
    put_tool_file(tmp_path, "count_words")
    (tmp_path / "broken.py").write_text(text)
    found = load_extensions([tmp_path], taken=registry.names)
    assert [one.name for one in found.tools] == ["count_words"]
    assert len(found.problems) == 1
    assert "broken.py' is left out" in found.problems[0]
    assert said in found.problems[0]


def test_a_tool_that_would_hide_another_or_its_changes_is_left_out(
    registry: Registry, tmp_path: Path
) -> None:
    put_tool_file(tmp_path / "a", "read_file")
    put_tool_file(tmp_path / "a", "shred_all", effect="DESTRUCTIVE")
    put_tool_file(tmp_path / "a", "twice")
    put_tool_file(tmp_path / "b", "twice")
    found = load_extensions([tmp_path / "a", tmp_path / "b", tmp_path / "c"], taken=registry.names)
    assert [one.name for one in found.tools] == ["twice"]
    said = " ".join(found.problems)
    for words in (
        "there is a tool 'read_file' already",
        "'shred_all' may have the effect 'destructive', but has no preview",
        "there is a tool 'twice' already",
        "is no folder",
    ):
        assert words in said
    assert len(found.problems) == 4
