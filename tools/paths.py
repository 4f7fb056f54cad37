"""Paths as models write them: spelled in one way, and with near names where nothing is there."""

import difflib
import os
import posixpath
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator

from perdure.contracts.errors import ToolRejected
from perdure.workspace.paths import FileFacts, Files
from perdure.workspace.refusals import shown
from perdure.workspace.working_copy import WorkingCopy

WALKED_FOLDERS = 200
SANDBOX_ROOT = "/workspace"
NEVER_WALKED = {".git", "node_modules", ".venv", "__pycache__"}


def from_root(path: str) -> str:
    """The path from the workspace root, also where it was written as programs in the sandbox see it."""
    if path == SANDBOX_ROOT:
        return "."
    return path.removeprefix(f"{SANDBOX_ROOT}/")


WorkspacePath = Annotated[str, AfterValidator(from_root)]
"""A path as a model writes it."""


def resolved(root: Path, path: str) -> str:
    """One spelling for each file, with links followed; a path that leads outside stays as it is, to be refused.

    Only names are compared here: reading and writing go through ``Files``, which holds whatever moves meanwhile.
    ToolRejected where something on the way is replaced at that very moment.
    """
    if not path or "\0" in path:
        return path
    try:
        # The root as well: whoever works in the workspace may exchange its very folder.
        top = os.path.realpath(root)
        target = os.path.realpath(Path(top) / path)
    except OSError as error:
        # What was a link when it was looked at is none any more when it is read.
        raise ToolRejected(
            f"{path!r} was replaced while it was looked at.",
            "Look at what is there, and send the call again.",
        ) from error
    inside = target == top or target.startswith(top + os.sep)
    return os.path.relpath(target, top) if inside else path


def refuse_impossible(root: Path, path: str) -> None:
    """ToolRejected where a path goes on behind what is no folder, as in ``a.txt/``, ``a.txt/..`` and ``missing/../b``.

    For the system there is nothing at such a path; dropping the part would open another file than was named.
    """
    if not path or "\0" in path:
        return
    parts = path.split("/")
    for number, part in enumerate(parts):
        if number and (part == ".." or (part in {"", "."} and not any(parts[number + 1 :]))):
            above = "/".join(parts[:number])
            if above.strip("/") and not _may_be_folder(root / above):
                raise ToolRejected(
                    f"{shown(path)} goes on behind {shown(above)}, which is no folder.",
                    "Send the path of the file itself, or list the folder to see what is there.",
                )


def _may_be_folder(place: Path) -> bool:
    try:
        return place.is_dir()
    except (OSError, ValueError):
        # Such as a name that is too long: opening it says so in better words.
        return True


def located(copy: WorkingCopy, path: str) -> str:
    """The path with links followed; ToolRejected for a link that leads to nothing, and for a path that cannot be."""
    refuse_impossible(copy.root, path)
    target = resolved(copy.root, path)
    is_link = copy.files.exists(path) and copy.files.stat(path).kind == "link"
    if is_link and (target == path or not copy.files.exists(target)):
        where = repr(target) if target != path else "somewhere outside the workspace, or in a circle"
        raise ToolRejected(f"{path!r} is a link to {where}, so there is nothing to open.", "Name a file.")
    return target


def text_file_facts(files: Files, path: str) -> FileFacts:
    """Facts of an existing regular file; ToolRejected says what is there instead, or which names are near."""
    if not files.exists(path):
        raise missing(files, path)
    facts = files.stat(path)
    if facts.kind == "folder":
        names = [entry.name for entry in files.list(path)]
        shown = ", ".join(repr(name) for name in sorted(names)[:20]) or "nothing"
        raise ToolRejected(f"{path!r} is a folder, not a file; it holds {shown}.", "Name a file in it.")
    if facts.kind != "file":
        raise ToolRejected(f"{path!r} is no regular file, so it cannot be read or written.")
    return facts


def existing_folder(copy: WorkingCopy, path: str) -> str:
    """The folder with links followed; ToolRejected where it is none."""
    target = located(copy, path)
    if not copy.files.exists(target):
        raise missing(copy.files, path)
    if copy.files.stat(target).kind != "folder":
        raise ToolRejected(f"{path!r} is a file, not a folder.", "Name a folder, or read the file.")
    return target


def missing(files: Files, path: str) -> ToolRejected:
    """The refusal for a path where nothing is, with the likeliest names."""
    near = _near(files, path)
    hint = (
        f"Did you mean {' or '.join(map(repr, near))}?" if near else "List the folder to see what is there."
    )
    return ToolRejected(f"There is no {path!r}.", hint)


def _near(files: Files, path: str) -> list[str]:
    folder, name = posixpath.split(posixpath.normpath(path))
    siblings: list[str] = []
    if files.exists(folder or ".") and files.stat(folder or ".").kind == "folder":
        siblings = [entry.name for entry in files.list(folder or ".")]
    close = difflib.get_close_matches(name, siblings, n=3, cutoff=0.6)
    near = [posixpath.join(folder, one) for one in close]
    return near or [found for found in _walk(files) if posixpath.basename(found) == name][:3]


def _walk(files: Files) -> list[str]:
    """Paths of the workspace's files, breadth first, as far as a bounded walk goes."""
    found: list[str] = []
    folders = [""]
    for folder in folders:
        for entry in files.list(folder or "."):
            inner = posixpath.join(folder, entry.name)
            if entry.kind == "file":
                found.append(inner)
            elif entry.kind == "folder" and entry.name not in NEVER_WALKED and len(folders) < WALKED_FOLDERS:
                folders.append(inner)
    return found
