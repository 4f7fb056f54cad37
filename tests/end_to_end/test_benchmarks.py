"""The benchmarks still run, each for a moment; what they measure is for a quiet machine to say, so no figure is looked at."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SHORT = [
    ("step_overhead.py", "--steps", "3", "--repeat", "1"),
    ("many_tasks.py", "--tasks", "2", "--steps", "2", "--repeat", "1"),
    ("many_watchers.py", "--watchers", "2", "--repeat", "1"),
    ("long_task.py", "--steps", "12"),
]


@pytest.mark.parametrize("words", SHORT, ids=lambda words: words[0])
def test_benchmarks_that_run_tasks_still_run(words: tuple[str, ...]) -> None:
    name, *arguments = words
    done = subprocess.run(
        [sys.executable, f"benchmarks/{name}", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )

    assert done.returncode == 0, done.stderr[-4_000:]
    assert " ms" in done.stdout or " s" in done.stdout
