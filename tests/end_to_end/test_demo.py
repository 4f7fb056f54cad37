"""``make demo`` as somebody without a key and without a terminal runs it."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.end_to_end.terminal import at_a_terminal

PROJECT = Path(__file__).resolve().parents[2]
PARTS = (
    "activities",
    "examples",
    "perdure",
    "playbooks",
    "tools",
    "workflows",
    "worker.py",
    "tool_dictionary.json",
)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The project without a developer's ``.env``, whose key would make the demo ask a language model."""
    folder = tmp_path / "project"
    folder.mkdir()
    for name in PARTS:
        if (PROJECT / name).is_dir():
            shutil.copytree(PROJECT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copyfile(PROJECT / name, folder / name)
    return folder


def surroundings() -> dict[str, str]:
    """What the demo is told of where it runs: none of the surroundings' settings."""
    return {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG", "TMPDIR"}}


def run_demo(project: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """The demo with its default home, and without a terminal."""
    return subprocess.run(
        [sys.executable, "-m", "examples.demo"],
        cwd=project,
        env={**surroundings(), **environment},
        stdin=subprocess.DEVNULL,
        check=False,
        capture_output=True,
        text=True,
        timeout=500,
    )


def processes_of(project: Path) -> list[str]:
    """Command lines and working directories of living processes that name the folder."""
    found: list[str] = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            folder = str((process / "cwd").readlink())
        except OSError:
            continue
        if str(project) in command or str(project) in folder:
            found.append(f"{process.name}: {command} in {folder}")
    return found


def test_the_demo_survives_its_kill_and_leaves_nothing_running(project: Path) -> None:
    done = run_demo(project)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "kill -9" in done.stdout
    assert re.search(r"resumed at step \d+ on another host, tree identical, 0 repeated", done.stdout)
    assert "finished it" in done.stdout
    assert re.search(r"tree (\w{12}) before the kill, tree \1 rebuilt", done.stdout)
    assert "change course" in done.stdout
    assert "the demo was told to approve" in done.stdout
    assert "scripted: nothing was paid" in done.stdout
    assert "+        left_over = self.cents - sum(shares)" in done.stdout
    upkeep = done.stdout.partition("Upkeep, without a model")[2]
    assert "taken back: the files are as they were before the step" in upkeep
    assert "not done  Remove what nothing uses" in upkeep
    assert "holds 2 commits, the run's own and each once" in upkeep
    assert "unchanged after" in upkeep
    consent = done.stdout.partition("Approved, then altered")[2]
    assert "another hand adds a line to scripts/release.sh" in consent
    assert "held back execute_command (writes): sh scripts/release.sh: " in consent
    assert "so it is asked anew" in consent
    assert "+│ rm -r notices  # added by another hand" in consent
    assert "A person denied this call by demo; it was not run." in consent
    assert "✗" not in consent
    assert processes_of(project) == []


def test_a_person_who_lets_no_upkeep_out_sees_that_nothing_got_out(project: Path) -> None:
    code, shown = at_a_terminal(
        [sys.executable, "-m", "examples.demo"],
        [
            # The program of the project that looks at the complaint's invoice, then the push.
            ("Approve this? y/n", "y\n"),
            ("Approve this? y/n", "y\n"),
            ("Approve this? y/n", "n\n"),
            ("Why not?", "Not before the release.\n"),
            ("Approve this? y/n", "y\n"),
            ("Approve this? y/n", "n\n"),
            ("Why not?", "I have seen another script.\n"),
        ],
        folder=project,
        environment=surroundings() | {"TERM": "xterm", "COLUMNS": "200"},
        timeout_s=400,
    )
    upkeep = shown.partition("Upkeep, without a model")[2]
    assert "deny by you  Not before the release." in upkeep
    assert ", not pushed" in upkeep
    assert "nothing was pushed, and nothing is there" in upkeep
    assert "unchanged after" in upkeep
    consent = shown.partition("Approved, then altered")[2]
    assert "deny by you  I have seen another script." in consent
    assert "the step that was to run it ran nothing" in consent
    assert code == 0, shown
    assert processes_of(project) == []


def test_the_script_is_not_passed_off_as_a_model_for_somebodys_own_repository(project: Path) -> None:
    done = run_demo(project, REPOSITORY=str(project), REQUEST="Mend it.")
    assert done.returncode == 2
    assert "GROQ_API_KEY is not set" in done.stdout


def test_a_request_without_a_repository_is_refused(project: Path) -> None:
    done = run_demo(project, REQUEST="Mend it.")
    assert done.returncode == 2
    assert "REPOSITORY is not set" in done.stdout
