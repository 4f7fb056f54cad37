"""What a program of a task can find out: it prints as JSON where it met a marker, and what it looked at.

Its arguments are the worker's process id, a folder that is passed over, and places that it might not find by itself.
"""

import ctypes
import json
import os
import re
import stat
import sys
import time

MARKER = re.compile(rb"zQ7w[0-9a-f]{30}")
KNOWN = ("/etc", "/root", "/home", "/tmp", "/var", "/run", "/opt", "/srv", "/workspace")
LONGEST_S = 15.0
MOST_BYTES = 1 << 20
PROGRAMS = ("/usr", "/lib", "/lib32", "/lib64", "/bin", "/sbin", "/sys", "/proc")
"""What the system and the interpreter bring along, and what is looked at by itself."""


def content(path: str) -> bytes:
    """The beginning of a file; empty where it cannot be read."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        try:
            return os.read(handle, MOST_BYTES) if stat.S_ISREG(os.fstat(handle).st_mode) else b""
        finally:
            os.close(handle)
    except OSError:
        return b""


def files(places: list[str], ends: float, passed_over: tuple[str, ...]) -> list[str]:
    """Every file below the places that can be named, until the time is over."""
    found: list[str] = []
    for place in places:
        for folder, below, names in os.walk(place):
            below[:] = [name for name in below if os.path.join(folder, name) not in passed_over]
            found += (os.path.join(folder, name) for name in names)
            if time.monotonic() > ends:
                return found
    return found


def memory_of(pid: int) -> str:
    """What came of reading another process's memory, by its file and by the system call."""
    try:
        with open(f"/proc/{pid}/mem", "rb") as memory:
            return f"opened {memory.name}"
    except OSError as error:
        told = error.strerror or ""
    buffer = ctypes.create_string_buffer(8)

    class Part(ctypes.Structure):
        _fields_ = (("base", ctypes.c_void_p), ("size", ctypes.c_size_t))

    library = ctypes.CDLL(None, use_errno=True)
    own, other = Part(ctypes.addressof(buffer), 8), Part(0x400000, 8)
    read = library.process_vm_readv(pid, ctypes.byref(own), 1, ctypes.byref(other), 1, 0)
    return f"{told}; {read} {os.strerror(ctypes.get_errno())}"


def main(pid: int, passed_over: str, told: list[str]) -> dict[str, object]:
    """Look everywhere."""
    try:
        processes = [name for name in os.listdir("/proc") if name.isdigit()]
    except PermissionError:
        processes = []
    own = [
        f"/proc/{each}/{name}" for each in {*processes, str(pid), "self"} for name in ("environ", "cmdline")
    ]
    links: list[str] = []
    for each in {*processes, "self"}:
        try:
            links += (f"/proc/{each}/fd/{number}" for number in os.listdir(f"/proc/{each}/fd"))
        except OSError:
            continue
    # Where the root itself cannot be listed, what lies below it may still be read.
    above = [os.path.dirname(os.getcwd()), os.environ["TMPDIR"], *KNOWN]
    places = ["/", os.getcwd(), *above, *told]
    everything = [
        *own,
        *links,
        *told,
        *files(places, time.monotonic() + LONGEST_S, (*PROGRAMS, passed_over)),
    ]
    everything = list(dict.fromkeys(everything))
    held = [path for path in everything if MARKER.search(content(path))]
    held += [name for name, value in os.environb.items() if MARKER.search(value)]
    return {
        "held": [os.fsdecode(each) for each in held],
        "looked_at": len(everything),
        "processes": len(processes),
        "worker": content(f"/proc/{pid}/environ").decode("utf-8", "replace")[:200],
        "memory": memory_of(pid),
    }


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]), sys.argv[2], sys.argv[3:])))
