"""Takes a checkpoint: the raw bytes of every file, the branches and the index, as one commit of the shadow.

The shadow Git folder has no settings, hooks or attributes of the repository, so no byte is converted on the way.
"""

import asyncio
from dataclasses import dataclass
from datetime import datetime

from perdure.contracts.errors import ToolRejected
from perdure.contracts.workspace import Checkpoint
from perdure.workspace.adding import add_everything, add_unnameable
from perdure.workspace.amendment import Amending, Amendment
from perdure.workspace.objects import read_loose_object
from perdure.workspace.packing import pack_of
from perdure.workspace.program import GitProgram
from perdure.workspace.records import Record, encoded, load_record, store_record
from perdure.workspace.references import head_of, read_branches
from perdure.workspace.refusals import refusal_of
from perdure.workspace.scan import Scan
from perdure.workspace.storage import make_folder, put
from perdure.workspace.trees import TreesDiffer
from perdure.workspace.working_copy import WorkingCopy, checksum_of

MAX_IGNORED = 500
"""Ignored files and folders that a checkpoint names."""


@dataclass(frozen=True)
class Taken:
    """A checkpoint with what is new in it."""

    checkpoint: Checkpoint
    pack: bytes | None = None
    """The objects that are new since the checkpoint before, as a thin pack; None where Git has to find them."""


@dataclass(frozen=True)
class _Found:
    scan: Scan
    tree: str
    renamed: tuple[tuple[str, str], ...] = ()
    amendment: Amendment | None = None


async def take_checkpoint(
    program: GitProgram, copy: WorkingCopy, *, previous: Checkpoint | None, label: str, at: datetime
) -> Checkpoint:
    """Record the work tree, branches and index; ``previous`` itself where nothing differs from it."""
    return (await Checkpoints(program).take(copy, previous=previous, label=label, at=at)).checkpoint


class Checkpoints:
    """Takes checkpoints, and remembers what makes the next one cheap; all of it may be forgotten at any time."""

    def __init__(self, program: GitProgram) -> None:
        self._program = program
        self._amending = Amending(program)

    async def take(
        self, copy: WorkingCopy, *, previous: Checkpoint | None, label: str, at: datetime
    ) -> Taken:
        """Record the work tree, branches and index; ``previous`` itself where nothing differs from it."""
        # Only a killed command of this same generation can have left the lock: its owner is the one who calls.
        copy.shadow_index.with_name(copy.shadow_index.name + ".lock").unlink(missing_ok=True)
        try:
            staged_tree, found = await asyncio.gather(_staged_tree(self._program, copy), self._look(copy))
        except OSError as error:
            raise refusal_of(error, "the workspace", folder=copy.task_folder) from error
        record = _record(copy, found, staged_tree)
        before: Record | None = None
        if previous is not None:
            before = await load_record(self._program, copy.shadow, copy.objects_folder, previous.commit)
            # A folder that was made from a checkpoint lacks what none holds, and is still as that was.
            nothing_new = set(record.unkept) <= set(before.unkept)
            if before.kept == record.kept and nothing_new:
                return Taken(previous)
        checkpoint = store_record(
            copy.objects_folder, record, previous=previous.commit if previous else None, label=label, at=at
        )
        reference = copy.shadow / "refs" / "checkpoints" / checkpoint.commit
        make_folder(reference.parent)
        # The reference only marks the commit as in use; the caller's record is what counts, so it need not be durable.
        put(reference, f"{checkpoint.commit}\n".encode(), durable=False)
        pack = None
        if before is not None and found.amendment is not None:
            pack = await self._pack(copy, before, record, checkpoint, found.amendment)
        return Taken(checkpoint, pack)

    async def _look(self, copy: WorkingCopy) -> _Found:
        """The tree of the files as they are."""
        made = await self._amending.amendment(copy)
        if made is not None:
            return _Found(made.scan, made.tree, amendment=made)
        before, before_s = checksum_of(copy.shadow_index), _written_s(copy)
        again = before is not None and copy.known_shadow_tree(before) is not None
        scan = await add_everything(self._program, copy.shadow_folders, copy)
        renamed = await add_unnameable(self._program, copy.shadow_folders, copy.root, scan)
        tree = (await self._program.run("write-tree", folders=copy.shadow_folders)).text
        after = checksum_of(copy.shadow_index)
        if after is not None:
            copy.remember_shadow_tree(after, tree, settled=again and before_s < _written_s(copy))
        return _Found(scan, tree, renamed)

    async def _pack(
        self, copy: WorkingCopy, before: Record, record: Record, checkpoint: Checkpoint, made: Amendment
    ) -> bytes | None:
        if (before.refs, before.staged_tree) != (record.refs, record.staged_tree):
            # Commits, or files that are only in the index, may be new as well.
            return None
        commit = read_loose_object(copy.objects_folder, checkpoint.commit)
        try:
            trees = await self._amending.trees.read(copy.shadow_folders, before.tree, made.after)
            return (
                None
                if commit is None
                else await asyncio.to_thread(pack_of, copy.objects_folder, commit, trees, made)
            )
        except TreesDiffer:
            return None


def _written_s(copy: WorkingCopy) -> int:
    """The second in which the shadow index was written; 0 where there is none."""
    try:
        return int(copy.shadow_index.stat().st_mtime)
    except FileNotFoundError:
        return 0


def _record(copy: WorkingCopy, found: _Found, staged_tree: str) -> Record:
    scan = found.scan
    return Record(
        tree=found.tree,
        head_ref=head_of(copy.git_folder),
        staged_tree=staged_tree,
        refs=read_branches(copy.git_folder),
        empty_folders=tuple(map(encoded, scan.empty_folders)),
        renamed=found.renamed,
        unsupported=tuple(map(encoded, scan.special)),
        ignored=tuple(map(encoded, scan.ignored[:MAX_IGNORED])),
    )


async def _staged_tree(program: GitProgram, copy: WorkingCopy) -> str:
    """The tree that the user's index holds; asked of Git only when the index changed."""
    checksum = checksum_of(copy.index)
    if checksum is None:
        raise ToolRejected("The index of the workspace's Git folder is gone.")
    known = copy.known_staged_tree(checksum)
    if known is not None:
        return known
    tree = (await program.run("write-tree", folders=copy.folders)).text
    copy.remember_staged_tree(checksum, tree)
    return tree
