"""Folders and small files of ours: made readable whatever the umask, replaced atomically, removed entirely."""

import contextlib
import os
import secrets
import shutil
import stat
from pathlib import Path

from perdure.workspace.refusals import refusal_of

REMOVED = ".removed-"


def make_folder(path: Path) -> None:
    """Make the folder and those above it; new ones can be passed through by the user that runs the tools."""
    missing: list[Path] = []
    while not path.is_dir():
        missing.append(path)
        path = path.parent
    for folder in reversed(missing):
        with contextlib.suppress(FileExistsError):
            folder.mkdir()
            folder.chmod(0o755)


def put(path: Path, data: bytes, *, mode: int = 0o644, durable: bool = True) -> None:
    """Replace a small file atomically, and durably if wanted. OSError where that cannot be."""
    temporary = path.with_name(f".{secrets.token_hex(6)}.lock")
    try:
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            os.fchmod(handle, mode)
            with os.fdopen(handle, "wb", closefd=False) as stream:
                stream.write(data)
            if durable:
                os.fsync(handle)
        finally:
            os.close(handle)
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def give_to(root: Path, owner: tuple[int, int]) -> None:
    """Make everything below the folder, and itself, belong to the user; links themselves, never their targets."""
    os.chown(root, *owner, follow_symlinks=False)
    for folder, folders, files in os.walk(os.fsencode(root)):
        for name in (*folders, *files):
            os.chown(os.path.join(folder, name), *owner, follow_symlinks=False)  # noqa: PTH118 - names are bytes


def make_accessible(root: Path) -> None:
    """Give ourselves the permissions to read everything below the folder that we own."""
    root.chmod(0o755)
    # ``os.walk`` lists a folder after its parent was handed out, so it finds the permissions mended.
    for folder, folders, files in os.walk(os.fsencode(root)):
        for name, needed in [*((name, 0o700) for name in folders), *((name, 0o400) for name in files)]:
            path = os.path.join(folder, name)  # noqa: PTH118 - names are bytes
            mode = os.lstat(path).st_mode
            if not stat.S_ISLNK(mode) and mode & needed != needed:
                os.chmod(path, stat.S_IMODE(mode) | needed)  # noqa: PTH101 - names are bytes


def rename_away(path: Path) -> Path | None:
    """Give the folder a name under which nobody looks for it, in one step; None where there is none."""
    trash = path.with_name(f"{REMOVED}{secrets.token_hex(6)}")
    try:
        path.rename(trash)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise refusal_of(error, str(path)) from error
    return trash


def remove_tree(path: Path) -> None:
    """Remove the folder with everything in it, also while somebody still writes there: it is renamed away first."""
    trash = rename_away(path)
    if trash is not None:
        empty_trash(trash)


def empty_trash(trash: Path) -> None:
    """Remove a folder that was renamed away. What a zombie adds meanwhile goes with the next sweep."""
    for _ in range(3):
        with contextlib.suppress(OSError):
            shutil.rmtree(os.fsencode(trash))
            return
        with contextlib.suppress(OSError):
            make_accessible(trash)
