"""The runner of cases plays what it knows, lists what it does not, and is ended by no case."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.corpora.__main__ import main

TREE = {"a.txt": {"text": "one\n"}}
EDIT = {"blocks": [{"path": "a.txt", "search": "one", "replace": "1"}]}
APPLIED = {"outcome": "applied", "files": {"a.txt": "1\n"}}
GOOD: dict[str, Any] = {"id": "good", "form": "blocks", "files": TREE, "edit": EDIT, "expect": APPLIED}
ODD_EDITS: list[Any] = [
    {**GOOD, "id": "more-fields", "invented": [1], "name": "x", "tags": ["y"]},
    {**GOOD, "id": "bare-text", "files": {"a.txt": "one\n"}},
    {**GOOD, "id": "other-form", "form": "wishes"},
    {**GOOD, "id": "other-outcome", "expect": {"outcome": "perhaps"}},
    {**GOOD, "id": "other-comparison", "expect": {**APPLIED, "compare": "by feeling"}},
    {**GOOD, "id": "other-file", "files": {"a.txt": {"rot13": "bar"}}},
    {**GOOD, "id": "no-edit", "edit": None},
    {"id": "nearly-empty"},
    "no object",
    {key: value for key, value in GOOD.items() if key != "id"},
]
PATHS = {
    "setup": [["dir", "ws"], ["file", "ws/a.txt", "x\n"]],
    "cases": [
        {"id": "p-good", "path": "@BASE@/ws/a.txt", "op": "read", "verdict": "allow"},
        {"id": "p-missing", "path": "b.txt", "op": "read", "verdict": "not_found"},
        {"id": "p-op", "path": "a.txt", "op": "levitate", "verdict": "allow"},
        {"id": "p-verdict", "path": "a.txt", "op": "read", "verdict": "shrug"},
        {"id": "p-rename", "path": "a.txt", "op": "rename", "verdict": "deny"},
    ],
}
ATTACKS = {
    "cases": [
        {"id": "g-good", "setup_shell": "true", "trigger_git_args": ["status"]},
        {"id": "g-check", "setup_shell": "true", "trigger_git_args": ["status"], "check": "the stars"},
        {"id": "g-no-trigger", "setup_shell": "true"},
    ]
}


def collection(folder: Path, name: str, content: Any) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(content if isinstance(content, str) else json.dumps(content))


def told(capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    """What is printed of each case that was missed or not played."""
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("  ")]
    cases = [line.strip().split(": ", 2) for line in lines if line.count(": ") >= 2]
    return {parts[1]: f"{parts[0]}: {parts[2]}" for parts in cases}


def test_what_a_case_asks_for_that_nobody_knows_is_listed_and_the_rest_is_played(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    collection(tmp_path / "a" / "deep", "edits.json", {"cases": [GOOD, *ODD_EDITS]})
    collection(tmp_path / "b", "paths.json", PATHS)
    collection(tmp_path / "c", "git_attacks.json", ATTACKS)
    # One that breaks is a miss of its own, and so decides the exit code.
    assert main([str(tmp_path)]) == 1
    found = told(capsys)
    assert found == {
        "other-form": "not played: its form is not known, 'wishes'",
        "other-outcome": "not played: it expects an outcome that is not known, 'perhaps'",
        "other-comparison": "not played: its comparison is not known, 'by feeling'",
        "other-file": 'not played: a file is given in a way that is not known, {"rot13": "bar"}',
        "no-edit": found["no-edit"],
        "nearly-empty": "not played: it has no 'form'",
        "number 10": 'not played: it is no object but "no object"',
        "p-op": "not played: its operation is not known, 'levitate'",
        "p-verdict": "not played: it expects an outcome that is not known, 'shrug'",
        "p-rename": "not played: it renames, but does not say what to, by '->'",
        "g-check": "not played: what it checks is not known, 'the stars'",
        "g-no-trigger": "not played: it has no 'trigger_git_args'",
    }
    assert found["no-edit"].startswith("broken: ")


def test_a_collection_that_cannot_be_read_ends_no_other(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    collection(tmp_path / "a", "edits.json", "{")
    collection(tmp_path / "b", "bad_files.json", {"files": [{"name": "a", "read": "ok", "edit": "n/a"}]})
    collection(tmp_path / "c", "paths.json", {"other": []})
    collection(tmp_path / "d", "edits.json", [GOOD])
    assert main([str(tmp_path)]) == 3
    printed = capsys.readouterr().out
    assert "the file cannot be read as JSON" in printed
    assert "bad_files.py, which makes the files, is not beside it" in printed
    assert "the file holds no list 'cases' of cases" in printed
    assert f"{tmp_path}/d/edits.json: 1 of 1 as expected\n" in printed


def test_files_that_are_made_and_disks_that_are_not_known_are_told_apart(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [
        {"name": "word.txt", "read": "ok", "edit": "edit keeps every other byte"},
        {"name": "setuid.sh", "read": "ok", "edit": "edit keeps every other byte"},
        {"name": "nowhere.txt", "read": "ok", "edit": "n/a"},
        {"name": "later.txt", "read": "ok", "edit": "n/a"},
    ]
    disks = [{"name": "quota"}, {"name": "floppy"}, {"name": "slow_fs"}]
    collection(tmp_path, "bad_files.json", {"files": files, "mounts": disks})
    builder = (
        "import os, sys\nos.chdir(sys.argv[1])\nopen('word.txt', 'w').write('word here\\n')\n"
        "open('setuid.sh', 'w').write('echo word\\n')\nos.chmod('setuid.sh', 0o4755)\nprint('skipped later.txt no room')\n"
    )
    collection(tmp_path, "bad_files.py", builder)
    assert main([str(tmp_path)]) == 3
    assert told(capsys) == {
        "nowhere.txt": "not played: its builder did not make it here",
        "later.txt": "not here: its builder says: skipped later.txt no room",
        "floppy": "not played: its disk is not known, 'floppy'",
        "slow_fs": "not here: a file system that answers slowly needs FUSE",
    }


def test_a_race_swaps_the_workspace_itself_and_a_case_that_is_lost_is_seen(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.corpora.paths.RACE_S", 1.0)
    setup = [
        ["dir", "ws"],
        ["dir", "out/d"],
        ["file", "ws/ok.txt", "x\n"],
        ["file", "out/secret.txt", "secret\n"],
    ]
    cases = [
        {"id": "r-root", "path": "@WS@/ok.txt", "op": "write", "verdict": "deny_outside", "race": True},
        {"id": "r-read", "path": "race/new/s.txt", "op": "read", "verdict": "deny_outside", "race": True},
        {"id": "r-delete", "path": "race/new/s.txt", "op": "delete", "verdict": "deny_outside", "race": True},
    ]
    collection(tmp_path, "paths.json", {"setup": setup, "cases": cases})
    assert main([str(tmp_path)]) == 0
    assert "3 of 3 as expected" in capsys.readouterr().out


def test_a_folder_without_cases_is_said_to_be_none(tmp_path: Path) -> None:
    assert main([str(tmp_path)]) == 2
