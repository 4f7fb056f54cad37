"""A program that tries to break out of the sandbox it runs in, and prints as JSON what it could do.

It is run by file content, with a bare interpreter and no package of ours, so it imports the standard library alone.
"""

import json
import os
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

VIRTUAL_MACHINE_SOCKETS = 40
MANY_PROCESSES = 64


def works(attack: Callable[[], object]) -> bool:
    """Whether the attack went through without the system refusing it."""
    try:
        attack()
    except OSError:
        return False
    return True


def writes(path: str) -> bool:
    """Whether a file can be made at the path."""
    return works(lambda: Path(path).write_text("by the probe"))


def connects(family: int, address: object) -> bool:
    """Whether a connection to the address comes about."""
    with socket.socket(family, socket.SOCK_STREAM) as client:
        client.settimeout(1)
        return works(lambda: client.connect(address))  # type: ignore[arg-type]


def read_of_each_process(name: str) -> Iterator[bytes]:
    """The content of one file of each visible process, where it can be read."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            yield (process / name).read_bytes()
        except OSError:
            continue


def environment_names() -> list[str]:
    """Names of the variables in the environment of any visible process."""
    entries = {
        entry for content in read_of_each_process("environ") for entry in content.split(b"\0") if entry
    }
    return sorted({entry.split(b"=")[0].decode("utf-8", "replace") for entry in entries})


def starts_too_many_processes() -> bool:
    """Whether far more processes can be started than the limit that was set."""
    started: list[int] = []
    try:
        for _ in range(MANY_PROCESSES):
            child = os.fork()
            if child == 0:
                os.read(0, 1)
                os._exit(0)
            started.append(child)
    except OSError:
        return False
    finally:
        for child in started:
            os.kill(child, 9)
            os.waitpid(child, 0)
    return True


def opens_virtual_machine_socket() -> bool:
    """Whether a socket to the host of a virtual machine can be made: no network namespace holds it back."""

    def attack() -> None:
        socket.socket(VIRTUAL_MACHINE_SOCKETS, socket.SOCK_STREAM).close()

    return works(attack)


def main(targets: dict[str, object]) -> dict[str, object]:
    """Try everything; ``targets`` names what lies outside."""
    outside, secret, port = str(targets["outside"]).split("\n"), str(targets["secret"]), targets["port"]
    # The marker comes reversed, so that no command line of the sandbox itself holds it.
    marker = str(targets["reversed_marker"])[::-1].encode()
    return {
        "control": Path("control").read_text(),
        "writes_workspace": writes("written"),
        "writes_git": writes(".git/written"),
        "writes_outside": [path for path in outside if writes(path)],
        "reads_outside": works(lambda: Path(secret).read_text()),
        "connects_tcp": connects(socket.AF_INET, ("127.0.0.1", port)),
        "connects_path": connects(socket.AF_UNIX, targets["socket"]),
        "connects_abstract": connects(socket.AF_UNIX, f"\0{targets['abstract']}"),
        "sees_host_process": any(marker in line for line in read_of_each_process("cmdline")),
        "environment_names": environment_names(),
        "becomes_root": works(lambda: os.setuid(0)),
        "starts_too_many_processes": starts_too_many_processes(),
        "opens_virtual_machine_socket": opens_virtual_machine_socket(),
        "filtered": "\nSeccomp:\t2\n" in Path("/proc/self/status").read_text(),
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(json.loads(sys.argv[1]))))
