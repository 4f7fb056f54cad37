"""Every program that the product starts is given its environment by name: an inherited one would hold all secrets."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import perdure

PROJECT = Path(perdure.__file__).parents[1]
ROOMS = ("activities", "perdure", "tools", "workflows", "worker.py", "starter.py")
STARTING = {
    *(
        "subprocess.run",
        "subprocess.Popen",
        "subprocess.call",
        "subprocess.check_call",
        "subprocess.check_output",
    ),
    *("subprocess.getoutput", "subprocess.getstatusoutput", "asyncio.create_subprocess_exec"),
    *("asyncio.create_subprocess_shell", "os.system", "os.popen", "os.posix_spawn", "os.posix_spawnp"),
    *(
        "os.execv",
        "os.execvp",
        "os.execl",
        "os.execlp",
        "os.spawnv",
        "os.spawnvp",
        "os.spawnl",
        "os.spawnlp",
        "pty.spawn",
    ),
}
WITHIN = {
    # They run inside the sandbox by file content, where what they inherit is what the sandbox gave.
    "perdure/safety/break_out.py",
    "perdure/safety/forwarder.py",
    "tools/proving/script_program.py",
    "tools/running/timing_program.py",
    "tools/running/trial_program.py",
}


def name_of(node: ast.expr) -> str:
    """``module.function`` of what is called; empty for anything else."""
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        return f"{node.value.id}.{node.attr}"
    return ""


def inherits(call: ast.Call) -> bool:
    """Whether a call starts a program with the environment of this one."""
    if name_of(call.func) not in STARTING:
        return False
    given = [keyword.value for keyword in call.keywords if keyword.arg == "env"]
    return not given or ast.unparse(given[0]) in {
        "None",
        "os.environ",
        "dict(os.environ)",
        "os.environ.copy()",
    }


def inheriting(text: str) -> list[int]:
    """Lines that start a program so, or that take a starting function under another name, where nobody would see it."""
    lines: list[int] = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call) and inherits(node):
            lines.append(node.lineno)
        if isinstance(node, ast.ImportFrom):
            taken = {f"{node.module}.{alias.name}" for alias in node.names}
            lines += [node.lineno] if taken & STARTING else []
    return sorted(lines)


def files() -> Iterator[Path]:
    """Every file of the product."""
    for room in ROOMS:
        place = PROJECT / room
        yield from [place] if place.is_file() else sorted(place.rglob("*.py"))


def test_every_program_is_started_with_an_environment_of_its_own() -> None:
    found = {
        str(file.relative_to(PROJECT)): lines for file in files() if (lines := inheriting(file.read_text()))
    }
    assert {file: lines for file, lines in found.items() if file not in WITHIN} == {}
    assert found.keys() >= WITHIN


@pytest.mark.parametrize(
    "text",
    [
        "import subprocess\nsubprocess.run(['x'])",
        "import subprocess\nsubprocess.run(['x'], env=None)",
        "import os, subprocess\nsubprocess.Popen(['x'], env=dict(os.environ))",
        "import asyncio\nasync def f():\n    await asyncio.create_subprocess_exec('x')",
        "import os\nos.system('x')",
        "from subprocess import run\nrun(['x'], env={})",
    ],
)
def test_a_program_that_inherits_is_noticed(text: str) -> None:
    assert inheriting(text) != []


def test_a_program_with_an_environment_of_its_own_is_not() -> None:
    assert inheriting("import subprocess\nsubprocess.run(['x'], env={'PATH': '/bin'})") == []
