"""A program at a terminal of its own, and somebody who types what it asks for."""

import os
import re
import select
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

#: Makes the terminal the one whose Ctrl-C reaches the program.
_TAKE_THE_TERMINAL = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


def at_a_terminal(
    argv: Sequence[str],
    answers: Sequence[tuple[str, str]],
    *,
    folder: Path,
    environment: Mapping[str, str],
    timeout_s: float,
) -> tuple[int, str]:
    """Run the program and type each answer when its prompt appears; gives the exit code and what was shown."""
    terminal, its_side = os.openpty()
    try:
        process = subprocess.Popen(
            [sys.executable, "-I", "-c", _TAKE_THE_TERMINAL, *argv],
            cwd=folder,
            env={**environment},
            stdin=its_side,
            stdout=its_side,
            stderr=its_side,
            start_new_session=True,
        )
    finally:
        os.close(its_side)
    try:
        shown = _typed(terminal, [*answers], time.monotonic() + timeout_s)
    finally:
        # Closing hangs the terminal up, which ends a program that is still there.
        os.close(terminal)
        code = process.wait(timeout=120)
    return code, shown


def _typed(terminal: int, answers: list[tuple[str, str]], deadline: float) -> str:
    raw, answered = b"", 0
    while time.monotonic() < deadline:
        if not select.select([terminal], [], [], 0.5)[0]:
            continue
        try:
            read = os.read(terminal, 65_536)
        except OSError:  # Linux says so where nobody has the other side open any more.
            break
        if not read:
            break
        raw += read
        shown = _COLOURS.sub("", raw.decode(errors="replace"))
        if answers and answers[0][0] in shown[answered:]:
            answered = len(shown)
            os.write(terminal, answers.pop(0)[1].encode())
    else:
        raise TimeoutError(
            f"The program is still running. It showed:\n{raw.decode(errors='replace')[-2_000:]}"
        )
    assert not answers, f"it never asked {answers[0][0]!r}"
    return _COLOURS.sub("", raw.decode(errors="replace"))
