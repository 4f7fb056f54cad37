"""Small real attacks on a sandbox before it is trusted: each one that works names the layer that is missing."""

import asyncio
import json
import os
import secrets
import shutil
import tempfile
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, Protocol

from perdure.contracts.errors import ConfigurationError
from perdure.safety.environment import environment_for
from perdure.safety.near_root import folder_near_root
from perdure.safety.staging import Owner
from perdure.safety.views import Finished, SandboxLimits, View
from perdure.safety.way_out import bare_interpreter

PROBE_LIMITS = SandboxLimits(time_s=20, processes=16, output_bytes=64 * 1024)

SHELL_VARIABLES = frozenset({"PWD", "OLDPWD", "SHLVL", "_"})
"""What bubblewrap and the first shell set by themselves; they say nothing of the host."""

SYSTEM_TARGETS = ("/written", "/usr/written", "/etc/written", "/dev/written")
"""Places of the minimal root itself that must not be writable either."""

CONTROL = "seen by the probe"

#: What the probe program could do → what that is called, and the layer that should have prevented it.
ATTACKS: dict[str, tuple[str, str]] = {
    "writes_git": ("write into the Git folder", "the read-only mount of the Git folder"),
    "writes_outside": ("write outside the workspace", "the minimal root (mount namespace)"),
    "reads_outside": ("read a file outside the workspace", "the minimal root (mount namespace)"),
    "connects_tcp": ("connect to a port of the host's loopback", "the network namespace"),
    "connects_path": ("connect to a socket file of the host", "the minimal root (mount namespace)"),
    "connects_abstract": ("connect to an abstract socket of the host", "the network namespace"),
    "sees_host_process": ("see a process of the host", "the process namespace"),
    "becomes_root": ("become root", "the user namespace and dropped capabilities"),
    "starts_too_many_processes": (
        "start more processes than its limit",
        "the limit of processes (RLIMIT_NPROC)",
    ),
    "opens_virtual_machine_socket": (
        "open a socket to the virtual machine's host",
        "the system call filter (seccomp)",
    ),
}


class Runs(Protocol):
    """What the attacks need of a sandbox."""

    @property
    def owner(self) -> Owner:
        """Whom its programs run as."""
        ...

    @property
    def filters_system_calls(self) -> bool:
        """Whether it claims to load a system call filter."""
        ...

    async def run(
        self,
        argv: Sequence[str],
        *,
        root: Path,
        git_folder: Path | None,
        view: View,
        limits: SandboxLimits,
        read_only: Sequence[Path],
    ) -> Finished:
        """Run a program isolated."""
        ...


LONGEST_SOCKET_PATH = 107
"""Bytes of a socket file's path that Linux takes."""


@dataclass(frozen=True)
class Ground:
    """Where the attacks happen: a small workspace, and things outside it that must stay out of reach."""

    tree: Path
    git: Path
    outside: Path
    targets: Mapping[str, object]


@asynccontextmanager
async def prepared_ground(folder: Path, owner: Owner) -> AsyncGenerator[Ground, None]:
    """A workspace below the folder, and a listener, sockets and a process on the host; all gone at the end."""
    async with AsyncExitStack() as cleanup:
        base = Path(tempfile.mkdtemp(prefix="perdure-probe-", dir=folder))
        cleanup.callback(shutil.rmtree, base)
        tree, git, outside = base / "tree", base / "git", base / "outside"
        for made in (base, tree, tree / ".git", git, outside):
            made.mkdir(exist_ok=True)
            # Nothing but the sandbox itself may hold the attacks back, so everything belongs to the attacker.
            os.chown(made, owner.uid, owner.gid)
        (tree / "control").write_text(CONTROL)
        (outside / "secret").write_text("must not be seen")
        marker, abstract = secrets.token_hex(16), f"perdure-{secrets.token_hex(8)}"
        path = base / "socket"
        if len(os.fsencode(path)) > LONGEST_SOCKET_PATH:
            # In a deep folder neither the listener nor the attack could use the name.
            near_root = cleanup.enter_context(folder_near_root())
            near_root.chmod(0o755)
            path = near_root / "socket"
        tcp = await asyncio.start_server(_hang_up, "127.0.0.1", 0)
        cleanup.callback(tcp.close)
        for address in (path, f"\0{abstract}"):
            cleanup.callback((await asyncio.start_unix_server(_hang_up, address)).close)
        path.chmod(0o777)
        await cleanup.enter_async_context(_host_process(marker))
        targets = {
            "outside": "\n".join([str(outside / "written"), *SYSTEM_TARGETS]),
            "secret": str(outside / "secret"),
            "port": tcp.sockets[0].getsockname()[1],
            "socket": str(path),
            "abstract": abstract,
            "reversed_marker": marker[::-1],
        }
        yield Ground(tree, git, outside, targets)


async def _hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


@asynccontextmanager
async def _host_process(marker: str) -> AsyncGenerator[None, None]:
    """A process outside every sandbox whose command line holds the marker."""
    process = await asyncio.create_subprocess_exec(
        "/bin/sh", "-c", "read -r line", marker, stdin=asyncio.subprocess.PIPE, env={}
    )
    try:
        yield
    finally:
        assert process.stdin is not None
        process.stdin.close()
        await process.wait()


async def withstands(sandbox: Runs, ground: Ground, view: View) -> None:
    """Attack the sandbox from inside the view; ConfigurationError names what worked and the missing layer."""
    program = resources.files("perdure.safety").joinpath("break_out.py").read_text(encoding="utf-8")
    python, prefix = bare_interpreter()
    finished = await sandbox.run(
        [str(python), "-I", "-S", "-c", program, json.dumps(dict(ground.targets))],
        root=ground.tree,
        git_folder=ground.git,
        view=view,
        limits=PROBE_LIMITS,
        read_only=[prefix],
    )
    said = finished.output.decode("utf-8", "replace")
    if finished.exit_code != 0:
        raise ConfigurationError(
            f"The probe of the sandbox did not run to its end (exit code {finished.exit_code}, "
            f"killed for {finished.killed_for!r}): {said[-1_000:]!r}",
            f"the interpreter {str(python)!r} must be readable for uid {sandbox.owner.uid}",
        )
    report: dict[str, Any] = json.loads(said)
    judge(report, filters=sandbox.filters_system_calls)
    _judge_view(report, ground, view)


def judge(report: Mapping[str, Any], *, filters: bool) -> None:
    """Refuse a sandbox in which an attack worked, whatever the view."""
    if report["control"] != CONTROL:
        raise _missing("not read its own workspace", "the mount of the workspace")
    for name, (what, layer) in ATTACKS.items():
        unfiltered = name == "opens_virtual_machine_socket" and not filters
        if report[name] and not unfiltered:
            raise _missing(what, layer)
    if filters and not report["filtered"]:
        raise _missing("run without a system call filter", "the system call filter (seccomp)")
    leaked = sorted(set(report["environment_names"]) - set(environment_for({})) - SHELL_VARIABLES)
    if leaked:
        raise _missing(f"read the variables {', '.join(leaked)} of another process", "the clean environment")


def _judge_view(report: Mapping[str, Any], ground: Ground, view: View) -> None:
    """Refuse a sandbox whose view is not what it says, inside or on the host."""
    if report["writes_workspace"] is not (view is not View.READ_ONLY):
        done = "write" if report["writes_workspace"] else "not write"
        raise _missing(f"{done} the workspace in the view {view.value!r}", "the mount of the workspace")
    written = ground.tree / "written"
    if written.exists() is not (view is View.WRITABLE):
        kept = "left no file" if view is View.WRITABLE else "left a file"
        raise ConfigurationError(f"A program in the view {view.value!r} {kept} in the workspace on the host.")
    written.unlink(missing_ok=True)
    left = [str(path) for path in (*ground.outside.glob("written"), *ground.git.iterdir())]
    if left:
        raise _missing(f"leave {left} on the host", "the minimal root (mount namespace)")


def _missing(what: str, layer: str) -> ConfigurationError:
    return ConfigurationError(
        f"The sandbox does not isolate: a probe program could {what}. Missing layer: {layer}.",
        "run the worker on a host or in a container whose kernel allows this layer",
    )
