"""Runs one command on files that are written first, and says what it left. Runs inside the sandbox."""

import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

NOT_WATCHED = {"node_modules", ".git"}
MOST_WATCHED = 100_000


def state_of(root: str) -> "dict[str, tuple[int, int]]":
    """Size and time of every file of the project."""
    found: dict[str, tuple[int, int]] = {}
    for folder, folders, files in os.walk(root):
        folders[:] = [name for name in folders if name not in NOT_WATCHED]
        for name in files:
            state = Path(folder, name).lstat()
            found[str(Path(folder, name))] = (state.st_size, state.st_mtime_ns)
        if len(found) > MOST_WATCHED:
            break
    return found


def bounded(cpu_s: int) -> None:
    """Bound the processor time of each process to come."""
    if cpu_s:
        resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s + 1))


def main(request: "dict[str, Any]") -> None:
    """Write, run and say."""
    for path, text in request["files"].items():
        place = Path(path)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(text.encode("utf-8", "surrogateescape"))
    before, began = state_of(request["root"]), time.monotonic()
    bounded(request["cpu_s"])
    done = subprocess.run(
        request["argv"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    duration_s, after = time.monotonic() - began, state_of(request["root"])
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    report = Path(request["report"])
    told = {
        "code": done.returncode,
        "output": done.stdout[-6000:].decode("utf-8", "replace"),
        "report": report.read_text("utf-8", "replace") if report.exists() else "",
        "written": sorted(path for path in {*before, *after} if before.get(path) != after.get(path)),
        "duration_s": duration_s,
        "cpu_s": usage.ru_utime + usage.ru_stime,
    }
    sys.stdout.write(f"\n{request['border']}{json.dumps(told)}")


if __name__ == "__main__":
    main(json.load(sys.stdin))
