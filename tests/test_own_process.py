"""What a worker does to itself: programs of its own user can read neither its memory nor what it was started with."""

import os
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager

import pytest

from perdure.settings import PROJECT_FOLDER

SECRET = "kept-by-the-worker-alone"
# Root may look into every process, by capabilities that other users do not have.
WITHOUT_CAPABILITIES = (
    ["setpriv", "--bounding-set=-all", "--inh-caps=-all", "--"] if os.geteuid() == 0 else []
)
LOOKS = {
    "environment": "print(open(f'/proc/{pid}/environ', 'rb').read())",
    "memory": "open(f'/proc/{pid}/mem', 'rb').close()",
    "open files": "print([os.readlink(f'/proc/{pid}/fd/{each}') for each in os.listdir(f'/proc/{pid}/fd')])",
}


@contextmanager
def running(*statements: str) -> Generator[tuple[int, str]]:
    """A process that did these, and a line that it wrote."""
    program = "; ".join(
        ["import os, sys", "from perdure import own_process", *statements, "sys.stdin.read()"]
    )
    with subprocess.Popen(
        [*WITHOUT_CAPABILITIES, sys.executable, "-c", program],
        cwd=PROJECT_FOLDER,
        env={
            "PATH": os.environ["PATH"],
            "GROQ_API_KEY": SECRET,
            "PERDURE_REDIS_URL": SECRET,
            "OTHER": "kept",
        },
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        yield process.pid, process.stdout.readline()
        assert process.stdin is not None
        process.stdin.close()


def seen(pid: int, look: str) -> subprocess.CompletedProcess[str]:
    """What another process of the same user sees."""
    program = f"import os; pid = {pid}; {look}"
    command = [*WITHOUT_CAPABILITIES, sys.executable, "-I", "-S", "-c", program]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS)
def test_a_closed_process_cannot_be_looked_into_by_its_own_user(look: str) -> None:
    with running("print(flush=True)") as (pid, _):
        assert seen(pid, look).returncode == 0
    with running("own_process.close_to_others()", "print(flush=True)") as (pid, _):
        refused = seen(pid, look)
    assert "PermissionError" in refused.stderr
    assert SECRET not in refused.stdout


def test_what_a_closed_process_starts_is_as_any_other() -> None:
    start = "import subprocess; child = subprocess.Popen(['sleep', '60'], env={'OTHER': 'kept'})"
    with running("own_process.close_to_others()", start, "print(child.pid, flush=True)") as (_, line):
        assert "OTHER=kept" in seen(int(line), LOOKS["environment"]).stdout
        os.kill(int(line), 9)


def test_our_variables_are_gone_from_the_environment_and_from_what_the_kernel_shows_of_it() -> None:
    with running("own_process.forget_variables(os.environ)", "print(sorted(os.environ), flush=True)") as (
        pid,
        line,
    ):
        shown = seen(pid, LOOKS["environment"]).stdout
    assert "OTHER" in line
    assert "GROQ_API_KEY" not in line
    assert "PERDURE_REDIS_URL" not in line
    assert "OTHER=kept" in shown
    assert SECRET not in shown
