"""What a model is told of a repository before it looks for itself."""

import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from perdure.workspace.program import GitFailed
from perdure.workspace.working_copy import WorkingCopy

SKIPPED = frozenset(
    {".git", "node_modules", ".venv", "venv", "__pycache__", "dist", "build", ".next", "target"}
)
MAX_FILES = 150
MAX_README_CHARACTERS = 1_200
READMES = ("README.md", "README.rst", "README.txt", "README")


def overview_of(root: Path) -> str:
    """The repository's files (at most 150, nearest the root first) and the beginning of its README."""
    files = sorted(_files(root), key=lambda path: (path.count("/"), path))
    parts = [
        f"The repository has {len(files)} files:" if len(files) < 5_000 else "The repository has many files:"
    ]
    parts += files[:MAX_FILES]
    if len(files) > MAX_FILES:
        parts.append(f"… and {len(files) - MAX_FILES} more (list_directory and grep_search find them).")
    readme = _readme(root)
    if readme:
        parts += ["", "Its README begins:", readme]
    return "\n".join(parts)


def toolchain_of(root: Path) -> tuple[str, ...]:
    """What the project is made with, by its marker files."""
    markers = {
        "pyproject.toml": "python",
        "setup.py": "python",
        "requirements.txt": "python",
        "package.json": "node",
        "tsconfig.json": "typescript",
    }
    found = [kind for name, kind in markers.items() if (root / name).is_file()]
    return tuple(dict.fromkeys(found))


def _files(root: Path) -> Iterator[str]:
    count = 0
    for folder, folders, names in os.walk(root, followlinks=False):
        folders[:] = sorted(name for name in folders if name not in SKIPPED)
        for name in sorted(names):
            yield os.fsencode(os.path.relpath(os.path.join(folder, name), root)).decode("utf-8", "replace")  # noqa: PTH118
            count += 1
            if count >= 5_000:
                return


def _readme(root: Path) -> str:
    for name in READMES:
        file = root / name
        # A link could lead out of the workspace, so only a regular file is read.
        if file.is_file() and not file.is_symlink():
            with file.open("rb") as opened:
                return opened.read(MAX_README_CHARACTERS).decode("utf-8", "replace").strip()
    return ""


async def survey_branch(
    copy: WorkingCopy, *, base_commit: str
) -> tuple[str, bool, Sequence[str], str, str | None]:
    """The branch, whether files are uncommitted, its commits oldest first, its head, and its head at the remote.

    A remote that cannot be asked counts as having nothing: the push itself finds out, and says what is wrong.
    """
    branch = await copy.git.branch()
    uncommitted = bool(await copy.git.status())
    commits = [commit.oid for commit in await copy.git.log(base_commit)]
    anything = uncommitted or commits
    remote_head = None
    if anything:
        with contextlib.suppress(GitFailed):
            remote_head = await copy.git.remote_head(branch)
    return branch, uncommitted, commits, await copy.git.head(), remote_head
