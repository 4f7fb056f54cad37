"""Watches how much a program writes into the folders that it may change: the kernel bounds only each single file."""

import os
import stat
import time
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

LOOK_EVERY_S = 10.0
"""A full look is taken at least this often, since others of the machine may give disk space free meanwhile."""
BLOCK_BYTES = 512
CLOCK_OF_FILES = 5
"""CLOCK_REALTIME_COARSE, which Linux takes the times of files from."""


class DiskWatch:
    """Bytes and files that changed in some folders since it was made."""

    def __init__(self, folders: Sequence[str], *, most_bytes: int, most_files: int) -> None:
        self._folders = list(folders)
        self._most_bytes, self._most_files = most_bytes, most_files
        self._began = time.clock_gettime(CLOCK_OF_FILES)
        self._looked = time.monotonic()
        self._free = [_free(folder) for folder in self._folders]

    def suspects(self) -> bool:
        """Whether a full look is due: much space of the disk went since the last one, or it is some time ago."""
        if not self._folders:
            return False
        due = time.monotonic() - self._looked > LOOK_EVERY_S
        for (space, files), folder in zip(self._free, self._folders, strict=True):
            space_now, files_now = _free(folder)
            due = (
                due
                or (space - space_now) * 4 > self._most_bytes
                or (files - files_now) * 4 > self._most_files
            )
        return due

    def is_exceeded(self, tree: Sequence[int]) -> bool:
        """Whether more was written than is allowed: what lies in the folders, and what the tree's processes hold deleted."""
        used = 0
        for found, blocks in enumerate(chain(self._changed(), _deleted(tree)), 1):
            used += blocks * BLOCK_BYTES
            if used > self._most_bytes or found > self._most_files:
                return True
        self._looked = time.monotonic()
        self._free = [_free(folder) for folder in self._folders]
        return False

    def _changed(self) -> Iterator[int]:
        """Blocks of each file, folder and link that is newer than the watch."""
        waiting = list(self._folders)
        while waiting:
            try:
                with os.scandir(waiting.pop()) as entries:
                    for entry in entries:
                        facts = entry.stat(follow_symlinks=False)
                        if stat.S_ISDIR(facts.st_mode):
                            waiting.append(entry.path)
                        if facts.st_ctime >= self._began:
                            yield facts.st_blocks
            except OSError:
                # It went meanwhile, or the program took our right to look; the disk's own free space still tells.
                continue


def _free(folder: str) -> tuple[int, int]:
    """Free bytes and files of the disk; zeros where the folder is gone."""
    try:
        facts = os.statvfs(folder)
    except OSError:
        return 0, 0
    return facts.f_bfree * facts.f_frsize, facts.f_ffree


def _deleted(tree: Sequence[int]) -> Iterator[int]:
    """Blocks of files that have no name any more, but that a process still holds open."""
    seen: set[tuple[int, int]] = set()
    for pid in tree:
        try:
            for each in Path(f"/proc/{pid}/fd").iterdir():
                facts = each.stat()
                known = (facts.st_dev, facts.st_ino)
                if stat.S_ISREG(facts.st_mode) and not facts.st_nlink and known not in seen:
                    seen.add(known)
                    yield facts.st_blocks
        except OSError:
            # It has ended, or closed a file meanwhile.
            continue
