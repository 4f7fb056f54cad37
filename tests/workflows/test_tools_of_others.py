"""A task uses tools that it found, and tools of others by an entry point and by a folder."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.tools.extension_files import install_package, put_tool_file
from tests.workflows.conftest import Call, script_of

MONEY = {"path": "money/rounding.py"}


def offered(body: bytes) -> set[str]:
    """The tools that a request offers."""
    return {each["function"]["name"] for each in json.loads(body).get("tools", [])}


async def test_a_task_uses_a_tool_of_a_package_and_one_of_a_folder(
    benches: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site, folder = tmp_path / "site", tmp_path / "more"
    put_tool_file(site, "words_by_package")
    install_package(site, "counting", {"words_by_package": "words_by_package:words_by_package"})
    monkeypatch.setattr(sys, "path", [str(site), *sys.path])
    put_tool_file(folder, "words_by_folder")
    (folder / "broken.py").write_text("raise RuntimeError('no')")
    turns = [[("words_by_package", MONEY)], [("words_by_folder", MONEY)]]
    async with benches(script_of(turns), tool_folders=(str(folder),)) as bench:
        handle = await bench.start(mode="answer")
        assert (await handle.result())["status"] == "completed"
        told = b"".join(each.body for each in bench.models.requests).decode()
        assert "words counted by words_by_package" in told
        assert "words counted by words_by_folder" in told


async def test_what_find_tools_found_is_offered_from_then_on(benches: Any) -> None:
    finding: Call = ("find_tools", {"query": "git_status", "limit": 1})
    looking: Call = ("git_status", {})
    turns: list[list[Call]] = [[finding], [looking], [("read_file", MONEY)]]
    async with benches(script_of(turns)) as bench:
        handle = await bench.start(mode="answer")
        assert (await handle.result())["status"] == "completed"
        asked = [names for each in bench.models.requests if (names := offered(each.body))]
        assert "git_status" not in asked[0]
        assert "find_tools" in asked[0]
        assert all("git_status" in names for names in asked[1:])
        assert max(len(names) for names in asked) <= 9
