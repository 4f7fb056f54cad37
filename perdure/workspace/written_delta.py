"""Works out what a program changed from what it left in a throw-away view: an overlay's upper layer, or a whole copy.

The program wrote these files, so they are read by descriptors alone and no link is followed. An overlay says by a device
with the number 0 that a name is gone, and by an attribute that of a folder below nothing is seen.
"""

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field

from perdure.safety.scratch import Marks, Written
from perdure.workspace.deltas import Change, State, in_order
from perdure.workspace.entry_states import PERMISSIONS, make_readable, open_folder, state_in
from perdure.workspace.refusals import shown

GIT = ".git"
"""At the root it is Git's own folder, which the program saw read-only."""
OPAQUE = ("user.overlay.opaque", "trusted.overlay.opaque")
MOST_CHANGES = 5_000
MOST_BYTES = 64 * 1024**2
"""Of new contents; they are stored, and held in memory meanwhile."""
MOST_READ_BYTES = 1024**3
"""Of the files that are read to say what was there before."""


Changes = tuple[tuple[Change, ...], Mapping[str, bytes]]
"""What differs, by path, and the contents of what is new, by SHA-256."""


class NotUsable(Exception):
    """What the program left cannot stand for running it; the message is a sentence for people."""


@dataclass
class Looking:
    """Collects what was there before and what is there after, of every path that the program may have changed."""

    before: dict[str, State | None] = field(default_factory=dict[str, State | None])
    after: dict[str, State] = field(default_factory=dict[str, State])
    contents: dict[str, bytes] = field(default_factory=dict[str, bytes])
    mtimes: dict[str, int] = field(default_factory=dict[str, int])
    held: int = 0
    read: int = 0

    def was(self, folder: int, name: str, path: str) -> State | None:
        """Take down what the workspace has there, without what is below."""
        if path in self.before:
            return self.before[path]
        state = self._state(folder, name, path, heard=self._reading, ours=False)
        self._count(path)
        self.before[path] = state
        return state

    def was_whole(self, folder: int, name: str, path: str) -> None:
        """The same with everything below."""
        state = self.was(folder, name, path)
        if state is None or state.kind != "folder":
            return
        inner = _opened(folder, name, ours=False)
        try:
            for each in names_in(inner):
                self.was_whole(inner, each, f"{path}/{each}")
        finally:
            os.close(inner)

    def is_now(self, folder: int, name: str, path: str) -> State:
        """Take down what the program left there, with its content."""
        parts: list[bytes] = []

        def heard(part: bytes) -> None:
            parts.append(part)
            self.held += len(part)
            if self.held > MOST_BYTES:
                raise NotUsable(
                    f"it wrote more than {MOST_BYTES // 1024**2:,} MiB, more than is kept to be looked at"
                )

        state = self._state(folder, name, path, heard=heard, ours=True)
        if state is None or state.kind == "other":
            raise NotUsable(f"it made {shown(path)}, which is a pipe, a socket or a device")
        self._count(path)
        self.after[path] = state
        if state.kind == "file":
            if state.sha256 in self.contents:
                self.held -= state.bytes
            self.contents[state.sha256] = b"".join(parts)
            self.mtimes[path] = os.lstat(name, dir_fd=folder).st_mtime_ns
        return state

    def _state(self, folder: int, name: str, path: str, **how: object) -> State | None:
        try:
            return state_in(folder, name, **how)  # pyright: ignore[reportArgumentType]
        except OSError as error:
            raise NotUsable(f"{shown(path)} could not be read: {error.strerror}") from error

    def _reading(self, part: bytes) -> None:
        self.read += len(part)
        if self.read > MOST_READ_BYTES:
            raise NotUsable(
                f"it changed or deleted files of more than {MOST_READ_BYTES // 1024**2:,} MiB together"
            )

    def _count(self, path: str) -> None:
        if len(self.before) + len(self.after) >= 2 * MOST_CHANGES:
            raise NotUsable(f"it touched more than {MOST_CHANGES:,} files, {shown(path)} among them")

    def changes(self) -> Changes:
        """Every path that differs, and the contents of those that are new."""
        found: dict[str, Change] = {}
        for path in {**self.before, **self.after}:
            before, after = self.before.get(path), self.after.get(path)
            if before == after:
                continue
            if before is not None and before.kind == "other":
                raise NotUsable(f"it replaced {shown(path)}, which is a pipe, a socket or a device")
            found[path] = Change(path, before, after, self.mtimes.get(path, 0))
        if len(found) > MOST_CHANGES:
            raise NotUsable(f"it changed more than {MOST_CHANGES:,} files")
        wanted = {
            change.after.sha256
            for change in found.values()
            if change.after is not None and needs_content(change)
        }
        contents = {sha256: data for sha256, data in self.contents.items() if sha256 in wanted}
        return in_order(found), contents


def needs_content(change: Change) -> bool:
    """Whether the file's content is another than before."""
    before, after = change.before, change.after
    if after is None or after.kind != "file":
        return False
    return before is None or before.kind != "file" or before.sha256 != after.sha256


def changes_in(written: Written) -> Changes:
    """What the program changed, and the contents by SHA-256; NotUsable where that cannot be said."""
    looking = Looking()
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    root = os.open(written.root, flags)
    try:
        folder = os.open(written.folder, flags)
        try:
            _look_at_root(looking, root, folder)
            if written.copied is None:
                _upper_layer(looking, folder, root, "")
            else:
                _copy(looking, folder, root, "", written.copied)
                _missing_in_copy(looking, root, folder, "", written.copied)
        finally:
            os.close(folder)
    finally:
        os.close(root)
    changes, contents = looking.changes()
    if written.copied is not None:
        _refuse_own_name(os.fsencode(written.folder.parent), changes, contents)
    return changes, contents


def names_in(folder: int) -> list[str]:
    """The names in an open folder, by their bytes."""
    with os.scandir(folder) as entries:
        return sorted((entry.name for entry in entries), key=os.fsencode)


def _look_at_root(looking: Looking, root: int, folder: int) -> None:
    """The root's own permissions, which a program may change as those of any folder."""
    looking.before["."] = State("folder", stat.S_IMODE(os.fstat(root).st_mode) & PERMISSIONS)
    looking.after["."] = State("folder", stat.S_IMODE(os.fstat(folder).st_mode) & PERMISSIONS)


def _upper_layer(looking: Looking, upper: int, lower: int | None, above: str) -> None:
    """Everything in a folder of an upper layer; ``lower`` is what is seen through it, None where nothing is."""
    for name in names_in(upper):
        path = f"{above}{name}"
        if path == GIT:
            continue
        facts = os.lstat(name, dir_fd=upper)
        if stat.S_ISCHR(facts.st_mode) and facts.st_rdev == 0:
            if lower is not None:
                looking.was_whole(lower, name, path)
            continue
        state = looking.is_now(upper, name, path)
        before = looking.was(lower, name, path) if lower is not None else None
        if state.kind != "folder":
            if lower is not None:
                looking.was_whole(lower, name, path)
            continue
        inner = _opened(upper, name, ours=True)
        try:
            merged = before is not None and before.kind == "folder" and not _is_opaque(inner)
            if lower is not None and not merged:
                looking.was_whole(lower, name, path)
            below = _opened(lower, name, ours=False) if lower is not None and merged else None
            try:
                _upper_layer(looking, inner, below, f"{path}/")
            finally:
                if below is not None:
                    os.close(below)
        finally:
            os.close(inner)


def _is_opaque(folder: int) -> bool:
    for name in OPAQUE:
        try:
            if os.getxattr(folder, name) == b"y":
                return True
        except OSError:
            # It does not have the attribute, or the file system knows none of that kind.
            continue
    return False


def _copy(looking: Looking, copy: int, tree: int | None, above: str, marks: Marks) -> None:
    """Everything in a folder of a copy that is not what was copied."""
    for name in names_in(copy):
        path = f"{above}{name}"
        if path == GIT:
            continue
        facts = os.lstat(name, dir_fd=copy)
        same = marks.get(os.fsencode(path)) == (facts.st_ino, facts.st_ctime_ns)
        before: State | None = None
        if not same:
            looking.is_now(copy, name, path)
            before = looking.was(tree, name, path) if tree is not None else None
            if tree is not None and not stat.S_ISDIR(facts.st_mode):
                looking.was_whole(tree, name, path)
        if not stat.S_ISDIR(facts.st_mode):
            continue
        is_folder = same or (before is not None and before.kind == "folder")
        inner = _opened(copy, name, ours=True)
        try:
            below = _opened(tree, name, ours=False) if tree is not None and is_folder else None
            try:
                _copy(looking, inner, below, f"{path}/", marks)
                if below is not None:
                    _missing_in_copy(looking, below, inner, f"{path}/", marks)
            finally:
                if below is not None:
                    os.close(below)
        finally:
            os.close(inner)


def _missing_in_copy(looking: Looking, tree: int, copy: int, above: str, marks: Marks) -> None:
    """What was copied from a folder and is gone from the copy."""
    there = set(names_in(copy))
    for name in names_in(tree):
        path = f"{above}{name}"
        if name not in there and path != GIT and os.fsencode(path) in marks:
            looking.was_whole(tree, name, path)


def _opened(folder: int, name: str, *, ours: bool) -> int:
    try:
        return open_folder(folder, name)
    except PermissionError as error:
        if not ours:
            raise NotUsable(f"the folder {shown(name)} could not be read: {error.strerror}") from error
        make_readable(folder, name, 0o700)
        return open_folder(folder, name)


def _refuse_own_name(own: bytes, changes: tuple[Change, ...], contents: Mapping[str, bytes]) -> None:
    """Without a second view of the file system the program knew the copy by its own name, which will mean nothing."""
    for change in changes:
        after = change.after
        if after is None or after.kind == "folder":
            continue
        if own in contents.get(after.sha256, b"") or own in os.fsencode(after.target):
            raise NotUsable(f"it wrote the name of the throw-away folder into {shown(change.path)}")
