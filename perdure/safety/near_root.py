"""Folders near the root, for sockets whose paths may have few characters; what killed processes left is removed."""

import contextlib
import fcntl
import os
import stat
import tempfile
import time
from collections.abc import Generator
from pathlib import Path

from perdure.safety.scratch import remove_tree

NEAR_ROOT = Path("/tmp")
PREFIX = "perdure-out-"
SETTLED_S = 900.0
"""A younger folder is left alone: whoever makes it may not hold it yet."""


@contextlib.contextmanager
def folder_near_root(beside: Path = NEAR_ROOT) -> Generator[Path]:
    """A folder that only we and root can enter, held while it is used, and gone at the end."""
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=beside))
    try:
        with _opened(folder) as handle:
            # The kernel lets go of it however this process ends, so a folder that can be held has no user.
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield folder
    finally:
        remove_tree(folder)


def remove_left_folders(beside: Path = NEAR_ROOT) -> list[Path]:
    """Remove the folders of ours whose process was killed; gives what was removed."""
    removed: list[Path] = []
    for folder in sorted(beside.glob(f"{PREFIX}*")):
        try:
            facts = folder.lstat()
            if not stat.S_ISDIR(facts.st_mode) or facts.st_uid != os.geteuid():
                continue
            if time.time() - facts.st_mtime < SETTLED_S:
                continue
            with _opened(folder) as handle:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                remove_tree(folder)
        except (BlockingIOError, FileNotFoundError):
            # In use, or another worker was quicker.
            continue
        removed.append(folder)
    return removed


@contextlib.contextmanager
def _opened(folder: Path) -> Generator[int]:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        yield handle
    finally:
        os.close(handle)
