"""Files of one work tree by relative path. The kernel keeps every operation beneath the root."""

import errno
import os
import stat
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

from perdure.contracts.errors import PerdureError, ToolRejected
from perdure.workspace.contents import (
    MOST_BYTES_AT_ONCE,
    mode_for,
    move_into,
    read_bytes,
    replace_file,
)
from perdure.workspace.control_names import control_name_in
from perdure.workspace.file_facts import FileFacts, facts_of
from perdure.workspace.openat2 import open_beneath, rename_to_free_name
from perdure.workspace.refusals import refusal_of, shown

MOUNTED_AT = "/workspace"
"""Where tools see the work tree, so that a path from their output can be used as it is."""


class Files:
    """Reads and writes below ``root``. Every refusal is a ToolRejected that names the path.

    Paths are POSIX and relative; absolute ones are taken where they begin with the root or with ``/workspace``.
    With ``owner`` (uid, gid), what is written belongs to that user.
    """

    def __init__(self, root: Path, *, owner: tuple[int, int] | None = None) -> None:
        self._root = root
        self._owner = owner

    def read(self, path: str, *, offset: int = 0, limit_bytes: int | None = None) -> bytes:
        """The bytes of a regular file; with ``limit_bytes`` at most so many, from ``offset``."""
        with self._opened(path, os.O_PATH) as handle:
            found = os.fstat(handle)
            if stat.S_ISDIR(found.st_mode):
                raise ToolRejected(f"{shown(path)} is a folder.", "list it instead of reading it.")
            if not stat.S_ISREG(found.st_mode):
                raise ToolRejected(f"{shown(path)} is not a regular file, so it is not read.")
            if limit_bytes is None and found.st_size - offset > MOST_BYTES_AT_ONCE:
                raise ToolRejected(
                    f"{shown(path)} has {found.st_size} bytes; at most {MOST_BYTES_AT_ONCE} are read at once.",
                    "read a part of it.",
                )
            return read_bytes(handle, offset=offset, limit_bytes=limit_bytes, path=path)

    def write(self, path: str, data: bytes, *, executable: bool | None = None) -> None:
        """Put a whole file there, atomically: readers see the old bytes or the new ones.

        Missing folders are made; the mode of an existing file is kept (set-uid bits are not) unless ``executable``
        says otherwise. Through a link that stays inside, its target is written.
        """
        with self._folder_of(path, make=True) as (folder, name):
            try:
                found = os.stat(name, dir_fd=folder, follow_symlinks=False)
            except FileNotFoundError:
                found = None
            except OSError as error:
                raise refusal_of(error, path, folder=self._root) from error
            if found is not None and stat.S_ISLNK(found.st_mode):
                target = self._target_of(path)
            else:
                mode = mode_for(found, path, executable)
                replace_file(folder, name, data, mode=mode, owner=self._owner, path=path)
                return
        with self._folder_of(target, make=False) as (folder, name):
            mode = mode_for(os.stat(name, dir_fd=folder, follow_symlinks=False), path, executable)
            replace_file(folder, name, data, mode=mode, owner=self._owner, path=path)

    def put(self, path: str, source: Path) -> None:
        """Move a finished file or link of ours there, atomically, with missing folders made.

        What stands there is replaced whatever its mode: a link itself, never its target. A folder is refused.
        """
        with self._folder_of(path, make=True) as (folder, name):
            try:
                if self._owner is not None:
                    os.chown(source, *self._owner, follow_symlinks=False)
                move_into(folder, name, source)
            except OSError as error:
                raise refusal_of(error, path, folder=self._root) from error

    def stat(self, path: str) -> FileFacts:
        """Facts of a name; for a link, of the link itself."""
        with self._opened(path, os.O_PATH | os.O_NOFOLLOW) as handle:
            found = os.fstat(handle)
            target = os.readlink("", dir_fd=handle) if stat.S_ISLNK(found.st_mode) else ""
            return facts_of(found, path.rstrip("/").rpartition("/")[2], target)

    def exists(self, path: str) -> bool:
        """Whether the name exists (also as a link that leads nowhere); refuses paths that leave the workspace."""
        try:
            with self._opened(path, os.O_PATH | os.O_NOFOLLOW):
                return True
        except ToolRejected as refusal:
            if isinstance(refusal.__cause__, FileNotFoundError | NotADirectoryError):
                return False
            raise

    def list(self, path: str = ".") -> list[FileFacts]:
        """Facts of a folder's entries, sorted by name; Git's own folder at the root is left out."""
        entries: list[FileFacts] = []
        with self._opened(path, os.O_RDONLY | os.O_DIRECTORY) as handle:
            at_root = os.path.samestat(os.fstat(handle), self._root.lstat())
            with os.scandir(handle) as found:
                for entry in found:
                    if at_root and entry.name == ".git":
                        continue
                    try:
                        facts = entry.stat(follow_symlinks=False)
                        target = ""
                        if stat.S_ISLNK(facts.st_mode):
                            target = os.readlink(entry.name, dir_fd=handle)
                    except OSError as error:
                        # It was deleted since the folder was read, or is no link any more: no longer that entry.
                        if error.errno not in {errno.ENOENT, errno.EINVAL}:
                            raise
                        continue
                    entries.append(facts_of(facts, entry.name, target))
        return sorted(entries, key=lambda entry: entry.name)

    def delete(self, path: str) -> None:
        """Delete a file, a link (never its target) or an empty folder."""
        path = path.rstrip("/") or path
        with self._folder_of(path, make=False) as (folder, name):
            try:
                found = os.stat(name, dir_fd=folder, follow_symlinks=False)
                if stat.S_ISDIR(found.st_mode):
                    os.rmdir(name, dir_fd=folder)
                else:
                    os.unlink(name, dir_fd=folder)
                os.fsync(folder)
            except OSError as error:
                raise refusal_of(error, path, folder=self._root) from error

    def move(self, source: str, target: str) -> None:
        """Rename a file, a link itself or a folder; refuses an existing target."""
        with (
            self._folder_of(source.rstrip("/") or source, make=False) as (source_folder, source_name),
            self._folder_of(target.rstrip("/") or target, make=True) as (target_folder, target_name),
        ):
            try:
                os.stat(source_name, dir_fd=source_folder, follow_symlinks=False)
            except OSError as error:
                raise refusal_of(error, source, folder=self._root) from error
            try:
                rename_to_free_name(source_folder, source_name, target_folder, target_name)
                os.fsync(target_folder)
                os.fsync(source_folder)
            except OSError as error:
                raise refusal_of(error, target, folder=self._root) from error

    def make_folder(self, path: str) -> None:
        """Make a folder and the missing ones above it; an existing folder is fine."""
        with self._folder_of(path.rstrip("/") + "/.", make=True):
            pass

    @contextmanager
    def _opened(self, path: str, flags: int) -> Generator[int]:
        relative = self._relative(path)
        with self._root_opened() as root:
            try:
                handle = open_beneath(root, relative, flags)
            except OSError as error:
                raise self._refusal(error, path, flags) from error
        try:
            yield handle
        finally:
            os.close(handle)

    def _refusal(self, error: OSError, path: str, flags: int) -> PerdureError:
        if isinstance(error, FileNotFoundError) and not flags & os.O_NOFOLLOW and self.exists(path):
            return ToolRejected(
                f"{shown(path)} is a link to {shown(self.stat(path).target)}, which does not exist.",
                "delete the link, or make what it leads to.",
            )
        return refusal_of(error, path, folder=self._root)

    @contextmanager
    def _root_opened(self) -> Generator[int]:
        try:
            root = os.open(self._root, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError as error:
            raise refusal_of(error, ".", folder=self._root) from error
        try:
            yield root
        finally:
            os.close(root)

    @contextmanager
    def _folder_of(self, path: str, *, make: bool) -> Generator[tuple[int, str]]:
        """The open folder that a writing operation works in, and the name there."""
        folder, _, name = self._relative(path).rpartition("/")
        if name == "." and make and folder:
            name = ""
        elif name in {"", ".", ".."}:
            raise ToolRejected(f"{shown(path)} names a folder, not a file.", "send the path of a file.")
        _refuse_control_names(self._relative(path).split("/"), path)
        with self._root_opened() as root:
            handle = self._make_folders(root, folder, path) if make else self._open_folder(root, folder, path)
            try:
                # Judged again where the folder really is, so that a link to Git's folder does not help.
                _refuse_control_names([*self._real_components(root, handle, path), name], path)
                yield handle, name
            finally:
                os.close(handle)

    def _open_folder(self, root: int, folder: str, path: str) -> int:
        try:
            return open_beneath(root, folder or ".", os.O_RDONLY | os.O_DIRECTORY)
        except OSError as error:
            raise refusal_of(error, path, folder=self._root) from error

    def _make_folders(self, root: int, folder: str, path: str) -> int:
        """Open the folder, making what is missing one name at a time from the deepest part that exists."""
        missing: list[str] = []
        rest = folder
        while True:
            try:
                handle = open_beneath(root, rest or ".", os.O_RDONLY | os.O_DIRECTORY)
                break
            except FileNotFoundError as error:
                rest, _, name = rest.rstrip("/").rpartition("/")
                if name in {"", "..", "."}:
                    raise refusal_of(error, path, folder=self._root) from error
                missing.append(name)
            except OSError as error:
                raise refusal_of(error, path, folder=self._root) from error
        _refuse_control_names(self._real_components(root, handle, path), path)
        for name in reversed(missing):
            try:
                child = self._make_one(handle, name)
            except OSError as error:
                raise refusal_of(error, path, folder=self._root) from error
            finally:
                os.close(handle)
            handle = child
        return handle

    def _make_one(self, folder: int, name: str) -> int:
        made = True
        try:
            os.mkdir(name, 0o755, dir_fd=folder)
        except FileExistsError:
            made = False
        # O_NOFOLLOW: where a link took the name meanwhile, this fails instead of leading away.
        child = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
        if made:
            os.fchmod(child, 0o755)
            if self._owner is not None:
                os.fchown(child, *self._owner)
        return child

    def _real_components(self, root: int, handle: int, path: str) -> Sequence[str]:
        above = str(Path(f"/proc/self/fd/{root}").readlink())
        real = str(Path(f"/proc/self/fd/{handle}").readlink())
        if real != above and not real.startswith(above + "/"):
            raise ToolRejected(f"{shown(path)} was moved out of the workspace meanwhile.")
        return [part for part in real[len(above) :].split("/") if part]

    def _target_of(self, path: str) -> str:
        """The real path of the regular file that a link leads to."""
        with self._opened(path, os.O_PATH) as handle, self._root_opened() as root:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise ToolRejected(f"{shown(path)} is a link to something that is not a regular file.")
            return "/".join(self._real_components(root, handle, path))

    def _relative(self, path: str) -> str:
        if not path:
            raise ToolRejected("The path is empty.", "send a path relative to the repository's root.")
        if "\0" in path:
            raise ToolRejected(f"{shown(path)} holds a NUL character, which no path can.")
        try:
            os.fsencode(path)
        except UnicodeEncodeError as error:
            raise ToolRejected(f"{shown(path)} holds a character that no file name can.") from error
        for prefix in (MOUNTED_AT, str(self._root)):
            if path == prefix or path.startswith(prefix + "/"):
                path = path[len(prefix) :].lstrip("/") or "."
                break
        if path.startswith("/"):
            raise ToolRejected(
                f"{shown(path)} is outside the workspace.", "send a path relative to the repository's root."
            )
        return path


def _refuse_control_names(components: Sequence[str], path: str) -> None:
    control = control_name_in([part for part in components if part not in {"", "."}])
    if control is not None:
        raise ToolRejected(
            f"{shown(path)} is not written, because {control!r} belongs to Git.",
            "use the git tools; they change Git's own files.",
        )
