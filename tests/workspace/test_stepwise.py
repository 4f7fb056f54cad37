"""Without openat2 every test of files holds as well, also while folders are exchanged for links."""

import errno
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import perdure
from perdure.workspace.openat2 import RESOLVE_NO_SYMLINKS, kernel_holds_paths, open_beneath
from perdure.workspace.stepwise import open_stepwise

PROJECT = Path(perdure.__file__).parents[1]
OUTER = PROJECT / "tests" / "safety" / "outer_filter.py"
ASKED = "from perdure.workspace.openat2 import kernel_holds_paths; print(kernel_holds_paths())"


def under(absent: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """What an interpreter says where the filter answers a system call with an error."""
    return subprocess.run(
        [sys.executable, OUTER, absent, sys.executable, *arguments],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("absent", ["openat2", "openat2-refused"])
def test_a_kernel_or_container_without_openat2_is_noticed(absent: str) -> None:
    assert under(absent, "-c", ASKED).stdout == "False\n"


def test_all_tests_of_files_and_of_their_races_hold_without_openat2() -> None:
    tests = ["tests/workspace/test_files.py", "tests/workspace/test_file_races.py"]
    done = under("openat2", "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests)
    assert done.returncode == 0, done.stdout[-4_000:]
    assert " passed" in done.stdout


@pytest.fixture
def tree(tmp_path: Path) -> Iterator[int]:
    """An open folder with files, folders and links of all kinds, and something beside it."""
    root = tmp_path / "tree"
    (root / "folder" / "deep").mkdir(parents=True)
    (root / "file").write_text("file")
    (root / "folder" / "file").write_text("deep")
    (tmp_path / "beside").write_text("beside")
    links = {
        "to-file": "file", "to-folder": "folder", "to-folder-slash": "folder/", "chain": "to-folder/file",
        "out": "../beside", "absolute": str(root / "file"), "loop": "loop", "one": "two", "two": "one",
        "up": "folder/../file", "round": "folder/deep/../../to-folder", "far-up": "folder/../../tree/file",
        "nowhere": "missing", "self": ".", "file-as-folder": "file/", "magic": "/proc/self/cwd",
    }  # fmt: skip
    for name, target in links.items():
        (root / name).symlink_to(target)
    os.mkfifo(root / "pipe")
    handle = os.open(root, os.O_PATH | os.O_DIRECTORY)
    yield handle
    os.close(handle)


NAMES = (
    ".", "file", "folder", "folder/", "folder/file", "file/", "file/x", "folder/.", "folder/..", "folder/../file",
    "..", "../tree/file", "folder/../../beside", "/file", "", "missing", "missing/..", "folder//file", "./file",
    "to-file", "to-folder", "to-folder/", "to-folder/file", "to-folder/../file", "to-folder-slash/file", "chain",
    "out", "absolute", "loop", "one", "up", "round/file", "far-up", "nowhere", "self/self/file",
    "file-as-folder", "magic", "magic/file", "pipe", "x" * 256, "d/" * 3000,
)  # fmt: skip
FLAGS = (
    os.O_PATH,
    os.O_PATH | os.O_NOFOLLOW,
    os.O_PATH | os.O_DIRECTORY,
    os.O_RDONLY | os.O_DIRECTORY,
    os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW,
)


@pytest.mark.skipif(not kernel_holds_paths(), reason="there is no openat2 here to compare with")
@pytest.mark.parametrize("resolve", [0, RESOLVE_NO_SYMLINKS])
def test_both_ways_open_the_same_or_refuse_with_the_same_error(tree: int, resolve: int) -> None:
    for name in NAMES:
        for flags in FLAGS:
            stepwise = outcome(
                lambda name=name, flags=flags: open_stepwise(tree, name, flags, follows_links=not resolve)
            )
            at_once = outcome(lambda name=name, flags=flags: open_beneath(tree, name, flags, resolve=resolve))
            assert stepwise == at_once, (name, flags)


def outcome(opening: Callable[[], int]) -> tuple[int, int] | str:
    """Which file was opened, or the error's name."""
    try:
        handle = opening()
    except OSError as error:
        return errno.errorcode[error.errno or 0]
    found = os.fstat(handle)
    os.close(handle)
    return found.st_ino, found.st_mode


def test_no_descriptor_is_left_open(tree: int) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    for name in NAMES:
        outcome(lambda name=name: open_stepwise(tree, name, os.O_PATH, follows_links=True))
    assert len(list(Path("/proc/self/fd").iterdir())) == before
