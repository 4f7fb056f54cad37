"""Writes the files of a proof, runs its command and prints what the report says. Runs inside the sandbox."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any


def main(request: dict[str, Any]) -> None:
    """Write, run and print."""
    for path, text in request["write"].items():
        place = Path(path)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(text.encode("utf-8", "surrogateescape"))
    done = subprocess.run(
        request["argv"],
        cwd=request["folder"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    report = Path(request["report"])
    answer = {
        "code": done.returncode,
        "output": done.stdout[-6000:].decode("utf-8", "replace"),
        "report": report.read_text() if report.exists() else "",
    }
    sys.stdout.write("\n" + request["border"] + json.dumps(answer))


if __name__ == "__main__":
    main(json.load(sys.stdin))
