"""Before a workspace is replaced by an earlier state: what no step recorded is kept, and a pushed branch is left alone."""

import contextlib
import os
import shutil
from collections.abc import Generator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from perdure.contracts.errors import ToolRejected, WorkspaceLost
from perdure.contracts.lookups import Form
from perdure.contracts.workspace import Checkpoint
from perdure.workspace.program import GitProgram
from perdure.workspace.records import decoded, load_record
from perdure.workspace.references import head_of, move_branch, read_branches
from perdure.workspace.refusals import refusal_of
from perdure.workspace.storage import make_folder, put
from perdure.workspace.working_copy import WorkingCopy

NO_STEP = {"set aside", "found in its place"}
"""Labels of checkpoints that hold what no step recorded."""
MAX_LEFT_FILES = 100
MAX_LEFT_BYTES = 16 * 1024 * 1024
"""Of files that no checkpoint holds, so many and so large ones are copied."""
SET_ASIDE = "set-aside-"
"""How the folder of a generation is called that could not be recorded and stays therefore."""


@dataclass(frozen=True)
class Unrecorded:
    """Changes that no step had recorded."""

    checkpoint: Checkpoint
    files: tuple[str, ...]
    patch: bytes
    unkept: tuple[str, ...] = ()
    """What no checkpoint holds, and the recorded one does not name."""
    left_in: str = ""
    """The folder that holds the single files among those, where there are any."""


class Leaving:
    """The part of the workspaces that leaves a state behind."""

    _program: GitProgram

    def _folder(self, task_id: str) -> Path:
        raise NotImplementedError

    async def open(self, task_id: str, generation: int) -> WorkingCopy:
        """The working copy of one generation."""
        raise NotImplementedError

    async def checkpoint(
        self, copy: WorkingCopy, *, previous: Checkpoint, label: str, at: datetime
    ) -> Checkpoint:
        """Record files, branches and index."""
        raise NotImplementedError

    async def change(
        self, task_id: str, *, checkpoint: Checkpoint, form: Form, since: Checkpoint | None = None
    ) -> bytes:
        """What differs between two checkpoints."""
        raise NotImplementedError

    async def _have(self, task_id: str, checkpoint: Checkpoint) -> None:
        raise NotImplementedError

    async def keep_unrecorded(self, task_id: str, *, recorded: Checkpoint, at: datetime) -> Unrecorded | None:
        """Keep what the task's newest folder on this host holds beyond the recorded checkpoint, as one of its own.

        None where there is no folder here, or nothing else in it. ToolRejected where it cannot be recorded: its folder
        then stays under another name.
        """
        generation = newest_generation(self._folder(task_id))
        if generation is None:
            return None
        try:
            copy = await self.open(task_id, generation)
        except WorkspaceLost:
            # A damaged folder: nothing can be said of it.
            return None
        try:
            await self._have(task_id, recorded)
            with looked_at(copy) as private:
                found = await self.checkpoint(private, previous=recorded, label="set aside", at=at)
        except (ToolRejected, WorkspaceLost) as error:
            kept = leave_folder(copy)
            raise ToolRejected(
                f"The workspace's files could not be recorded before they were replaced: {error.message}",
                f"they are in {str(kept)!r}.",
            ) from error
        if found == recorded or await _was_recorded(self._program, copy, found):
            return None
        unkept = await _unkept(self._program, copy, found, recorded)
        left_in = leave_files(copy, unkept) if unkept else ""
        names = await self.change(task_id, checkpoint=found, since=recorded, form="names")
        patch = await self.change(task_id, checkpoint=found, since=recorded, form="patch")
        shown = tuple(path.decode("utf-8", "replace") for path in unkept)
        return Unrecorded(found, tuple(names.decode("utf-8", "replace").splitlines()), patch, shown, left_in)

    async def leave_pushed_branch(
        self, copy: WorkingCopy, *, pushed: Mapping[str, Set[str]], previous: Checkpoint, at: datetime
    ) -> Checkpoint:
        """Give the branch a new name where what was pushed under its own is not part of it; ``previous`` where not."""
        renamed = await leave_pushed_branch(self._program, copy, pushed)
        if renamed is None:
            return previous
        return await self.checkpoint(copy, previous=previous, label=f"branch {renamed}", at=at)


def newest_generation(task_folder: Path) -> int | None:
    """The number of the newest complete folder; None where there is none."""
    with contextlib.suppress(FileNotFoundError):
        numbers = [int(path.name) for path in task_folder.iterdir() if path.name.isdigit()]
        return max(numbers, default=None)
    return None


@contextlib.contextmanager
def looked_at(copy: WorkingCopy) -> Generator[WorkingCopy]:
    """The copy with a private index for checkpoints, since a call that was not stopped yet may use the other one."""
    private = copy.folder / "set-aside-index"
    try:
        with contextlib.suppress(FileNotFoundError):
            shutil.copyfile(copy.shadow_index, private)
    except OSError as error:
        raise refusal_of(error, private.name, folder=copy.folder) from error
    try:
        yield replace(copy, index_name=private.name)
    finally:
        private.unlink(missing_ok=True)


def leave_folder(copy: WorkingCopy) -> Path:
    """Give the folder a name that is never cleaned up while the task is there."""
    kept = copy.folder.with_name(f"{SET_ASIDE}{copy.generation}")
    copy.folder.rename(kept)
    return kept


def leave_files(copy: WorkingCopy, paths: Sequence[bytes]) -> str:
    """Copy the small regular files among these to where they are never cleaned up while the task is there."""
    kept, left = copy.folder.with_name(f"{SET_ASIDE}{copy.generation}"), MAX_LEFT_BYTES
    for path in paths[:MAX_LEFT_FILES]:
        name = os.fsdecode(path)
        # A folder, a pipe or a file that goes meanwhile is named and not copied.
        with contextlib.suppress(ToolRejected):
            data = copy.files.read(name, limit_bytes=left + 1)
            if len(data) <= left:
                make_folder((kept / name).parent)
                put(kept / name, data, mode=0o600)
                left -= len(data)
    return str(kept) if kept.is_dir() else ""


async def _unkept(
    program: GitProgram, copy: WorkingCopy, found: Checkpoint, recorded: Checkpoint
) -> list[bytes]:
    """What the folder holds that no checkpoint does, without what was so when the task recorded it."""
    here, before = [
        await load_record(program, copy.shadow, copy.objects_folder, each.commit)
        for each in (found, recorded)
    ]
    known = set(before.unkept)
    return [decoded(path) for path in here.unkept if path not in known]


async def _was_recorded(program: GitProgram, copy: WorkingCopy, found: Checkpoint) -> bool:
    """Whether the folder is just as an earlier step on this host left it, which others went on from."""
    listed = await program.run(
        "for-each-ref", "--format=%(tree) %(objectname)", "refs/checkpoints", folders=copy.shadow_folders
    )
    same = [line.split()[1] for line in listed.text.splitlines() if line.startswith(found.tree)]
    here = await load_record(program, copy.shadow, copy.objects_folder, found.commit)
    for commit in same:
        record = await load_record(program, copy.shadow, copy.objects_folder, commit)
        if (
            record.label not in NO_STEP
            and record.kept == here.kept
            and set(here.unkept) <= set(record.unkept)
        ):
            return True
    return False


async def leave_pushed_branch(
    program: GitProgram, copy: WorkingCopy, pushed: Mapping[str, Set[str]]
) -> str | None:
    """Give HEAD's branch another name where its name was pushed with commits that it does not have any more.

    Gives the new name; None where the branch may keep its own, since a push of it is a fast-forward.
    """
    reference = head_of(copy.git_folder)
    name, branches = reference.removeprefix("refs/heads/"), read_branches(copy.git_folder)
    head = branches[reference]
    for commit in pushed.get(name, ()):
        found = await program.run(
            "merge-base", "--is-ancestor", commit, head, folders=copy.folders, accept=(0, 1, 128)
        )
        if found.code != 0:
            break
    else:
        return None
    first = copy.branch if name == copy.branch or name.startswith(f"{copy.branch}-") else name
    taken = {each.removeprefix("refs/heads/") for each in branches} | set(pushed)
    number = 2
    while f"{first}-{number}" in taken:
        number += 1
    renamed = f"{first}-{number}"
    move_branch(copy.git_folder, renamed)
    return renamed
