"""Attacks a sandbox before it is trusted, and once more without any layer: what does not work there either shows nothing."""

import asyncio
import json
import os
import secrets
import shutil
import socket
import tempfile
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import Any

from perdure.contracts.calls import SandboxLevel
from perdure.contracts.errors import ConfigurationError
from perdure.safety.attacks import ATTACKS, CLEAN, OWN, Attack
from perdure.safety.environment import environment_for
from perdure.safety.interpreters import bare_interpreter
from perdure.safety.near_root import folder_near_root
from perdure.safety.owner import Owner
from perdure.safety.report import Mark, Outcome
from perdure.safety.sandbox import Sandbox
from perdure.safety.views import SandboxLimits, View

PROBE_LIMITS = SandboxLimits(
    time_s=30,
    processes=16,
    output_bytes=64 * 1024,
    memory_bytes=512 * 1024**2,
    file_bytes=1024**2,
    open_files=64,
)

SHELL_VARIABLES = frozenset({"PWD", "OLDPWD", "SHLVL", "_", "LC_CTYPE"})
"""What the sandbox's first program, the shell and the interpreter set by themselves; they say nothing of the host."""

SYSTEM_TARGETS = ("/written", "/usr/written", "/etc/written", "/dev/written")
"""Places of the minimal root itself that must not be writable either."""

CONTROL = "seen by the probe"

LONGEST_SOCKET_PATH = 107
"""Bytes of a socket file's path that Linux takes."""

Report = Mapping[str, Any]


@dataclass(frozen=True)
class Ground:
    """Where the attacks happen: small workspaces, and things outside them that must stay out of reach."""

    base: Path
    git: Path
    outside: Path
    targets: Mapping[str, object]

    def in_the_open(self) -> "Ground":
        """The same with targets of its own, for the attacks that nothing holds back; the system's own are none of them."""
        git, outside = self.base / "open-git", self.base / "open"
        targets = {**self.targets, "outside": str(outside / "written")}
        return replace(self, git=git, outside=outside, targets=targets)

    def tree(self, name: str) -> Path:
        """The workspace of one attack."""
        return self.base / name


@asynccontextmanager
async def prepared_ground(folder: Path, owner: Owner) -> AsyncGenerator[Ground, None]:
    """Workspaces below the folder, and a listener, sockets and a process on the host; all gone at the end."""
    async with AsyncExitStack() as cleanup:
        base = Path(tempfile.mkdtemp(prefix="perdure-probe-", dir=folder))
        cleanup.callback(shutil.rmtree, base)
        git, outside = base / "git", base / "outside"
        trees = [base / name for name in ("control", *View)]
        secret = outside / "secret"
        for made in (
            base,
            git,
            outside,
            base / "open",
            base / "open-git",
            *trees,
            *(tree / ".git" for tree in trees),
        ):
            made.mkdir(exist_ok=True)
        for tree in trees:
            (tree / "control").write_text(CONTROL)
        secret.write_text("must not be seen")
        # Nothing but the sandbox itself may hold the attacks back, so everything belongs to the attacker.
        for made in (base, *base.rglob("*")):
            os.chown(made, owner.uid, owner.gid)
        marker, abstract = secrets.token_hex(16), f"perdure-{secrets.token_hex(8)}"
        sockets = base
        if len(os.fsencode(base / "datagrams")) > LONGEST_SOCKET_PATH:
            # In a deep folder neither the listener nor the attack could use the name.
            sockets = cleanup.enter_context(folder_near_root())
            sockets.chmod(0o755)
        port = await _listen(cleanup, sockets, abstract)
        host = await cleanup.enter_async_context(_host_process(marker, owner))
        targets = {
            "outside": "\n".join([str(outside / "written"), *SYSTEM_TARGETS]),
            "secret": str(secret),
            "git": str(git),
            "port": port,
            "socket": str(sockets / "socket"),
            "datagrams": str(sockets / "datagrams"),
            "abstract": abstract,
            "process": host,
            "address": _first_variable_of(host),
            "prober": os.getpid(),
            "reversed_marker": marker[::-1],
            "reversed_orphan": "",
        }
        yield Ground(base, git, outside, targets)


async def _listen(cleanup: AsyncExitStack, sockets: Path, abstract: str) -> int:
    """Listen on all kinds of sockets; gives the TCP port."""
    tcp = await asyncio.start_server(_hang_up, "127.0.0.1", 0)
    cleanup.callback(tcp.close)
    for address in (sockets / "socket", f"\0{abstract}"):
        cleanup.callback((await asyncio.start_unix_server(_hang_up, address)).close)
    datagrams = cleanup.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
    datagrams.bind(str(sockets / "datagrams"))
    for name in ("socket", "datagrams"):
        (sockets / name).chmod(0o777)
    return int(tcp.sockets[0].getsockname()[1])


async def _hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


@asynccontextmanager
async def _host_process(marker: str, owner: Owner) -> AsyncGenerator[int, None]:
    """A process outside every sandbox, of the attacker's own user, whose command line and environment hold the marker."""
    become: dict[str, Any] = {}
    if os.geteuid() == 0:
        become = {"user": owner.uid, "group": owner.gid, "extra_groups": []}
    process = await asyncio.create_subprocess_exec(
        "/bin/sh",
        "-c",
        "read -r line",
        marker,
        stdin=asyncio.subprocess.PIPE,
        env={"MARKER": marker},
        **become,
    )
    try:
        yield process.pid
    finally:
        assert process.stdin is not None
        process.stdin.close()
        await process.wait()


def _first_variable_of(pid: int) -> int:
    """Where in its memory a process has its first variable."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[47])


async def attacked(sandbox: Sandbox, ground: Ground, name: str, view: View) -> Report:
    """What a program in the view could do; ConfigurationError where it did not run to its end."""
    program = resources.files("perdure.safety").joinpath("break_out.py").read_text(encoding="utf-8")
    python, prefix = bare_interpreter()
    orphan = secrets.token_hex(16)
    targets = {**ground.targets, "reversed_orphan": orphan[::-1], "git": _git_seen(sandbox, ground)}
    tree = ground.tree(name)
    finished = await sandbox.run(
        [str(python), "-I", "-S", "-c", program, json.dumps(targets).encode().hex()],
        root=tree,
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
    try:
        report: dict[str, Any] = json.loads(said)
    except ValueError as error:
        raise ConfigurationError(
            f"The probe of the sandbox said something else than its report: {said[:1_000]!r}"
        ) from error
    # The program can only tell that the process was started; whether it is still there is seen from outside.
    report["outlived"] = bool(await asyncio.to_thread(_processes_with, orphan.encode()))
    written = tree / "written"
    report["kept"] = written.exists()
    written.unlink(missing_ok=True)
    report["left"] = [str(path) for path in (*ground.outside.glob("written"), *ground.git.iterdir())]
    for path in map(Path, report["left"]):
        path.unlink(missing_ok=True)
    return report


def _git_seen(sandbox: Sandbox, ground: Ground) -> str:
    """Where the program would find the Git folder."""
    return "/workspace/.git" if sandbox.level is SandboxLevel.A else str(ground.git)


def _processes_with(marker: bytes) -> list[int]:
    """Processes of the host whose command line holds the marker."""
    found: list[int] = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if marker in (process / "cmdline").read_bytes():
                found.append(int(process.name))
        except OSError:
            continue
    return found


def marks_of(level: SandboxLevel, reports: Mapping[View, Report], control: Report) -> tuple[Mark, ...]:
    """What the attacks show, of the reports from each view and of the one from outside every layer."""
    marks = [_mark(level, name, attack, reports, control) for name, attack in ATTACKS.items()]
    standard = set(environment_for({})) | SHELL_VARIABLES
    leaked = [set(report["environment_names"]) - standard for report in reports.values()]
    marks.append(Mark(level, CLEAN.layer, CLEAN.what, Outcome.BROKE if any(leaked) else Outcome.HELD))
    marks.append(_own_mark(level, control))
    return (*marks, *(_view_mark(level, view, report) for view, report in reports.items()))


def _mark(
    level: SandboxLevel, name: str, attack: Attack, reports: Mapping[View, Report], control: Report
) -> Mark:
    layer = attack.layer if level is SandboxLevel.A else attack.layer_of_b
    is_seen = "outlived" if name == "leaves_process" else name
    outcome = Outcome.HELD
    if any(report[is_seen] for report in reports.values()):
        outcome = Outcome.BROKE
    elif not control[name]:
        outcome = Outcome.UNTRIED
    return Mark(level, layer or "nothing", attack.what, outcome, is_open=not layer)


def _own_mark(level: SandboxLevel, control: Report) -> Mark:
    """Whether this very process keeps what it knows from programs of the attacker's user that nothing holds back."""
    outcome = Outcome.BROKE if control["looks_into_prober"] else Outcome.HELD
    if not control["reads_host_environment"]:
        outcome = Outcome.UNTRIED
    return Mark(level, OWN.layer, OWN.what, outcome, is_open=True)


def _view_mark(level: SandboxLevel, view: View, report: Report) -> Mark:
    """Whether the view is what it says, inside and on the host."""
    layer = "the mount of the workspace" if level is SandboxLevel.A else "Landlock's rules for files"
    right = report["control"] == CONTROL
    right = right and report["writes_workspace"] is (view is not View.READ_ONLY)
    right = right and report["kept"] is (view is View.WRITABLE) and not report["left"]
    promises = {
        View.READ_ONLY: "write a workspace that is read-only",
        View.SCRATCH: "keep what it wrote into a throw-away view",
        View.WRITABLE: "lose what it wrote, or write beside the workspace",
    }
    return Mark(level, layer, promises[view], Outcome.HELD if right else Outcome.BROKE)
