"""Opens a path below a folder one name at a time, where ``openat2`` is absent or a container refuses it.

Each folder on the way is opened without following a link, relative to the one before it, and stays open: what somebody
renames meanwhile changes where a name leads next, but never where an open folder is. Links are read and followed here,
name by name; ``..`` goes back to the folder that the way came through.
"""

import contextlib
import errno
import os
import stat

MOST_LINKS = 40
"""As many as the kernel follows in one path."""
LONGEST_PATH = 4096
MOST_ATTEMPTS = 128
"""How often a name is looked at again that was exchanged between the look and the opening."""

ON_THE_WAY = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC


def open_stepwise(folder: int, path: str, flags: int, *, follows_links: bool) -> int:
    """What ``openat2`` gives with RESOLVE_BENEATH; OSError EXDEV for every way out of the open folder."""
    with _Way(folder, path, flags, follows_links=follows_links) as way:
        return way.end()


def _refused(number: int, path: str) -> OSError:
    return OSError(number, os.strerror(number), path)


class _Way:
    """The folders that are open on the way, and the names that are still to come."""

    def __init__(self, folder: int, path: str, flags: int, *, follows_links: bool) -> None:
        self._path, self._flags, self._follows_links = path, flags | os.O_CLOEXEC, follows_links
        self._open = [folder]
        self._names: list[str] = []
        """The next one last."""
        self._links = 0
        self._closing = contextlib.ExitStack()

    def __enter__(self) -> "_Way":
        self._add(self._path)
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.close()

    def end(self) -> int:
        """Go all the way, and open what is there as it was asked."""
        while self._names:
            name = self._names.pop()
            if name == "..":
                if len(self._open) == 1:
                    raise _refused(errno.EXDEV, self._path)
                self._open.pop()
            elif name != ".":
                found = self._step(name)
                if found is not None:
                    return found
        return os.open(".", self._flags & ~os.O_NOFOLLOW, dir_fd=self._open[-1])

    def _add(self, path: str) -> None:
        """The path's names come next; one that ends in a slash names a folder."""
        if not path:
            raise _refused(errno.ENOENT, self._path)
        if path.startswith("/"):
            raise _refused(errno.EXDEV, self._path)
        if len(os.fsencode(path)) >= LONGEST_PATH:
            raise _refused(errno.ENAMETOOLONG, self._path)
        names = [name for name in path.split("/") if name]
        self._names.extend(reversed([*names, *(["."] if path.endswith("/") else [])]))

    def _step(self, name: str) -> int | None:
        """The end, opened as it was asked, where this is the last name; else the next folder is open, or a link read."""
        for _ in range(MOST_ATTEMPTS):
            handle = os.open(name, ON_THE_WAY, dir_fd=self._open[-1])
            found = os.fstat(handle)
            if not self._names and not (stat.S_ISLNK(found.st_mode) and not self._flags & os.O_NOFOLLOW):
                os.close(handle)
                if (last := self._last(name, found)) is not None:
                    return last
                continue
            self._closing.callback(os.close, handle)
            if stat.S_ISLNK(found.st_mode):
                self._follow(handle)
            elif stat.S_ISDIR(found.st_mode):
                self._open.append(handle)
            else:
                raise _refused(errno.ENOTDIR, self._path)
            return None
        raise _refused(errno.EAGAIN, self._path)

    def _last(self, name: str, seen: os.stat_result) -> int | None:
        """The last name opened as it was asked; None where another thing has the name by now."""
        try:
            handle = os.open(name, self._flags | os.O_NOFOLLOW, dir_fd=self._open[-1])
        except OSError as error:
            if error.errno == errno.ELOOP and not stat.S_ISLNK(seen.st_mode):
                return None
            raise
        if os.path.samestat(os.fstat(handle), seen):
            return handle
        os.close(handle)
        return None

    def _follow(self, link: int) -> None:
        self._links += 1
        if not self._follows_links or self._links > MOST_LINKS:
            raise _refused(errno.ELOOP, self._path)
        self._add(os.readlink("", dir_fd=link))
