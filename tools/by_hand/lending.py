"""Root's sandbox runs programs as a lesser user, to whom a folder's files are lent for the time of a run."""

import contextlib
import fcntl
import os
from collections.abc import Generator, Iterator
from pathlib import Path

from perdure.safety.staging import Owner


@contextlib.contextmanager
def lent(root: Path, borrower: Owner) -> Generator[None]:
    """Give the tree without its Git folder away, and at the end back to whom each file belonged; new ones go to the
    folder's owner. For anybody but root nothing is lent, since programs run as who we are."""
    if os.geteuid() != 0:
        yield
        return
    descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        # Another run on the same folder would take the borrower for the owner.
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        owners = {path: _owner_of(path) for path in _below(root)}
        try:
            for path in owners:
                os.lchown(path, borrower.uid, borrower.gid)
            yield
        finally:
            for path in _below(root):
                os.lchown(path, *owners.get(path, owners[str(root)]))
    finally:
        os.close(descriptor)


def _below(root: Path) -> Iterator[str]:
    yield str(root)
    for folder, folders, files in os.walk(root):
        if Path(folder) == root and ".git" in folders:
            folders.remove(".git")
        yield from (os.path.join(folder, name) for name in (*folders, *files))  # noqa: PTH118 (names of any bytes)


def _owner_of(path: str) -> tuple[int, int]:
    status = os.lstat(path)
    return status.st_uid, status.st_gid
