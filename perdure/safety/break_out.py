"""A program that tries to break out of the sandbox it runs in, and prints as JSON what it could do.

It is run by file content, with a bare interpreter and no package of ours, so it imports the standard library alone.
"""

import contextlib
import ctypes
import errno
import json
import mmap
import os
import platform
import resource
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

VIRTUAL_MACHINE_SOCKETS = 40
MANY_PROCESSES, MOST_PROCESSES, MANY_FILES = 64, 256, 200
NEW_USERS = 0x10000000
SEIZE, DETACH = 0x4206, 17
MUCH_MEMORY, LARGE_FILE = 1024**3, 2 * 1024**2
CALLS = {
    "x86_64": {"ptrace": 101, "add_key": 248, "process_vm_readv": 310},
    "aarch64": {"ptrace": 117, "add_key": 217, "process_vm_readv": 270},
}
IO_URING_SETUP = 425

library = ctypes.CDLL(None, use_errno=True)


def works(attack: Callable[[], object]) -> bool:
    """Whether the attack went through without the system refusing it."""
    try:
        attack()
    except (OSError, ValueError):
        return False
    return True


def ask(answer: int) -> int:
    """The answer of a function of the C library; OSError where the kernel refused."""
    if answer < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return answer


def writes(path: str) -> bool:
    """Whether a file can be made at the path."""
    return works(lambda: Path(path).write_text("by the probe"))


def connects(family: int, address: object) -> bool:
    """Whether a connection to the address comes about."""

    def attack() -> None:
        with socket.socket(family, socket.SOCK_STREAM) as client:
            client.settimeout(1)
            client.connect(address)  # type: ignore[arg-type]

    return works(attack)


def sends_to(path: str) -> bool:
    """Whether a datagram reaches a socket file without any connection."""

    def attack() -> None:
        one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        with one, other:
            one.sendto(b"by the probe", path)

    return works(attack)


def read_of_each_process(name: str) -> Iterator[bytes]:
    """The content of one file of each visible process, where it can be read."""
    try:
        processes = os.listdir("/proc")
    except OSError:
        return
    for process in processes:
        if process.isdigit():
            with contextlib.suppress(OSError):
                yield Path("/proc", process, name).read_bytes()


def environment_names() -> list[str]:
    """Names of the variables in the environment of this and of any visible process."""
    entries = {
        entry for content in read_of_each_process("environ") for entry in content.split(b"\0") if entry
    }
    return sorted({*os.environ, *(entry.split(b"=")[0].decode("utf-8", "replace") for entry in entries)})


def traces(pid: int) -> None:
    """Take hold of another process as a debugger would, and let go of it."""
    number = CALLS[platform.machine()]["ptrace"]
    ask(library.syscall(number, SEIZE, pid, None, None))
    os.kill(pid, signal.SIGSTOP)
    os.waitpid(pid, 0x40000000)
    library.syscall(number, DETACH, pid, None, signal.SIGCONT)
    os.kill(pid, signal.SIGCONT)


def reads_memory(pid: int, address: int) -> bool:
    """Whether memory of another process can be read, by the file that shows it or by the system call."""

    class Part(ctypes.Structure):
        _fields_ = (("address", ctypes.c_void_p), ("length", ctypes.c_size_t))

    def by_file() -> None:
        with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
            memory.seek(address)
            memory.read(8)

    def by_call() -> None:
        copy = ctypes.create_string_buffer(8)
        here, there = Part(ctypes.addressof(copy), 8), Part(address, 8)
        parts = (
            ctypes.byref(here),
            ctypes.c_ulong(1),
            ctypes.byref(there),
            ctypes.c_ulong(1),
            ctypes.c_ulong(0),
        )
        ask(library.syscall(CALLS[platform.machine()]["process_vm_readv"], pid, *parts))

    return works(by_file) or works(by_call)


def in_child(attack: Callable[[], object]) -> bool:
    """Whether the attack works in a process of its own, where it changes nothing of this one."""
    child = os.fork()
    if child == 0:
        os._exit(0 if works(attack) else 1)
    return os.waitpid(child, 0)[1] == 0


def makes_io_ring() -> bool:
    """Whether io_uring is there, whatever it says of a malformed order."""
    library.syscall(IO_URING_SETUP, 1, None)
    return ctypes.get_errno() in {0, errno.EFAULT, errno.EINVAL}


def adds_key() -> int:
    """Put a key where other programs of the user may find it."""
    number = CALLS[platform.machine()]["add_key"]
    return ask(library.syscall(number, b"user", b"perdure-probe", b"x", ctypes.c_size_t(1), -2))


def opens_many_files() -> None:
    """Open far more files than the limit that was set."""
    opened: list[int] = []
    try:
        while len(opened) < MANY_FILES:
            opened.append(os.dup(0))
    finally:
        for number in opened:
            os.close(number)


def writes_large_file() -> None:
    """Make a file that is larger than the limit that was set."""
    path = Path(os.environ.get("TMPDIR", "/tmp"), "perdure-large")
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        with path.open("wb") as file:
            file.truncate(LARGE_FILE)
    finally:
        path.unlink(missing_ok=True)


def leaves_process(marker: str) -> bool:
    """Whether a process in a session of its own goes on; it ends by itself after a while, if nobody ends it."""
    told, tell = os.pipe()
    child = os.fork()
    if child == 0:
        os.setsid()
        if os.fork() == 0:
            os.write(tell, b"x")
            for number in (0, 1, 2):
                os.close(number)
            os.execv("/bin/sh", ["sh", "-c", "sleep 60; exit 0", marker])
        os._exit(0)
    os.waitpid(child, 0)
    os.close(tell)
    return os.read(told, 1) == b"x"


def starts_too_many_processes() -> bool:
    """Whether far more processes can be started than the limit that was set.

    Where others of the user count as well, the limit is higher than asked for; more than it are never there.
    """
    limit = resource.getrlimit(resource.RLIMIT_NPROC)[0]
    started: list[int] = []
    try:
        for _ in range(limit + 1 if 0 < limit <= MOST_PROCESSES else MANY_PROCESSES):
            child = os.fork()
            if child == 0:
                os.read(0, 1)
                os._exit(0)
            started.append(child)
    except OSError:
        return False
    finally:
        for child in started:
            # Where signals are refused they end as soon as nobody can write what they read.
            with contextlib.suppress(OSError):
                os.kill(child, 9)
            os.waitpid(child, 0)
    return True


def main(targets: dict[str, object]) -> dict[str, object]:
    """Try everything; ``targets`` names what lies outside."""
    outside, secret, port = str(targets["outside"]).split("\n"), str(targets["secret"]), targets["port"]
    host = int(str(targets["process"]))
    # The markers come reversed, so that no command line of the sandbox itself holds them.
    marker, orphan = (str(targets[name])[::-1] for name in ("reversed_marker", "reversed_orphan"))
    known = {**CALLS.get(platform.machine(), {})}
    unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    return {
        "control": Path("control").read_text(),
        "writes_workspace": writes("written"),
        "writes_git": writes(f"{targets['git']}/written"),
        "writes_outside": [path for path in outside if writes(path)],
        "reads_outside": works(lambda: Path(secret).read_text()),
        "changes_mode_outside": works(lambda: Path(secret).chmod(0o640)),
        "connects_tcp": connects(socket.AF_INET, ("127.0.0.1", port)),
        "connects_path": connects(socket.AF_UNIX, targets["socket"]),
        "connects_abstract": connects(socket.AF_UNIX, f"\0{targets['abstract']}"),
        "sends_to_path": sends_to(str(targets["datagrams"])),
        "sees_host_process": any(marker.encode() in line for line in read_of_each_process("cmdline")),
        "reads_host_environment": any(marker.encode() in each for each in read_of_each_process("environ")),
        "signals_host_process": works(lambda: os.kill(host, signal.SIGCONT)),
        "traces_host_process": bool(known) and works(lambda: traces(host)),
        "reads_host_memory": bool(known) and reads_memory(host, int(str(targets["address"]))),
        "looks_into_prober": works(lambda: Path(f"/proc/{targets['prober']}/environ").read_bytes()),
        "environment_names": environment_names(),
        "becomes_root": in_child(lambda: os.setuid(0)),
        "makes_user_namespace": in_child(lambda: ask(library.unshare(NEW_USERS))),
        "opens_virtual_machine_socket": works(
            lambda: socket.socket(VIRTUAL_MACHINE_SOCKETS, socket.SOCK_STREAM).close()
        ),
        "makes_io_ring": makes_io_ring(),
        "adds_key": bool(known) and works(adds_key),
        "takes_too_much_memory": works(
            lambda: mmap.mmap(-1, MUCH_MEMORY, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS).close()
        ),
        "writes_too_large_file": works(writes_large_file),
        "opens_too_many_files": works(opens_many_files),
        "lifts_processor_time": in_child(lambda: resource.setrlimit(resource.RLIMIT_CPU, unlimited)),
        "leaves_process": leaves_process(orphan),
        "starts_too_many_processes": starts_too_many_processes(),
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(json.loads(bytes.fromhex(sys.argv[1])))))
