"""Starts programs for tools: always in the sandbox, with an environment built here and nothing of the worker's."""

import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from perdure.safety.environment import WITHOUT_GIT_SETTINGS
from perdure.safety.views import Finished, SandboxLimits, View
from perdure.safety.way_out import WayOut
from tools.running.trial import on_trial
from tools.tool_schemas import Toolchain, ToolContext

STANDARD_PATH = "/usr/local/bin:/usr/bin:/bin"
SHOWN_ALREADY = Path("/usr")
"""The sandbox shows the system's programs by itself."""


def toolchain_of(
    *,
    python: Path,
    node: Path | None,
    ripgrep: Path,
    ruff: Path,
    node_modules: Path | None = None,
    own_python: Path | None = None,
    go: Path | None = None,
    cargo: Path | None = None,
) -> Toolchain:
    """The toolchain with every folder that its programs need to start, links on the way to them included."""
    own_python = own_python or Path(sys.executable)
    needed = [
        folder
        for program in (python, node, ripgrep, ruff, own_python, go, cargo)
        if program
        for folder in _folders_of(program)
    ]
    # The folder that holds node_modules, because Node looks for packages by that name.
    needed += [node_modules.parent] if node_modules else []
    folders: list[Path] = []
    for folder in needed:
        if not any(folder.is_relative_to(known) for known in (SHOWN_ALREADY, *folders)):
            folders = [known for known in folders if not known.is_relative_to(folder)] + [folder]
    return Toolchain(
        python=python,
        node=node,
        ripgrep=ripgrep,
        ruff=ruff,
        own_python=own_python,
        read_only=tuple(folders),
        node_modules=node_modules,
        go=go,
        cargo=cargo,
    )


def _folders_of(program: Path) -> Iterator[Path]:
    """The installation folder of a program, and of each link that leads to it."""
    while True:
        yield program.parent.parent if program.parent.name == "bin" else program.parent
        if not program.is_symlink():
            break
        program = program.parent / program.readlink()
    real = program.resolve()
    yield real.parent.parent if real.parent.name == "bin" else real.parent


def environment_of(toolchain: Toolchain) -> dict[str, str]:
    """Variables on top of the sandbox's own: the toolchain first on the path, and nothing that asks or colours."""
    programs = [toolchain.python, *([toolchain.node] if toolchain.node else [])]
    first = [str(program.parent) for program in programs]
    # Last, since the folder may hold more than ruff: of that, nothing may hide what belongs to the other interpreter.
    path = dict.fromkeys([*first, *STANDARD_PATH.split(":"), str(toolchain.ruff.parent)])
    return {
        "PATH": ":".join(path),
        "CI": "1",
        "NO_COLOR": "1",
        "GIT_PAGER": "cat",
        "npm_config_fetch_retries": "0",
    }


async def run_program(
    context: ToolContext,
    argv: Sequence[str],
    *,
    view: View,
    limits: SandboxLimits,
    working_directory: str = ".",
    environment: Mapping[str, str] = {},
    stdin: bytes = b"",
    way_out: WayOut | None = None,
    read_only: Sequence[Path] = (),
) -> Finished:
    """Run one program on the task's workspace; ``environment`` adds to the tools' own or replaces it.

    ``read_only`` are folders that it sees at their own paths beside those of the toolchain.
    """
    context.beat(f"running {Path(argv[0]).name}")
    if context.read_only and view is View.WRITABLE:
        view = View.READ_ONLY
    # Only tests run where files may be written and are thrown away.
    of_tests = WITHOUT_GIT_SETTINGS if view is View.SCRATCH else {}
    if context.on_trial:
        argv, stdin, view = on_trial(context.toolchain.own_python, context.on_trial, argv, stdin, view)
    return await context.sandbox.run(
        argv,
        root=context.copy.root,
        git_folder=context.copy.mounted_git_folder,
        objects_folder=context.copy.mounted_objects_folder,
        working_directory=working_directory,
        view=view,
        limits=limits,
        environment={**environment_of(context.toolchain), **of_tests, **environment},
        read_only=[*context.toolchain.read_only, *read_only],
        stdin=stdin,
        way_out=way_out,
    )


def _signal(code: int) -> str:
    """``, by SIGSEGV`` for the code that a shell gives a program which a signal ended."""
    known = {each.value for each in signal.Signals}
    return f" ({signal.Signals(code - 128).name})" if code - 128 in known else ""


def output_text(finished: Finished) -> str:
    """The program's output as text, with bytes that are no UTF-8 shown as ``\\xNN``."""
    return finished.output.decode("utf-8", "backslashreplace").replace("\r\n", "\n")


def how_it_ended(finished: Finished, limits: SandboxLimits) -> str:
    """``exit code 0 after 1.2 s``, by which signal, or which limit ended it."""
    after = f"after {finished.duration_s:.1f} s"
    if not finished.killed_for:
        return f"exit code {finished.exit_code}{_signal(finished.exit_code or 0)} {after}"
    reasons = {
        "time": f"its time limit of {limits.time_s:g} s",
        "output": f"its output limit of {limits.output_bytes:,} bytes",
        "memory": f"its memory limit of {limits.memory_bytes // 1024**2:,} MiB",
        "cancelled": "a cancellation",
    }
    return f"killed {after} by {reasons[finished.killed_for]}"
