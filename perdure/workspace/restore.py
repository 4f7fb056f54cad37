"""Builds a generation from a checkpoint: raw bytes, branches, HEAD, index, empty folders; everything verified."""

import asyncio
import contextlib
import os
import secrets
import shutil
from pathlib import Path

from perdure.contracts.errors import WorkspaceLost
from perdure.contracts.workspace import Checkpoint
from perdure.workspace.program import Folders, GitFailed, GitProgram
from perdure.workspace.records import Record, decoded, load_record
from perdure.workspace.storage import (
    give_to,
    in_thread,
    make_folder,
    put,
    remove_tree,
    spread_below,
)

GIT_FOLDER_SETTINGS = """\
[core]
\trepositoryformatversion = 0
\tfilemode = true
\tbare = false
\tlogAllRefUpdates = false
\tsymlinks = true
\tignoreCase = false
\tautocrlf = false
"""

RAW_ATTRIBUTES = "* -text -eol -crlf -ident -filter -working-tree-encoding -merge -diff\n"
"""Attributes of the shadow: they count more than those in the tree, so no byte is converted."""

# Names that Git refuses are recorded under others; a name that is ignored is not tripped over.
_SHADOW_EXCLUDE = ".[gG][iI][tT]\n"


HALF_MADE = ".half-made-"


def make_shadow(shadow: Path, *, exclude: str) -> None:
    """The Git folder of checkpoints: no setting, hook or attribute of the repository."""
    make_git_folder(shadow, head="refs/heads/none")
    make_folder(shadow / "info")
    put(shadow / "info" / "attributes", RAW_ATTRIBUTES.encode())
    put(shadow / "info" / "exclude", (exclude + "\n" + _SHADOW_EXCLUDE).encode("latin-1"))


def make_git_folder(folder: Path, *, head: str) -> None:
    """An empty Git folder with our settings. Its empty ``objects`` is a place to mount the shared one."""
    for name in ("objects", "refs/heads"):
        make_folder(folder / name)
    put(folder / "config", GIT_FOLDER_SETTINGS.encode())
    put(folder / "HEAD", f"ref: {head}\n".encode())


def new_generation(task_folder: Path, generation: int) -> Path:
    """A folder to build a generation in, under a name that is never taken for a finished one."""
    folder = task_folder / f"{HALF_MADE}{generation}-{secrets.token_hex(6)}"
    make_folder(task_folder)
    # The generation before is removed soon, and the next is made soon after.
    spread_below(task_folder)
    make_folder(folder / "tree" / ".git")
    return folder


def finish_generation(half_made: Path, final: Path) -> None:
    """Give a complete generation its name; what stood there before is removed."""
    remove_tree(final)
    half_made.rename(final)


async def restore(
    program: GitProgram,
    task_folder: Path,
    *,
    generation: int,
    checkpoint: Checkpoint,
    exclude: str,
    owner: tuple[int, int] | None,
) -> tuple[Path, Record]:
    """Build the checkpoint's state in a half-made folder and give it; WorkspaceLost where anything differs or lacks."""
    objects, shadow = task_folder / "objects", task_folder / "shadow"
    record = await load_record(program, shadow, objects, checkpoint.commit)
    if (record.tree, record.head_ref, record.branch_commit, record.staged_tree) != (
        checkpoint.tree, checkpoint.head_ref, checkpoint.branch_commit, checkpoint.staged_tree,
    ):  # fmt: skip
        raise WorkspaceLost(f"The checkpoint {checkpoint.commit!r} does not hold what was recorded of it.")
    folder = new_generation(task_folder, generation)
    try:
        raw = Folders(shadow, objects, folder / "shadow-index", folder / "tree")
        user = Folders(folder / "git", objects, folder / "git" / "index", folder / "tree")
        await _write_files(program, raw, record, owner)
        await _make_user_folder(program, task_folder, user, record, exclude)
        return folder, record
    except BaseException as error:
        with contextlib.suppress(OSError):
            await asyncio.to_thread(shutil.rmtree, folder)
        if isinstance(error, GitFailed):
            raise WorkspaceLost(
                f"The checkpoint {checkpoint.commit!r} cannot be restored: {error.message}"
            ) from error
        raise


async def _write_files(
    program: GitProgram, raw: Folders, record: Record, owner: tuple[int, int] | None
) -> None:
    assert raw.tree is not None
    await program.run("read-tree", "--reset", "-u", record.tree, folders=raw)
    tree = os.fsencode(raw.tree)
    for path in map(decoded, record.empty_folders):
        if not _is_renamed_folder(path):
            os.makedirs(tree + b"/" + path, exist_ok=True)  # noqa: PTH103 - names are bytes
    if owner is not None:
        await asyncio.to_thread(give_to, raw.tree, owner)
    await _verify(program, raw, record.tree)
    _rename_back(tree, record, owner)


async def _verify(program: GitProgram, raw: Folders, tree: str) -> None:
    """Hash every file again: an index without any times makes Git compare contents, not dates."""
    assert raw.index is not None
    raw.index.unlink()
    await program.run("read-tree", tree, folders=raw)
    found = await program.run("update-index", "--refresh", folders=raw, accept=(0, 1))
    if found.code != 0:
        names = [line.rpartition(": ")[0] for line in found.text.splitlines()]
        raise WorkspaceLost(
            f"{len(names)} restored files differ from the checkpoint: {', '.join(map(repr, names[:10]))}."
        )


def _is_renamed_folder(path: bytes) -> bool:
    """Whether the empty folder lies in one that is renamed back later."""
    return any(part.lower() == b".git" for part in path.split(b"/"))


def _rename_back(tree: bytes, record: Record, owner: tuple[int, int] | None) -> None:
    """Move files whose name Git refuses to their real places."""
    left: set[bytes] = set()
    for name, path in record.renamed:
        source, target = tree + b"/" + decoded(name), tree + b"/" + decoded(path)
        _make_owned(os.path.dirname(target), owner)  # noqa: PTH120 - names are bytes
        os.rename(source, target)  # noqa: PTH104 - names are bytes
        left.add(os.path.dirname(source))  # noqa: PTH120 - names are bytes
    for path in map(decoded, record.empty_folders):
        if _is_renamed_folder(path):
            _make_owned(tree + b"/" + path, owner)
    for folder in sorted(left, key=len, reverse=True):
        with contextlib.suppress(OSError):
            # Only folders that hold nothing any more go; those with other files stay.
            os.removedirs(folder)


def _make_owned(folder: bytes, owner: tuple[int, int] | None) -> None:
    missing: list[bytes] = []
    while not os.path.isdir(folder):  # noqa: PTH112 - names are bytes
        missing.append(folder)
        folder = os.path.dirname(folder)  # noqa: PTH120 - names are bytes
    for path in reversed(missing):
        os.mkdir(path, 0o755)  # noqa: PTH102 - names are bytes
        if owner is not None:
            os.chown(path, *owner)


async def _make_user_folder(
    program: GitProgram, task_folder: Path, user: Folders, record: Record, exclude: str
) -> None:
    assert user.index is not None
    await in_thread(_make_references, task_folder, user, record, exclude)
    await _require_objects(program, user, record)
    await program.run("read-tree", record.staged_tree, folders=user)
    # Times of the new files go into the index, so that the next status need not read every file.
    await program.run("update-index", "-q", "--refresh", folders=user, accept=(0, 1))


def _make_references(task_folder: Path, user: Folders, record: Record, exclude: str) -> None:
    """The Git folder with its branches."""
    make_git_folder(user.git, head=record.head_ref)
    make_folder(user.git / "info")
    put(user.git / "info" / "exclude", exclude.encode("latin-1"))
    for name in ("packed-refs", "shallow"):
        if (task_folder / name).is_file():
            put(user.git / name, (task_folder / name).read_bytes())
    for name, oid in record.refs.items():
        make_folder((user.git / name).parent)
        put(user.git / name, f"{oid}\n".encode())


async def _require_objects(program: GitProgram, user: Folders, record: Record) -> None:
    wanted = "\n".join([*record.refs.values(), record.staged_tree]) + "\n"
    found = await program.run("cat-file", "--batch-check", folders=user, stdin=wanted.encode())
    missing = [line.split()[0] for line in found.text.splitlines() if line.endswith(" missing")]
    if missing:
        raise WorkspaceLost(
            f"Objects of the workspace's branches are not on this host: {', '.join(missing[:10])}."
        )
