"""Runs one program and never lets it, or anything it started, outlive its owner.

Started as a script by ``process.py`` with one JSON argument; it needs nothing but the standard library.
It is a process of its own because the kernel's parent-death signal fires when the *thread* that forked ends, because
a code path between fork and exec is only safe in a process without other threads, and because orphans of the program
need a parent that reaps them: where process 1 does not reap, they would stay as zombies that look alive.
"""

import contextlib
import ctypes
import json
import os
import select
import signal
import sys
import time
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_SET_CHILD_SUBREAPER = 36
CLONE_NEWUSER = 0x10000000
ORDINARY_ID = 1000
ANNOUNCEMENTS = 1
"""Standard output is the line to the owner: one JSON object per line."""


def announce(**facts: object) -> None:
    """Tell the owner; an owner that is gone is not an error here."""
    with contextlib.suppress(OSError):
        os.write(ANNOUNCEMENTS, json.dumps(facts).encode() + b"\n")


def enter_user_namespace() -> None:
    """Become an ordinary user in the program's own eyes while staying the same user for the file system."""
    user, group = os.geteuid(), os.getegid()
    library = ctypes.CDLL(None, use_errno=True)
    if library.unshare(CLONE_NEWUSER) != 0:
        raise OSError(ctypes.get_errno(), "user namespaces are not available")
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{ORDINARY_ID} {user} 1")
    Path("/proc/self/gid_map").write_text(f"{ORDINARY_ID} {group} 1")


def become(argv: list[str], guard: int, *, variables: list[str], user_namespace: bool) -> None:
    """In the forked child: turn into the program. Returns only by an OSError."""
    if user_namespace:
        enter_user_namespace()
    # After the namespace, because a change of credentials clears the parent-death signal.
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != guard:
        os._exit(1)
    os.dup2(2, ANNOUNCEMENTS)
    # Python ignores these two, and what is ignored stays ignored in the program.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    # By name, because Python adds a locale of its own to the environment it starts with.
    os.execve(argv[0], argv, {name: os.environ[name] for name in variables})


def spawn(argv: list[str], *, variables: list[str], user_namespace: bool) -> int:
    """Start the program and give its process id, or raise the OSError that its exec met."""
    guard = os.getpid()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            become(argv, guard, variables=variables, user_namespace=user_namespace)
        except OSError as error:
            os.write(writing, json.dumps([error.errno, error.strerror]).encode())
        os._exit(127)
    os.close(writing)
    # The pipe closes by itself when exec succeeds, so end of file means that the program runs.
    with os.fdopen(reading, "rb") as pipe:
        trouble = pipe.read()
    if trouble:
        os.waitpid(child, 0)
        number, text = json.loads(trouble)
        raise OSError(number, text)
    return child


def children() -> list[int]:
    """Every child of this process, orphans of the program included."""
    own = os.getpid()
    found: list[int] = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                stat = (entry / "stat").read_text()
                if int(stat.rpartition(")")[2].split()[1]) == own:
                    found.append(int(entry.name))
    return found


def end_descendants() -> None:
    """Kill and reap until no child is left; grandchildren become children as their parents go."""
    while True:
        for pid in children():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def reap(program: int) -> int | None:
    """Collect every ended child; the program's exit code once it is among them (negative: the signal)."""
    code = None
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return code
        if pid == 0:
            return code
        if pid == program:
            code = os.waitstatus_to_exitcode(status)


def watch(program: int, owner: int, wake: int, *, stop_signal: int, stop_timeout_s: float) -> int:
    """Wait for the program; stop it when the owner asks (SIGTERM) or is gone. Gives the exit code."""
    poll = select.poll()
    poll.register(owner, select.POLLIN)
    poll.register(wake, select.POLLIN)
    deadline: float | None = None
    while (code := reap(program)) is None:
        left = None if deadline is None else max(0.0, deadline - time.monotonic())
        ready = {descriptor for descriptor, _ in poll.poll(None if left is None else left * 1000 + 1)}
        asked = wake in ready and signal.SIGTERM in os.read(wake, 512)
        if deadline is None and (asked or owner in ready):
            deadline = time.monotonic() + stop_timeout_s
            poll.unregister(owner)
            with contextlib.suppress(ProcessLookupError):
                os.kill(program, stop_signal)
        elif left == 0.0:
            with contextlib.suppress(ProcessLookupError):
                os.kill(program, signal.SIGKILL)
            deadline = time.monotonic() + stop_timeout_s
    return code


def note(number: int, frame: FrameType | None) -> None:
    """Handle a signal by doing nothing: its byte on the pipe is what counts."""


def wake_on_signals() -> int:
    """Turn signals into bytes on a pipe, so that one poll waits for everything."""
    reading, writing = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, note)
    return reading


def main(order: dict[str, Any]) -> int:
    """Run the order's program to its end."""
    wake = wake_on_signals()
    try:
        owner = os.pidfd_open(order["owner"])
    except ProcessLookupError:
        return 1
    if os.getppid() != order["owner"]:
        return 1
    library = ctypes.CDLL(None)
    library.prctl(PR_SET_CHILD_SUBREAPER, 1)
    # It has the program's variables, among them a worker's credentials, which nobody of its user shall read here.
    library.prctl(PR_SET_DUMPABLE, 0)
    try:
        program = spawn(order["argv"], variables=order["variables"], user_namespace=order["user_namespace"])
    except OSError as error:
        announce(error=error.strerror, number=error.errno)
        return 1
    announce(pid=program)
    code = watch(
        program, owner, wake, stop_signal=order["stop_signal"], stop_timeout_s=order["stop_timeout_s"]
    )
    end_descendants()
    announce(exit=code)
    return 0


def run() -> NoReturn:
    """Entry of the script."""
    sys.exit(main(json.loads(sys.argv[1])))


if __name__ == "__main__":
    run()
