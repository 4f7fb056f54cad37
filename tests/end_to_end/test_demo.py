"""``make demo`` as somebody without a key and without a terminal runs it."""

import os
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]


def run_demo(home: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """The demo in a home of its own; nothing of the surroundings' settings reaches it."""
    kept = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG", "TMPDIR"}}
    return subprocess.run(
        [sys.executable, "-m", "examples.demo"],
        cwd=PROJECT,
        # Empty values also outweigh what a developer's own .env says.
        env={**kept, "PERDURE_HOME": str(home), "GROQ_API_KEY": "", "TEMPORAL_ADDRESS": "", **environment},
        stdin=subprocess.DEVNULL,
        check=False,
        capture_output=True,
        text=True,
        timeout=300,
    )


def processes_of(home: Path) -> list[str]:
    """Command lines and working directories of living processes that name the home."""
    found: list[str] = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            folder = str((process / "cwd").readlink())
        except OSError:
            continue
        if str(home) in command or str(home) in folder:
            found.append(f"{process.name}: {command} in {folder}")
    return found


def test_the_demo_survives_its_kill_and_leaves_nothing_running(tmp_path: Path) -> None:
    home = tmp_path / "home"
    done = run_demo(home)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "kill -9" in done.stdout
    assert "resumed in step" in done.stdout
    assert "finished it" in done.stdout
    assert "change course" in done.stdout
    assert "the demo was told to approve" in done.stdout
    assert "scripted: nothing was paid" in done.stdout
    assert "+        left_over = self.cents - sum(shares)" in done.stdout
    assert processes_of(home) == []


def test_the_script_is_not_passed_off_as_a_model_for_somebodys_own_repository(tmp_path: Path) -> None:
    done = run_demo(tmp_path / "home", REPOSITORY=str(tmp_path), REQUEST="Mend it.")
    assert done.returncode == 2
    assert "GROQ_API_KEY is not set" in done.stdout


def test_a_request_without_a_repository_is_refused(tmp_path: Path) -> None:
    done = run_demo(tmp_path / "home", REQUEST="Mend it.")
    assert done.returncode == 2
    assert "REPOSITORY is not set" in done.stdout
