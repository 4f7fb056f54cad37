"""The folder of the embedded stack: its layout, its lock, and a short private folder for sockets."""

import contextlib
import fcntl
import hashlib
import os
import re
from pathlib import Path

from perdure.contracts.errors import ConfigurationError
from perdure.embedded.troubles import require_free_space

LAYOUT = 1
"""Raised when an older program could not work with the folder any more."""
LONGEST_SOCKET_PATH = 107
LONGEST_SOCKET_NAME = len("/.s.PGSQL.5432.lock")
PLAIN_PATH = re.compile(r"[A-Za-z0-9/._+@-]+")
"""PostgreSQL splits a list of folders at commas and knows quotes; such paths are not given to it."""


class Home:
    """Where the stack keeps everything. Nobody but its owner can look into what is made here."""

    def __init__(self, folder: Path, *, runtime: Path = Path("/tmp")) -> None:
        """``runtime`` takes the folder for sockets where the home's own path is too long for one."""
        self.folder = folder.absolute()
        self._runtime = runtime

    @property
    def logs(self) -> Path:
        """Folder of the servers' logs."""
        return self.folder / "logs"

    @property
    def record(self) -> Path:
        """The file that tells other processes of a running stack."""
        return self.folder / "stack.json"

    def prepare(self, *, minimum_free_bytes: int) -> None:
        """Make the folder; refuses one of a newer version, one that cannot be written and a disk that is almost full."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self.logs.mkdir(exist_ok=True, mode=0o700)
            self._check_layout()
        except OSError as error:
            raise ConfigurationError(
                f"The folder {str(self.folder)!r} cannot be used: {error.strerror}.",
                "set PERDURE_HOME to a folder that this user may write to.",
            ) from error
        require_free_space(self.folder, minimum_free_bytes)

    def try_lock(self) -> int | None:
        """A descriptor that holds the folder's lock, None while another process holds it.

        The servers inherit the descriptor, so the lock is free only when the last process of a stack has ended.
        """
        descriptor = os.open(self.folder / "stack.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        return descriptor

    def sockets(self) -> Path:
        """A folder for sockets that only this user can enter."""
        own = self.folder / "run"
        fits = len(os.fsencode(own)) + LONGEST_SOCKET_NAME <= LONGEST_SOCKET_PATH
        if fits and PLAIN_PATH.fullmatch(str(own)):
            return private_folder(own)
        short = self._short_folder()
        if len(os.fsencode(short)) + LONGEST_SOCKET_NAME > LONGEST_SOCKET_PATH:
            raise ConfigurationError(
                f"Neither {str(own)!r} nor {str(short)!r} is short enough to hold a socket, whose path may have "
                f"{LONGEST_SOCKET_PATH} bytes.",
                "set PERDURE_HOME to a folder with a shorter path.",
            )
        return private_folder(short)

    def remove_sockets(self) -> None:
        """Remove the folder for sockets if it is empty; the next start makes it again."""
        for folder in (self.folder / "run", self._short_folder()):
            with contextlib.suppress(OSError):
                folder.rmdir()

    def _short_folder(self) -> Path:
        name = hashlib.sha256(os.fsencode(self.folder)).hexdigest()[:12]
        return self._runtime / f"perdure-{os.geteuid()}-{name}"

    def _check_layout(self) -> None:
        file = self.folder / "VERSION"
        if not file.exists():
            file.write_text(f"{LAYOUT}\n")
            return
        text = file.read_text().strip()
        if not text.isdigit():
            raise ConfigurationError(
                f"{str(file)!r} does not hold a version but {text[:40]!r}.",
                f"put back {LAYOUT} if the folder is Perdure's, or set PERDURE_HOME to another folder.",
            )
        if int(text) > LAYOUT:
            raise ConfigurationError(
                f"The folder {str(self.folder)!r} has layout {text}, made by a newer Perdure; this one knows "
                f"layout {LAYOUT}.",
                "upgrade Perdure, or set PERDURE_HOME to another folder.",
            )


def private_folder(folder: Path) -> Path:
    """Make the folder for this user alone; refuses one that somebody else made or could enter."""
    folder.mkdir(exist_ok=True, mode=0o700)
    status = folder.lstat()
    if folder.is_symlink() or status.st_uid != os.geteuid():
        raise ConfigurationError(
            f"{str(folder)!r} belongs to somebody else, so sockets in it would not be private.",
            "remove it, or set PERDURE_HOME to a folder with a shorter path.",
        )
    if status.st_mode & 0o077:
        folder.chmod(0o700)
    return folder
