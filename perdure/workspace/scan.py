"""Finds in a work tree what Git cannot record: empty folders, nested repositories, odd names, pipes and sockets."""

import contextlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

CACHES = {b"__pycache__", b".pytest_cache", b".ruff_cache", b".mypy_cache", b".cache", b".DS_Store"}
"""Names of what programs make again by themselves and nobody misses."""


@dataclass
class Scan:
    """What one walk over the work tree found. Paths are relative bytes with '/'; ignored folders are not entered."""

    empty_folders: list[bytes] = field(default_factory=list[bytes])
    """Folders that hold nothing a checkpoint would hold."""
    nested: list[bytes] = field(default_factory=list[bytes])
    """Folders with a ``.git`` of their own."""
    unnameable: list[bytes] = field(default_factory=list[bytes])
    """Files and links that exist but that Git refuses to name, such as those in a nested ``.git``."""
    special: list[bytes] = field(default_factory=list[bytes])
    """Pipes, sockets and devices."""
    ignored: list[bytes] = field(default_factory=list[bytes])
    """Files and whole folders (with a '/' at the end) that Git ignores, caches left out: no checkpoint holds them."""
    closed: list[bytes] = field(default_factory=list[bytes])
    """Folders that may not be entered; Git leaves such a folder out without an error."""
    files: dict[bytes, list[bytes]] = field(default_factory=dict[bytes, list[bytes]])
    """Names of files and links by their folder, ignored ones among them; without those that Git refuses to name."""
    ignored_files: set[bytes] = field(default_factory=set[bytes])
    """Paths of single files that Git ignores."""

    ignores: bool = False
    """Whether Git ignores anything in the work tree."""

    def kept_files(self) -> Iterator[tuple[bytes, list[bytes]]]:
        """The files without the ignored ones."""
        touched = {path.rpartition(b"/")[0] for path in self.ignored_files}
        for folder, names in self.files.items():
            if folder in touched:
                prefix = folder + b"/" if folder else b""
                yield folder, [name for name in names if prefix + name not in self.ignored_files]
            else:
                yield folder, names


def scan_tree(root: bytes, ignored: Iterable[bytes]) -> Scan:
    """Walk the work tree. ``ignored`` is what Git lists: a folder ends in '/' and may be listed beside its files."""
    listed = set(ignored)
    partly = {name.rpartition(b"/")[0] + b"/" for name in listed if not name.endswith(b"/")}
    partly |= {name[:-1].rpartition(b"/")[0] + b"/" for name in listed if name.endswith(b"/")}
    # A folder is listed alone where a pattern matches it, and beside its content where only that is ignored.
    folders = {name[:-1] for name in listed if name.endswith(b"/") and name not in partly}
    files = {name for name in listed if not name.endswith(b"/")}
    scan = Scan(ignored=sorted(_worth_naming(folders, files)), ignored_files=files, ignores=bool(listed))
    waiting = [b""]
    while waiting:
        waiting += _enter(root, waiting.pop(), folders, files, scan)
    for paths in (scan.empty_folders, scan.nested, scan.unnameable, scan.special):
        paths.sort()
    return scan


def _worth_naming(folders: set[bytes], files: set[bytes]) -> list[bytes]:
    """What somebody may miss: no caches, nothing inside a folder that is named whole, no folder of Git."""
    named = [folder + b"/" for folder in folders] + list(files)
    return [
        path
        for path in named
        if not CACHES.intersection(parts := path.rstrip(b"/").split(b"/"))
        and not path.endswith(b".pyc")
        and parts[-1].lower() != b".git"
        and not any(b"/".join(parts[:length]) in folders for length in range(1, len(parts)))
    ]


def _enter(
    root: bytes, folder: bytes, ignored_folders: set[bytes], ignored_files: set[bytes], scan: Scan
) -> list[bytes]:
    """Note what one folder holds and give the folders in it that are to be entered."""
    inner: list[bytes] = []
    names: list[bytes] = []
    prefix = folder + b"/" if folder else b""
    holds_something = False
    for entry in _entries(root, folder, scan):
        name = entry.name
        # Most entries are files with an ordinary name: this loop is most of what a look at a large tree costs.
        if entry.is_file(follow_symlinks=False) and name[:4].lower() != b".git":
            names.append(name)
        elif name.lower() == b".git":
            holds_something = _enter_git(root, folder, entry, scan) or holds_something
        elif entry.is_dir(follow_symlinks=False):
            if prefix + name not in ignored_folders:
                holds_something = True
                inner.append(prefix + name)
        elif entry.is_symlink() or entry.is_file(follow_symlinks=False):
            names.append(name)
            if name.lower() == b".gitmodules" and entry.is_symlink():
                scan.unnameable.append(prefix + name)
        else:
            scan.special.append(prefix + name)
    scan.files[folder] = names
    if folder and not holds_something and all(prefix + name in ignored_files for name in names):
        scan.empty_folders.append(folder)
    return inner


def _enter_git(root: bytes, folder: bytes, entry: os.DirEntry[bytes], scan: Scan) -> bool:
    """Note what a name of Git's holds; whether it counts as content of its folder."""
    if not folder and entry.name == b".git":
        return False
    _collect(root, folder + b"/" + entry.name if folder else entry.name, entry, scan)
    if entry.name == b".git":
        scan.nested.append(folder)
    return True


def _entries(root: bytes, folder: bytes, scan: Scan) -> list[os.DirEntry[bytes]]:
    # A folder that was deleted meanwhile holds nothing.
    with contextlib.suppress(FileNotFoundError):
        try:
            with os.scandir(root + b"/" + folder) as entries:
                return list(entries)
        except PermissionError:
            scan.closed.append(folder)
    return []


def _collect(root: bytes, path: bytes, entry: os.DirEntry[bytes], scan: Scan) -> None:
    """Everything at and below a name that Git refuses, whatever an ignore rule says."""
    waiting = [(path, entry)]
    while waiting:
        path, entry = waiting.pop()
        if entry.is_dir(follow_symlinks=False):
            inner = _entries(root, path, scan)
            waiting += [(path + b"/" + child.name, child) for child in inner]
            if not inner:
                scan.empty_folders.append(path)
        elif entry.is_symlink() or entry.is_file(follow_symlinks=False):
            scan.unnameable.append(path)
        else:
            scan.special.append(path)
