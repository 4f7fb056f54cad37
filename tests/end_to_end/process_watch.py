"""Watches all processes below one: ``python process_watch.py``, with a JSON order on its standard input.

The order names the process and the texts to look for. It looks again and again, every few milliseconds, until its standard
input is closed, and then prints what each program was given. It needs the standard library alone.
"""

import contextlib
import json
import os
import select
import stat
import sys
import time
from collections.abc import Iterator, Mapping
from typing import Any

MOST_BYTES = 1 << 20
PAUSE_S = 0.003
"""Shorter than any program lives, and long enough to leave a processor to them."""


def children(pid: int) -> list[int]:
    """Direct children of all threads of a process."""
    found: list[int] = []
    with contextlib.suppress(OSError):
        for thread in os.listdir(f"/proc/{pid}/task"):
            with contextlib.suppress(OSError):
                found += map(int, read(f"/proc/{pid}/task/{thread}/children").split())
    return found


def below(pid: int) -> Iterator[int]:
    """All processes below one."""
    for child in children(pid):
        yield child
        yield from below(child)


def read(path: str) -> bytes:
    """The beginning of a file; OSError where it cannot be read."""
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        return os.read(handle, MOST_BYTES)
    finally:
        os.close(handle)


def given(pid: int) -> dict[str, bytes]:
    """Everything that a process was handed, by where it has it; empty once it is gone."""
    found: dict[str, bytes] = {}
    try:
        found["cmdline"], found["environ"] = read(f"/proc/{pid}/cmdline"), read(f"/proc/{pid}/environ")
        for number in os.listdir(f"/proc/{pid}/fd"):
            path = f"/proc/{pid}/fd/{number}"
            with contextlib.suppress(OSError):
                found[f"fd {number}"] = os.fsencode(os.readlink(path))
                # What is no file would wait for somebody, or be taken from the program.
                if stat.S_ISREG(os.stat(path).st_mode):
                    found[f"content of fd {number}"] = read(path)
    except OSError:
        return found
    return found


def look(seen: dict[str, Any], pid: int, markers: Mapping[str, str]) -> None:
    """Note what one process has of the texts."""
    parts = given(pid)
    words = parts.get("cmdline", b"").decode("utf-8", "replace").split("\0")
    if not words[0]:
        return
    program = seen.setdefault(" ".join(words)[:2_000], {"held": {}, "names": [], "looks": 0})
    program["looks"] += 1
    names = {
        entry.split(b"=")[0].decode("utf-8", "replace") for entry in parts.get("environ", b"").split(b"\0")
    }
    program["names"] = sorted(names.union(program["names"]) - {""})
    for name, marker in markers.items():
        where = [place for place, content in parts.items() if marker.encode() in content]
        if where:
            program["held"][name] = sorted({*program["held"].get(name, []), *where})


def main(order: Mapping[str, Any]) -> None:
    """Look until nobody waits any more."""
    seen: dict[str, Any] = {}
    while not select.select([0], [], [], 0)[0]:
        for pid in below(order["pid"]):
            look(seen, pid, order["markers"])
        time.sleep(PAUSE_S)
    sys.stdout.write(json.dumps(seen))


if __name__ == "__main__":
    main(json.loads(sys.stdin.buffer.readline()))
