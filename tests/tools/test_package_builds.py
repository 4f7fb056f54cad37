"""What a Python project's build needs beside what it names, and what is told of an installation that failed."""

import pytest

from tests.tools.conftest import Bench
from tools.packages.installing import reason_in
from tools.packages.python_packages import python_plan


@pytest.mark.parametrize(
    ("requires", "build"),
    [
        ('["setuptools>=61.2"]', ["setuptools>=61.2", "wheel"]),
        ('["Setuptools", "wheel>=0.40"]', ["Setuptools", "wheel>=0.40"]),
        ('["setuptools-rust"]', ["setuptools-rust"]),
        ('["flit_core>=3.2"]', ["flit_core>=3.2"]),
    ],
)
async def test_a_build_by_setuptools_gets_the_wheel_that_an_older_one_asks_for(
    bench: Bench, requires: str, build: list[str]
) -> None:
    bench.put("pyproject.toml", f"[build-system]\nrequires = {requires}\n")
    assert python_plan(bench.copy.files, ".").build == build


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        (
            "npm error code E404\nnpm error 404 Not Found - GET https://r.example/x.tgz\nnpm error 404\n",
            "404 Not Found - GET https://r.example/x.tgz",
        ),
        (
            "error: subprocess-exited-with-error\n\n  × Preparing editable metadata did not run.\n"
            "      error: invalid command 'bdist_wheel'\n      [end of output]\n",
            "error: invalid command 'bdist_wheel'",
        ),
        (
            "Traceback (most recent call last):\n      ModuleNotFoundError: No module named 'x'\n",
            "ModuleNotFoundError: No module named 'x'",
        ),
        ("ERROR: No matching distribution found for x\n", "ERROR: No matching distribution found for x"),
        ("npm error\nKilled\n", ""),
    ],
)
def test_the_line_that_says_why_is_found_in_what_npm_and_pip_print(output: str, reason: str) -> None:
    assert reason_in(output) == reason
