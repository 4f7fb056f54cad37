"""What commands of a task leave outside their workspace, where no checkpoint takes it back.

A sandboxed program sees the folder of the task's Python interpreter, read-only. This one has a named pipe in it, which
may be written all the same; its other end writes down every line that arrives, with its time.
"""

import asyncio
import contextlib
import os
import shutil
import sys
import sysconfig
from collections import Counter
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

NOTE = "note-outside"
"""The program that a command calls with one word."""


@dataclass
class Outside:
    """The lines that arrived, in order."""

    interpreter: Path
    """For ``PERDURE_PYTHON``."""
    log: Path

    def counted(self) -> Counter[str]:
        """How often each word arrived."""
        return Counter(self.log.read_text().split())


@contextlib.contextmanager
def listening(folder: Path) -> Generator[Outside]:
    """An interpreter's folder with the pipe, read for the time of the block."""
    binaries = folder / "interpreter" / "bin"
    binaries.mkdir(parents=True)
    made = Outside(interpreter=binaries / "python", log=folder / "outside.log")
    made.log.touch()
    pipe = binaries.parent / "outside"
    os.mkfifo(pipe)
    # Sandboxed programs run as another user than the worker.
    pipe.chmod(0o666)
    _make_interpreter(made.interpreter)
    note = binaries / NOTE
    note.write_text(f'#!/bin/sh\necho "$1" > "{pipe}"\n')
    note.chmod(0o755)
    # Open for both, so that it neither waits for a writer nor ends with one.
    end = os.open(pipe, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    loop = asyncio.get_running_loop()
    with made.log.open("ab", buffering=0) as log:

        def take() -> None:
            with contextlib.suppress(BlockingIOError):
                log.write(os.read(end, 65_536))

        loop.add_reader(end, take)
        try:
            yield made
        finally:
            take()
            loop.remove_reader(end)
            os.close(end)


def _make_interpreter(python: Path) -> None:
    """This very interpreter under another path, with the same packages."""
    python.symlink_to(sys.executable)
    environment = Path(sys.prefix) / "pyvenv.cfg"
    if environment.exists():
        shutil.copy(environment, python.parent.parent)
        packages = Path(sysconfig.get_path("purelib"))
        here = python.parent.parent / packages.relative_to(sys.prefix)
        here.parent.mkdir(parents=True)
        here.symlink_to(packages)
