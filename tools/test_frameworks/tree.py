"""The files of a workspace as test frameworks look for them, and the folders above a file."""

import posixpath
import re
from collections.abc import Iterator, Sequence

from perdure.contracts.errors import ToolRejected
from perdure.workspace.paths import Files
from tools.paths import missing

SCRIPT = re.compile(r".+\.[cm]?[jt]sx?\Z")
"""A file of JavaScript or TypeScript."""
SKIPPED_FOLDERS = {".git", "node_modules", ".venv", "venv", "__pycache__", "dist", "build"}
WALKED_ENTRIES = 50_000
#: How much of a file is read to see what it imports.
READ_BYTES = 64 * 1024


def file_of(path: str) -> str:
    """The file of an id (``file::name``), or the path itself."""
    return path.partition("::")[0]


def present(files: Files, path: str) -> str:
    """The path, which must exist; an id is judged by its file."""
    if not files.exists(file_of(path)):
        raise missing(files, file_of(path))
    head, separator, name = path.partition("::")
    return posixpath.normpath(head) + separator + name


def walked(files: Files, paths: Sequence[str]) -> list[str]:
    """Every file at and below the paths, without folders of dependencies and built things."""
    found: list[str] = []
    waiting = list(paths)
    left = WALKED_ENTRIES
    while waiting:
        path = waiting.pop()
        if files.stat(path).kind == "file":
            found.append(posixpath.normpath(path))
            continue
        for entry in files.list(path):
            left -= 1
            inner = posixpath.normpath(posixpath.join(path, entry.name))
            if entry.kind == "file":
                found.append(inner)
            elif entry.kind == "folder" and entry.name not in SKIPPED_FOLDERS:
                waiting.append(inner)
        if left < 0:
            raise ToolRejected(
                f"More than {WALKED_ENTRIES:,} files would have to be searched for tests.",
                "Name the files or folders with tests in paths.",
            )
    return sorted(set(found))


def upwards(path: str) -> Iterator[str]:
    """The folder of a file and every folder above it, up to the root ``.``."""
    folder = posixpath.dirname(path) or "."
    while folder != ".":
        yield folder
        folder = posixpath.dirname(folder) or "."
    yield "."


def within(folder: str, name: str) -> str:
    """The path of a name in a folder."""
    return name if folder == "." else f"{folder}/{name}"


def seen_from(folder: str, path: str) -> str:
    """The path as a program started in the folder names it; never like an option."""
    relative = posixpath.relpath(path, folder)
    return relative if not relative.startswith("-") else f"./{relative}"


def beginning(files: Files, path: str) -> str:
    """The first part of a file as text."""
    return files.read(path, limit_bytes=READ_BYTES).decode("utf-8", "replace")
