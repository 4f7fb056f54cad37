"""Makes the files what a program made of them in a throw-away view: all of it, or nothing where something is in the way.

Everything is there before the first file changes, and what is replaced is kept until the end, so that an error in the
middle is undone. Where the worker is killed in the middle, the claim on the workspace is not settled and the files are
made anew from their checkpoint; what is as it shall be already counts as done.
"""

import contextlib
import errno
import os
import secrets
import shutil
import stat
from collections.abc import Callable, Collection, Generator, Sequence
from pathlib import Path

from perdure.contracts.errors import NoLongerApproved
from perdure.workspace.deltas import Change, Delta, State
from perdure.workspace.entry_states import open_folder, state_at
from perdure.workspace.refusals import refusal_of, shown
from perdure.workspace.storage import in_thread, make_folder
from perdure.workspace.working_copy import WorkingCopy
from perdure.workspace.written_delta import needs_content

NAMED = 5
IN_THE_WAY = {
    errno.EEXIST,
    errno.EISDIR,
    errno.ELOOP,
    errno.ENOENT,
    errno.ENOTDIR,
    errno.ENOTEMPTY,
}
"""What the kernel says where somebody else changed names meanwhile."""


async def apply_delta(copy: WorkingCopy, delta: Delta) -> None:
    """Make the files what the program made of them; NoLongerApproved where others changed them since.

    ToolRejected where it cannot be done; then nothing is changed.
    """
    # A cancellation waits for the end of it, since half of it is worse than either.
    await in_thread(_apply, copy, delta)


def _apply(copy: WorkingCopy, delta: Delta) -> None:
    with _root_of(copy) as root, _aside(copy) as aside:
        moved, waiting = _moved(root, delta.changes)
        if moved:
            raise NoLongerApproved(_moved_words(moved))
        made = _Making(root, aside, copy.owner)
        try:
            for number, change in enumerate(waiting):
                made.prepare(number, change, delta)
            made.make(waiting)
        except OSError as error:
            at = made.at
            made.undo()
            if error.errno in IN_THE_WAY:
                raise NoLongerApproved(_moved_words([at])) from error
            raise refusal_of(error, at, folder=copy.root) from error
        except BaseException:
            made.undo()
            raise


def _moved_words(paths: Sequence[str]) -> str:
    """Which files are no longer what they were."""
    names = ", ".join(map(shown, paths[:NAMED]))
    more = f" and {len(paths) - NAMED:,} more" if len(paths) > NAMED else ""
    return f"{names}{more} changed after the command was run ahead"


def _moved(root: int, changes: Sequence[Change]) -> tuple[tuple[str, ...], list[Change]]:
    """What is neither as it was when the program ran nor as it made it, and what is still to be done."""
    moved: list[str] = []
    waiting: list[Change] = []
    for change in changes:
        try:
            now = state_at(root, change.path)
        except OSError as error:
            raise refusal_of(error, change.path) from error
        if now == change.before:
            waiting.append(change)
        elif now != change.after:
            moved.append(change.path)
    return tuple(moved), waiting


class _Making:
    """The changes under way, each with how it is taken back."""

    def __init__(self, root: int, aside: Path, owner: tuple[int, int] | None) -> None:
        self._root = root
        self._aside = aside
        self._owner = owner
        self._ready: dict[str, Path] = {}
        self._undoing: list[Callable[[], object]] = []
        self._touched: set[str] = set()
        self._shut: dict[str, int] = {}
        """Modes of folders that had to let us in."""
        self.at = "."
        """The path that is worked on."""

    def prepare(self, number: int, change: Change, delta: Delta) -> None:
        """Make the new file or link beside the tree."""
        self.at, after = change.path, change.after
        if after is None or after.kind == "folder":
            return
        place = self._aside / f"new-{number}"
        if after.kind == "link":
            place.symlink_to(after.target)
            if self._owner is not None:
                os.chown(place, *self._owner, follow_symlinks=False)
        elif needs_content(change):
            handle = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with os.fdopen(handle, "wb") as stream:
                stream.write(delta.contents[after.sha256])
                stream.flush()
                if self._owner is not None:
                    os.fchown(handle, *self._owner)
                os.fchmod(handle, after.mode)
                os.utime(handle, ns=(change.mtime_ns, change.mtime_ns))
                os.fsync(handle)
        else:
            return
        self._ready[change.path] = place

    def make(self, changes: Sequence[Change]) -> None:
        """All of them, in an order in which each finds its folder."""
        for change in reversed(changes):
            before, after = change.before, change.after
            if before is not None and (after is None or after.kind != before.kind):
                self._take_away(change.path, before)
        for change in changes:
            if change.path in self._ready:
                self._put(change.path, self._ready[change.path])
            elif change.after is not None and change.after.kind == "folder" and not _is_folder(change.before):
                self._make_folder(change.path)
        # Last, and the inner ones first, since a folder may not let anybody in afterwards.
        for change in reversed(changes):
            if change.after and change.after.kind != "link" and change.path not in self._ready:
                self._give_mode(change.path, change.after)
        changed = {change.path for change in changes}
        self._shut_again({path for path in self._shut if path not in changed})
        for folder in sorted(self._touched, key=len, reverse=True):
            self._sync(folder)

    def undo(self) -> None:
        """Take back what was done, the last first."""
        for each in reversed(self._undoing):
            each()
        self._shut_again(set(self._shut))

    def _take_away(self, path: str, before: State) -> None:
        self.at = path
        with self._folder_of(path) as (folder, name):
            if before.kind == "folder":
                mode = stat.S_IMODE(os.lstat(name, dir_fd=folder).st_mode)
                os.rmdir(name, dir_fd=folder)
                self._undoing.append(lambda: self._make_folder(path, mode=mode))
            else:
                kept = self._aside / f"old-{secrets.token_hex(8)}"
                os.rename(name, kept, src_dir_fd=folder)
                self._undoing.append(lambda: self._bring(path, kept))

    def _put(self, path: str, place: Path) -> None:
        self.at = path
        with self._folder_of(path) as (folder, name):
            try:
                kept = self._aside / f"old-{secrets.token_hex(8)}"
                # Readers see the old file or the new one; the old one has a second name for the way back.
                os.link(name, kept, src_dir_fd=folder, follow_symlinks=False)
            except FileNotFoundError:
                self._undoing.append(lambda: self._remove(path))
            else:
                self._undoing.append(lambda: self._bring(path, kept))
            os.rename(place, name, dst_dir_fd=folder)

    def _make_folder(self, path: str, *, mode: int = 0o700) -> None:
        self.at = path
        with self._folder_of(path) as (folder, name):
            os.mkdir(name, mode, dir_fd=folder)
            self._undoing.append(lambda: self._remove_folder(path))
            made = open_folder(folder, name)
            try:
                if self._owner is not None:
                    os.fchown(made, *self._owner)
                os.fchmod(made, mode)
            finally:
                os.close(made)

    def _give_mode(self, path: str, after: State) -> None:
        self.at = path
        with self._opened(path, after) as handle:
            mode = stat.S_IMODE(os.fstat(handle).st_mode)
            if mode & 0o777 != after.mode:
                self._undoing.append(lambda: self._set_mode(path, after, mode))
                os.fchmod(handle, mode & ~0o777 | after.mode)

    def _set_mode(self, path: str, state: State, mode: int) -> None:
        with self._opened(path, state) as handle:
            os.fchmod(handle, mode)

    def _bring(self, path: str, kept: Path) -> None:
        with self._folder_of(path) as (folder, name):
            os.rename(kept, name, dst_dir_fd=folder)

    def _remove(self, path: str) -> None:
        with self._folder_of(path) as (folder, name):
            os.unlink(name, dir_fd=folder)

    def _remove_folder(self, path: str) -> None:
        with self._folder_of(path) as (folder, name):
            os.rmdir(name, dir_fd=folder)

    def _sync(self, path: str) -> None:
        try:
            folder = open_folder(self._root, path)
        except OSError:
            # It was one, and is gone or something else by now.
            return
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    @contextlib.contextmanager
    def _folder_of(self, path: str) -> Generator[tuple[int, str]]:
        above, _, name = path.rpartition("/")
        folder = open_folder(self._root, above or ".")
        self._touched.add(above or ".")
        try:
            self._let_in(folder, above or ".")
            yield folder, name
        finally:
            os.close(folder)

    def _let_in(self, folder: int, path: str) -> None:
        """Let a worker that is an ordinary user write into a folder that the program opened and shut again."""
        mode = stat.S_IMODE(os.fstat(folder).st_mode)
        if os.geteuid() != 0 and mode & 0o300 != 0o300:
            os.fchmod(folder, mode | 0o300)
            self._shut.setdefault(path, mode)

    def _shut_again(self, paths: Collection[str]) -> None:
        for path in sorted(paths, key=len, reverse=True):
            folder = open_folder(self._root, path)
            try:
                os.fchmod(folder, self._shut.pop(path))
            finally:
                os.close(folder)

    @contextlib.contextmanager
    def _opened(self, path: str, state: State) -> Generator[int]:
        """A folder or file whose mode is set; a file is opened by name alone, so that no link is followed."""
        if state.kind == "folder":
            handle = open_folder(self._root, path)
        else:
            with self._folder_of(path) as (folder, name):
                flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
                handle = os.open(name, flags, dir_fd=folder)
        try:
            yield handle
        finally:
            os.close(handle)


def _is_folder(state: State | None) -> bool:
    return state is not None and state.kind == "folder"


@contextlib.contextmanager
def _root_of(copy: WorkingCopy) -> Generator[int]:
    try:
        root = os.open(copy.root, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        raise refusal_of(error, ".", folder=copy.root) from error
    try:
        yield root
    finally:
        os.close(root)


@contextlib.contextmanager
def _aside(copy: WorkingCopy) -> Generator[Path]:
    """A folder of ours beside the work tree, on its file system."""
    folder = copy.folder / f"aside-{secrets.token_hex(8)}"
    make_folder(folder)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
