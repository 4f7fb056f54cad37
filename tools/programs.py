"""Starts programs for tools: always in the sandbox, with an environment built here and nothing of the worker's."""

import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from perdure.safety.bubblewrap import processor_seconds
from perdure.safety.environment import WITHOUT_GIT_SETTINGS
from perdure.safety.views import Finished, SandboxLimits, View
from perdure.safety.way_out import WayOut
from tools.running.errands import Errand
from tools.running.trial import on_trial
from tools.tool_schemas import Toolchain, ToolContext

STANDARD_PATH = "/usr/local/bin:/usr/bin:/bin"
SIGNALS_OF_LIMITS = {128 + signal.SIGXCPU: "processor", 128 + signal.SIGXFSZ: "size"}
WORDS_OF_LIMITS = {
    b"Cannot fork": "processes",
    b"fork: Resource temporarily unavailable": "processes",
    b"fork: retry: Resource temporarily unavailable": "processes",
    b"BlockingIOError: [Errno 11]": "processes",
    b"can't start new thread": "processes",
    b"Cannot allocate memory": "memory",
    b"MemoryError": "memory",
    b"JavaScript heap out of memory": "memory",
    b"Too many open files": "files",
    b"File too large": "size",
    b"File size limit exceeded": "size",
    b"No space left on device": "temporary",
    b"CPU time limit exceeded": "processor",
}
"""What programs and the C library say of each limit that the kernel keeps."""
LAST_WORDS_BYTES = 4_096
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
    environment = {**environment_of(context.toolchain), **of_tests, **environment}
    read_only = (*context.toolchain.read_only, *read_only)
    if context.ahead is not None and view is View.WRITABLE and way_out is None:
        return await context.ahead.run(
            Errand(argv, working_directory, environment, limits, stdin, tuple(read_only))
        )
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
        environment=environment,
        read_only=read_only,
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


def limits_met(finished: Finished, limits: SandboxLimits) -> str:
    """Which limits that the kernel keeps a program has met, as far as it shows; '' where it shows none.

    The kernel refuses what is over such a limit with words that name none, or ends the program by a signal of its own.
    """
    named = {
        "processes": f"{limits.processes:,} processes and threads",
        "memory": f"{limits.memory_bytes // 1024**2:,} MiB of memory",
        "files": f"{limits.open_files:,} open files",
        "size": f"{limits.file_bytes // 1024**2:,} MiB for one file",
        "temporary": f"{limits.temporary_bytes // 1024**2:,} MiB of temporary files",
        "processor": f"{processor_seconds(limits):,} s of processor time",
    }
    met = {SIGNALS_OF_LIMITS.get(finished.exit_code or 0, "")}
    met |= {"processes"} if finished.peak_processes >= limits.processes else set()
    end = finished.output[-LAST_WORDS_BYTES:] if finished.exit_code != 0 else b""
    told = {kind for words, kind in WORDS_OF_LIMITS.items() if words in end} - met
    sentences = (("it met its limit of", met), ("it may have met its limit of", told))
    return "".join(f"; {how} {named[kind]}" for how, kinds in sentences for kind in named if kind in kinds)


def how_it_ended(finished: Finished, limits: SandboxLimits) -> str:
    """``exit code 0 after 1.2 s``, by which signal, or which limit ended it."""
    after = f"after {finished.duration_s:.1f} s"
    met = limits_met(finished, limits)
    if not finished.killed_for:
        return f"exit code {finished.exit_code}{_signal(finished.exit_code or 0)} {after}{met}"
    reasons = {
        "time": f"its time limit of {limits.time_s:g} s",
        "output": f"its output limit of {limits.output_bytes:,} bytes",
        "memory": f"its memory limit of {limits.memory_bytes // 1024**2:,} MiB",
        "disk": f"its disk limit of {limits.disk_bytes // 1024**2:,} MiB or {limits.disk_files:,} files written",
        "cancelled": "a cancellation",
    }
    return f"killed {after} by {reasons[finished.killed_for]}{met}"
