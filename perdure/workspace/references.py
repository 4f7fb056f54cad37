"""References of a generation's Git folder. The folder is ours alone, so its files are read and written directly."""

import os
import re
from pathlib import Path

from perdure.contracts.errors import ToolRejected
from perdure.workspace.refusals import refusal_of, shown
from perdure.workspace.storage import make_folder, put

_OID = re.compile(r"[0-9a-f]{40}")
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//")


def is_oid(text: str) -> bool:
    """Whether the text is a whole object id."""
    return _OID.fullmatch(text) is not None


def refuse_bad_branch_name(name: str) -> None:
    """ToolRejected for what Git does not take as a branch name."""
    parts = name.split("/")
    bad = (
        not name
        or name in {"@", "HEAD"}
        or name.startswith("-")
        or name.endswith("/")
        or _FORBIDDEN.search(name) is not None
        or any(not part or part.startswith(".") or part.endswith((".", ".lock")) for part in parts)
        or len(os.fsencode(name)) > 200
    )
    if bad:
        raise ToolRejected(
            f"{shown(name)} is not a branch name.",
            "send letters, digits, '-', '_', '.' and single '/', such as 'fix/rounding'.",
        )


def head_of(git_folder: Path) -> str:
    """The reference that HEAD names, such as ``refs/heads/main``."""
    return (git_folder / "HEAD").read_text().strip().removeprefix("ref: ")


def read_branches(git_folder: Path) -> dict[str, str]:
    """Every branch of ours with its commit, by full name. All of them are loose files; packed ones are read-only."""
    top = git_folder / "refs" / "heads"
    return {
        str(path.relative_to(git_folder)): path.read_text().strip()
        for path in sorted(top.rglob("*"))
        if path.is_file() and not path.name.endswith(".lock")
    }


def write_reference(git_folder: Path, name: str, oid: str) -> None:
    """Put a loose reference there, atomically and durably."""
    path = git_folder / name
    try:
        make_folder(path.parent)
        put(path, f"{oid}\n".encode())
    except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
        raise ToolRejected(
            f"The branch {name.removeprefix('refs/heads/')!r} collides with another branch, because a branch name "
            "cannot also be a folder of branch names.",
            "choose another name.",
        ) from error
    except OSError as error:
        raise refusal_of(error, name, folder=git_folder) from error


def point_head_at(git_folder: Path, name: str) -> None:
    """Make HEAD name this reference."""
    try:
        put(git_folder / "HEAD", f"ref: {name}\n".encode())
    except OSError as error:
        raise refusal_of(error, "HEAD", folder=git_folder) from error


def move_branch(git_folder: Path, branch: str) -> None:
    """Give the branch that HEAD names another name, at the same commit."""
    old, new = head_of(git_folder), f"refs/heads/{branch}"
    if old == new:
        return
    write_reference(git_folder, new, read_branches(git_folder)[old])
    point_head_at(git_folder, new)
    (git_folder / old).unlink()
