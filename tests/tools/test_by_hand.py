"""``python -m tools list | show | run``: any tool on a folder, without a server."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from perdure.settings import PROJECT_FOLDER
from tests.tools.conftest import git
from tools.__main__ import main


def run(folder: Path, tool: str, *options: str, **arguments: object) -> subprocess.CompletedProcess[str]:
    """The command as a person types it, with nobody at a terminal."""
    argv = [
        sys.executable,
        "-m",
        "tools",
        "run",
        tool,
        json.dumps(arguments),
        "--workspace",
        str(folder),
        *options,
    ]
    return subprocess.run(
        argv, cwd=PROJECT_FOLDER, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A fresh clone, whose branches are packed, of a bare repository."""
    made, remote, folder = tmp_path / "made", tmp_path / "remote.git", tmp_path / "clone"
    made.mkdir()
    git(made, "init", "--quiet")
    (made / "README.md").write_text("# Billing\n")
    git(made, "add", ".")
    git(made, "commit", "--quiet", "--message", "Begin")
    git(tmp_path, "clone", "--quiet", "--bare", str(made), str(remote))
    git(tmp_path, "clone", "--quiet", str(remote), str(folder))
    git(folder, "pack-refs", "--all")
    return folder


def test_lists_and_shows_every_tool(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"]) == 0
    listed = capsys.readouterr().out.splitlines()
    assert "read_file" in [line.split()[1] for line in listed]
    assert main(["show", "read_file"]) == 0
    assert json.loads(capsys.readouterr().out)["parameters"]["required"] == ["path"]
    assert main(["show", "nothing"]) == 2
    assert "There is no tool 'nothing'" in capsys.readouterr().err


def test_a_reader_that_has_enough_of_the_list_ends_it_without_a_word() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    argv = [sys.executable, "-m", "tools", "list"]
    done = subprocess.run(
        argv, cwd=PROJECT_FOLDER, stdout=writing, stderr=subprocess.PIPE, text=True, check=False
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, "")


def test_reads_and_writes_the_folder_itself(clone: Path) -> None:
    assert run(clone, "read_file", path="README.md").stdout.endswith("1\t# Billing\n")
    dry = run(clone, "write_file", "--dry-run", path="new.txt", content="x\n")
    assert "+x" in dry.stdout
    assert not (clone / "new.txt").exists()
    written = json.loads(run(clone, "write_file", "--json", path="new.txt", content="x\n").stdout)
    assert (written["ok"], written["changed_paths"]) == (True, ["new.txt"])
    assert (clone / "new.txt").read_text() == "x\n"
    assert (clone / "new.txt").stat().st_uid == os.getuid()


def test_a_program_may_change_the_folder_and_its_files_stay_ours(clone: Path) -> None:
    done = run(clone, "execute_command", command="echo y >> README.md; echo z > made.txt", writes=True)
    assert done.returncode == 0, done.stdout
    assert (clone / "README.md").read_text() == "# Billing\ny\n"
    assert {path.stat().st_uid for path in clone.rglob("*")} == {os.getuid()}
    failed = run(clone, "execute_command", command="exit 3")
    assert (failed.returncode, "exit code 3" in failed.stdout) == (1, True)


def test_commits_on_the_folders_own_branch_and_pushes_only_when_told(clone: Path) -> None:
    (clone / "new.txt").write_text("x\n")
    assert run(clone, "git_commit", message="Add x").returncode == 0
    assert git(clone, "log", "-1", "--format=%s") == "Add x"
    assert git(clone, "status", "--porcelain") == ""
    asked = run(clone, "git_push")
    assert (asked.returncode, "pass --yes" in asked.stderr) == (4, True)
    assert git(clone.parent / "remote.git", "log", "-1", "--format=%s", "main") == "Begin"
    assert run(clone, "git_push", "--yes").returncode == 0
    assert git(clone.parent / "remote.git", "log", "-1", "--format=%s", "main") == "Add x"
    git(clone, "switch", "--quiet", "--create", "feature")
    (clone / "new.txt").write_text("y\n")
    git(clone, "commit", "--quiet", "--all", "--message", "Change x")
    shown = run(clone, "git_push", "--dry-run")
    assert "(new branch)" in shown.stdout
    assert "Change x" in shown.stdout


def test_works_on_a_folder_that_is_no_repository_and_leaves_nothing_in_it(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("hello\n")
    assert "1: hello" in run(tmp_path, "grep_search", pattern="hello").stdout
    assert "?? a.txt" in run(tmp_path, "git_status").stdout
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_without_a_key_the_answers_of_a_script_are_taken_and_without_both_the_settings_are_named(
    clone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GROQ_API_KEY", raising=False)
    monkeypatch.delenv("PERDURE_MODEL_SCRIPT", raising=False)
    asked = run(clone, "explain_code", path="README.md")
    assert (asked.returncode, "neither GROQ_API_KEY nor PERDURE_MODEL_SCRIPT is set" in asked.stderr) == (
        3,
        True,
    )
    point = {"text": "It is a heading.", "first_line": 1, "last_line": 1, "names": ["Billing"]}
    reply = {"for": "assist", "content": {"summary": "A heading.", "points": [point]}}
    script = clone.parent / "answers.json"
    script.write_text(json.dumps({"v": 1, "replies": [reply]}))
    monkeypatch.setenv("PERDURE_MODEL_SCRIPT", str(script))
    answered = run(clone, "explain_code", path="README.md")
    assert "- README.md:1-1: It is a heading." in answered.stdout
    monkeypatch.setenv("PERDURE_MODEL_SCRIPT", str(clone / "nowhere.json"))
    lost = run(clone, "explain_code", path="README.md")
    assert (lost.returncode, "cannot be read" in lost.stderr) == (7, True)


def test_what_is_wrong_is_said_in_a_sentence(tmp_path: Path) -> None:
    refused = run(tmp_path, "read_file", path="../secret")
    assert (refused.returncode, "leads outside the workspace" in refused.stderr) == (3, True)
    malformed = run(tmp_path, "read_file")
    assert (malformed.returncode, "'path' is missing" in malformed.stderr) == (2, True)
    nowhere = run(tmp_path / "nowhere", "read_file", path="a")
    assert (nowhere.returncode, "is no folder" in nowhere.stderr) == (7, True)
    git(tmp_path, "init", "--quiet")
    empty = run(tmp_path, "git_status")
    assert (empty.returncode, "without any commit" in empty.stderr) == (7, True)
    assert "Traceback" not in refused.stderr + malformed.stderr + nowhere.stderr + empty.stderr
    assert main(["run", "read_file", "[1"]) == 2


ATTACKS = {
    "filters": "git config filter.e.clean $EVIL; git config filter.e.smudge $EVIL; echo '* filter=e' > .gitattributes",
    "filter process": "git config filter.e.process $EVIL; git config filter.e.required true; echo '* filter=e' > .gitattributes",
    "filter of a dotted name": "git config filter.A.b.clean $EVIL; echo '* filter=A.b' > .git/info/attributes",
    "included filter": "printf '[filter \"e\"]\\n\\tclean = %s\\n' $EVIL > team; git config include.path ../team;"
    " echo '* filter=e' > .gitattributes",
    "conversion for differences": "git config diff.e.textconv $EVIL; git config diff.external $EVIL; git config diff.e.command"
    " $EVIL; echo '* diff=e' > .gitattributes",
    "monitor and hooks": "git config core.fsmonitor $EVIL; mkdir hk; cp $EVIL hk/post-index-change; git config core.hooksPath hk",
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_no_program_of_the_repository_runs(clone: Path, tmp_path: Path, attack: str) -> None:
    evil = tmp_path / "evil"
    evil.write_text(f"#!/bin/sh\ntouch {tmp_path}/mark\ncat\n")
    evil.chmod(0o755)
    environment = {"PATH": os.environ["PATH"], "EVIL": str(evil), "HOME": str(tmp_path)}
    subprocess.run(["sh", "-c", ATTACKS[attack]], cwd=clone, env=environment, check=True)
    (clone / "README.md").write_text("# Billing\n\nMore.\n")
    assert "+More." in run(clone, "git_diff").stdout
    assert run(clone, "git_blame", path="README.md").returncode == 0
    assert run(clone, "git_commit", message="Change it").returncode == 0
    assert not (tmp_path / "mark").exists()


def test_settings_that_send_git_elsewhere_are_refused(clone: Path) -> None:
    git(clone, "config", "url.https://evil.invalid/.insteadOf", "https://host.invalid/")
    done = run(clone, "git_status")
    assert done.returncode
    assert "sends Git somewhere else than is shown" in done.stdout + done.stderr


def test_a_git_folder_with_links_in_it_is_refused(clone: Path) -> None:
    (clone / ".git" / "refs").rename(clone.parent / "refs")
    (clone / ".git" / "refs").symlink_to(clone.parent / "refs")
    done = run(clone, "git_status")
    assert done.returncode
    assert "holds a link, 'refs', so that Git would write somewhere else" in done.stdout + done.stderr


def test_a_repository_of_other_object_ids_is_refused(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet", "--object-format=sha256")
    (tmp_path / "a.txt").write_text("x\n")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "--message", "Begin")
    done = run(tmp_path, "git_status")
    assert "uses SHA-256 object ids" in done.stdout + done.stderr
