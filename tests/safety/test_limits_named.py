"""Programs that take too much of anything end, leave no process, and the words of the tools name the limit they met."""

import os
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import pytest_asyncio

from perdure.contracts.calls import SandboxLevel
from perdure.safety.confinement import Confinement
from perdure.safety.disk_watch import CLOCK_OF_FILES, DiskWatch
from perdure.safety.landlock import SCOPES_SINCE, landlock_version
from perdure.safety.report import SandboxReport
from perdure.safety.sandbox import Sandbox, SandboxLimits, View
from perdure.safety.views import Finished
from tests.safety.ground import BARE_PYTHON, PYTHON_FOLDERS, Ground, processes_with
from tools.programs import how_it_ended

MEBIBYTE = 1024**2
SMALL = SandboxLimits(
    time_s=120,
    memory_bytes=160 * MEBIBYTE,
    processes=24,
    output_bytes=64 * 1024,
    file_bytes=8 * MEBIBYTE,
    open_files=48,
    temporary_bytes=4 * MEBIBYTE,
    disk_bytes=64 * MEBIBYTE,
    disk_files=3_000,
)


@pytest_asyncio.fixture(scope="module", loop_scope="session", params=["A", "B", "D"])
async def level(request: pytest.FixtureRequest, sandbox: Sandbox) -> Sandbox:
    """The sandbox of each level that runs programs."""
    if request.param == "A":
        return sandbox
    report = SandboxReport(SandboxLevel(request.param))
    signals = landlock_version() >= SCOPES_SINCE
    isolation = Confinement(sandbox.owner, confines=request.param == "B", signals=signals)
    return Sandbox(isolation, owner=sandbox.owner, report=report, scratch="copy")


@pytest.fixture
def leveled(level: Sandbox, ground: Ground) -> Ground:
    """The workspace, at each level."""
    # Without namespaces there is no second place where the Git folder could be shown read-only.
    return replace(ground, sandbox=level)


@dataclass(frozen=True)
class Hog:
    """A program that takes too much of one thing."""

    script: str
    killed_for: str
    says: str
    limits: SandboxLimits = SMALL


HOGS: dict[str, Hog] = {
    "processes": Hog(
        "first = os.getpid()\nwhile True:\n  try: os.fork()\n  except OSError:\n    time.sleep(3)\n"
        "    if os.getpid() == first: os._exit(3)",
        "",
        "exit code 3 after {s}; it met its limit of 24 processes and threads",
    ),
    "threads": Hog(
        "import threading\nwhile True: threading.Thread(target=time.sleep, args=(600,), daemon=True).start()",
        "",
        "exit code 1 after {s}; it met its limit of 24 processes and threads",
    ),
    "memory": Hog(
        "x = bytearray(400 * 2**20)",
        "",
        "exit code 1 after {s}; it met its limit of 160 MiB of memory",
    ),
    "memory of a tree": Hog(
        "for _ in range(6):\n  if os.fork() == 0: x = b'x' * (60 * 2**20); time.sleep(600)\ntime.sleep(600)",
        "memory",
        "killed after {s} by its memory limit of 160 MiB",
    ),
    "open files": Hog(
        "held = []\nwhile True: held.append(open('/dev/null'))",
        "",
        "exit code 1 after {s}; it met its limit of 48 open files",
    ),
    "one file": Hog(
        "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_DFL)\nopen('large', 'wb').truncate(2**30)",
        "",
        "exit code 153 (SIGXFSZ) after {s}; it met its limit of 8 MiB for one file",
    ),
    "disk": Hog(
        "n = 0\nwhile True:\n  open(f'f{n}', 'wb').write(bytes(2**22)); n += 1",
        "disk",
        "killed after {s} by its disk limit of 64 MiB or 3,000 files written",
    ),
    "files on disk": Hog(
        "n = 0\nwhile True:\n  open(f'f{n}', 'wb').close(); n += 1",
        "disk",
        "killed after {s} by its disk limit of 64 MiB or 3,000 files written",
    ),
    "deleted files": Hog(
        "held = []\nwhile True:\n  held.append(open('f', 'wb')); held[-1].write(bytes(2**22)); os.unlink('f')\n"
        "  if len(held) == 30: time.sleep(600)",
        "disk",
        "killed after {s} by its disk limit of 64 MiB or 3,000 files written",
    ),
    "output": Hog(
        "while True: print('flood' * 1000)", "output", "killed after {s} by its output limit of 65,536 bytes"
    ),
    "wall time": Hog(
        "import signal\nfor n in range(1, 65):\n  try: signal.signal(n, signal.SIG_IGN)\n  except (OSError, ValueError): pass\n"
        "while True: time.sleep(600)",
        "time",
        "killed after {s} by its time limit of 2 s",
        replace(SMALL, time_s=2),
    ),
}


async def hogged(ground: Ground, script: str, limits: SandboxLimits, name: str) -> Finished:
    """What became of the program, whose command line holds the name."""
    return await ground.sandbox.run(
        [*BARE_PYTHON, f"import os, time\n{script}", name],
        root=ground.root,
        view=View.WRITABLE,
        limits=limits,
        read_only=PYTHON_FOLDERS,
    )


@pytest.mark.parametrize("kind", sorted(HOGS))
async def test_a_hog_ends_with_a_sentence_that_names_its_limit_and_leaves_no_process(
    leveled: Ground, kind: str
) -> None:
    hog, name = HOGS[kind], f"marker-{uuid.uuid4().hex}"
    (leveled.root / ".git").rmdir()
    finished = await hogged(leveled, hog.script, hog.limits, name)
    # Whether the watch saw the limit as well depends on when it looked.
    said = how_it_ended(finished, hog.limits).replace("may have met", "met")
    expected = hog.says.replace("{s}", f"{finished.duration_s:.1f} s")
    assert (finished.killed_for, said) == (hog.killed_for, expected), finished.output[-500:]
    assert processes_with(name) == []


ESCAPES: dict[str, str] = {
    "a session of its own": "os.setsid()",
    "a double fork": "os.setsid()\nif os.fork(): os._exit(0)",
    "a stopped process": "import signal; signal.raise_signal(signal.SIGSTOP)",
    "ignored signals": "import signal\nfor n in (1, 2, 3, 13, 15): signal.signal(n, signal.SIG_IGN)",
    "a traced process": "import ctypes; ctypes.CDLL(None).ptrace(0, 0, 0, 0); os.kill(os.getpid(), 19)",
    "closed descriptors": "os.closerange(0, 64)",
}


async def test_no_way_of_hiding_lets_a_process_outlive_its_run(leveled: Ground) -> None:
    name = f"marker-{uuid.uuid4().hex}"
    (leveled.root / ".git").rmdir()
    each = "".join(
        f"if os.fork() == 0:\n  {script.replace(chr(10), chr(10) + '  ')}\n  time.sleep(600)\n  os._exit(0)\n"
        for script in ESCAPES.values()
    )
    for end, killed_for in (("os._exit(0)", ""), ("time.sleep(600)", "time")):
        limits = replace(SMALL, time_s=2 if killed_for else 120)
        finished = await hogged(leveled, f"{each}time.sleep(0.3)\n{end}", limits, name)
        assert finished.killed_for == killed_for, finished.output
        assert processes_with(name) == []


def watch_of(folder: Path, **limits: int) -> DiskWatch:
    return DiskWatch([str(folder)], **{"most_bytes": MEBIBYTE, "most_files": 5, **limits})


def test_what_was_there_before_the_run_and_links_to_elsewhere_do_not_count(tmp_path: Path) -> None:
    folder, elsewhere = tmp_path / "folder", tmp_path / "elsewhere"
    folder.mkdir()
    elsewhere.mkdir()
    fill(folder, [f"old{number}" for number in range(9)])
    fill(elsewhere, ["large"], size=2 * MEBIBYTE)
    # The clock of files is coarse, and what was made in its very moment looks like the run's.
    while time.clock_gettime(CLOCK_OF_FILES) <= (folder / "old8").stat().st_ctime:
        time.sleep(0.001)
    watch = watch_of(folder)
    (folder / "link").symlink_to(elsewhere)
    assert not watch.is_exceeded(())
    fill(folder, ["new"], size=2 * MEBIBYTE)
    assert watch.is_exceeded(())


def test_files_are_counted_in_all_folders_below(tmp_path: Path) -> None:
    watch = watch_of(tmp_path)
    (tmp_path / "a" / "b").mkdir(parents=True)
    fill(tmp_path / "a" / "b", ["one", "two", "three"])
    assert not watch.is_exceeded(())
    fill(tmp_path / "a", ["four"])
    assert watch.is_exceeded(())


def test_a_folder_that_is_gone_is_no_error(tmp_path: Path) -> None:
    watch = watch_of(tmp_path / "gone")
    assert not watch.suspects()
    assert not watch.is_exceeded((2**22 + 1,))


def fill(folder: Path, names: Sequence[str], *, size: int = 0) -> None:
    """Make files there."""
    for name in names:
        (folder / name).write_bytes(os.urandom(size))
