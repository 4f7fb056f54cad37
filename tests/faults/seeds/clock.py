"""A worker's own wall clock, which jumps while every other process keeps the right time."""

import shutil
import struct
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

SOURCE = Path(__file__).with_name("jumping_clock.c")
COMPILERS = ("cc", "gcc", "clang")


@dataclass(frozen=True)
class Clock:
    """A library for a worker, and the file that tells it by how much its clock is wrong."""

    library: Path
    offset: Path

    @property
    def variables(self) -> dict[str, str]:
        """What a worker's environment needs."""
        return {"LD_PRELOAD": str(self.library), "JUMPING_CLOCK": str(self.offset)}

    def jump(self, seconds: int) -> None:
        """From now on the clock is so many seconds ahead, or behind."""
        # Written in place: the worker has the file in its memory.
        with self.offset.open("r+b") as file:
            file.write(struct.pack("=q", seconds))


def right_clock(library: Path, folder: Path) -> Clock:
    """A clock that is right until it jumps."""
    clock = Clock(library, folder / "clock")
    clock.offset.write_bytes(struct.pack("=q", 0))
    return clock


def build_library(folder: Path) -> Path:
    """Compile the library, and see that it works: the loader passes over one that it cannot use."""
    compiler = next(filter(None, map(shutil.which, COMPILERS)), None)
    assert compiler is not None, (
        f"none of {COMPILERS} is on PATH, and setting up the project needs one as well"
    )
    library = folder / "jumping_clock.so"
    command = [compiler, "-O2", "-Wall", "-Werror", "-shared", "-fPIC", "-o", str(library), str(SOURCE)]
    subprocess.run(command, check=True)
    clock = right_clock(library, folder)
    clock.jump(-3_600)
    asked = [sys.executable, "-I", "-S", "-c", "import time; print(time.time(), time.monotonic())"]
    done = subprocess.run(asked, env=clock.variables, capture_output=True, check=True, text=True)
    wall, monotonic = map(float, done.stdout.split())
    assert abs(wall + 3_600 - time.time()) < 60, "the clock did not jump"
    assert abs(monotonic - time.monotonic()) < 60, "the clock that only counts on jumped as well"
    return library
